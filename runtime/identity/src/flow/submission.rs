//! What a form sends.

use serde_json::{Map, Value};

use super::keys::KeySubmission;
use super::oidc::ProviderSubmission;
use super::second_factor::FactorSubmission;
use super::transient::TransientPayload;
use crate::captcha;
use crate::password::PlainPassword;
use crate::schema::{InputType, Schema};

/// A submitted form, from JSON or from form fields.
#[derive(Debug, Clone, Default)]
pub struct Submission {
    /// Which button, i.e. which method.
    pub method: Option<String>,
    /// The token that proves that the form is ours.
    pub csrf_token: Option<String>,
    /// Who wants to sign in.
    pub identifier: Option<String>,
    /// The password, old or new.
    pub password: Option<PlainPassword>,
    /// The address to prove.
    pub email: Option<String>,
    /// The same of a form that lets people back in, where it may be a number, and chosen.
    pub recovery: RecoverySubmission,
    /// The code that was sent to it.
    pub code: Option<String>,
    /// Whether the code is to be sent once more.
    pub resend: Option<String>,
    /// To which address the code goes.
    pub address: Option<String>,
    /// To which page of the form to go back.
    pub screen: Option<String>,
    /// The token of the link that was sent to it, from the address of the form.
    pub token: Option<String>,
    /// The traits; absent when the form has none.
    pub traits: Option<Map<String, Value>>,
    /// Whether no second factor is to be asked for in this browser for a while.
    pub trusts_device: bool,
    /// What it says of second factors.
    pub factors: FactorSubmission,
    /// What it says of other providers.
    pub federation: ProviderSubmission,
    /// What it says of passkeys and security keys.
    pub keys: KeySubmission,
    /// What it has for webhooks and messages alone. Of a form's fields whoever reads the body takes it
    /// ([`TransientPayload::parse`]).
    pub transient_payload: Option<TransientPayload>,
    /// What a widget handed over as the proof that a person is there.
    pub captcha: Option<String>,
}

/// What a form that lets people back in says of their addresses.
#[derive(Debug, Clone, Default)]
pub struct RecoverySubmission {
    /// An address, or a number.
    pub address: Option<String>,
    /// Which of those that were offered.
    pub select: Option<String>,
    /// The whole of it.
    pub confirm: Option<String>,
}

impl RecoverySubmission {
    const FIELDS: [&str; 3] = ["recovery_address", "recovery_select_address", "recovery_confirm_address"];

    fn take(&mut self, name: &str, value: String) {
        match name {
            "recovery_address" => self.address = Some(value),
            "recovery_select_address" => self.select = Some(value),
            _ => self.confirm = Some(value),
        }
    }
}

/// The body cannot be read. The client's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the body is malformed: {0}")]
pub struct MalformedSubmission(pub &'static str);

impl Submission {
    /// Reads a JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, MalformedSubmission> {
        let body: Value = serde_json::from_slice(body).map_err(|_| MalformedSubmission("not JSON"))?;
        let Value::Object(mut body) = body else { return Err(MalformedSubmission("not a JSON object")) };
        let captcha = captcha_of(&body);
        let payload = body.remove("transient_payload").unwrap_or_default();
        let transient_payload = TransientPayload::check(payload)?;
        let mut text = |name: &str| match body.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(MalformedSubmission("a field is not text")),
        };
        let method = text("method")?;
        let csrf_token = text("csrf_token")?;
        let identifier = text("identifier")?.or(text("password_identifier")?);
        let password = text("password")?.map(PlainPassword::new);
        let (email, code, resend) = (text("email")?, text("code")?, text("resend")?);
        let (screen, address) = (text("screen")?, text("address")?);
        let mut recovery = RecoverySubmission::default();
        for name in RecoverySubmission::FIELDS {
            if let Some(value) = text(name)? {
                recovery.take(name, value);
            }
        }
        let factors = FactorSubmission {
            totp_code: text("totp_code")?,
            lookup_secret: text("lookup_secret")?,
            ..FactorSubmission::default()
        };
        let mut keys = KeySubmission::default();
        for name in KeySubmission::FIELDS {
            if let Some(value) = text(name)? {
                keys.take(name, value);
            }
        }
        let factors = factors.with_buttons(|name| match body.get(name) {
            Some(Value::Bool(pressed)) => *pressed,
            Some(Value::String(text)) => text == "true",
            _ => false,
        });
        let trusts_device = match body.get("trust_device") {
            Some(Value::Bool(trusts)) => *trusts,
            Some(Value::String(text)) => text == "true",
            _ => false,
        };
        let federation = ProviderSubmission::from_json(&mut body)?;
        let traits = match body.remove("traits") {
            None | Some(Value::Null) => None,
            Some(Value::Object(traits)) => Some(traits),
            Some(_) => return Err(MalformedSubmission("traits are not an object")),
        };
        Ok(Self {
            method: method
                .or_else(|| factors.method())
                .or_else(|| keys.method())
                .or_else(|| federation.method()),
            csrf_token,
            identifier,
            password,
            email,
            recovery,
            code,
            resend,
            address,
            screen,
            token: None,
            traits,
            trusts_device,
            factors,
            federation,
            keys,
            transient_payload,
            captcha,
        })
    }

    /// Reads form fields. Traits come as `traits.<path>`; what the schema does not list is ignored, an
    /// empty field is an absent one, and numbers and check boxes take their schema's type.
    pub fn from_form(pairs: impl IntoIterator<Item = (String, String)>, schema: &Schema) -> Self {
        let mut submission = Self::default();
        let mut pressed = Vec::new();
        for (name, value) in pairs {
            match name.as_str() {
                "totp_code" => submission.factors.totp_code = Some(value),
                "lookup_secret" => submission.factors.lookup_secret = Some(value),
                _ if submission.federation.take(&name, &value) => {}
                // A page has an empty one beside that of the widget, or the same under two names.
                name if captcha::is_response_field(name) => {
                    submission.captcha =
                        submission.captcha.or_else(|| Some(value).filter(|value| !value.is_empty()));
                }
                _ if value == "true" && FactorSubmission::is_button(&name) => pressed.push(name),
                "method" => submission.method = Some(value),
                "csrf_token" => submission.csrf_token = Some(value),
                "identifier" => submission.identifier = Some(value),
                "password" => submission.password = Some(PlainPassword::new(value)),
                "email" => submission.email = Some(value),
                name if RecoverySubmission::FIELDS.contains(&name) => {
                    submission.recovery.take(name, value);
                }
                "code" => submission.code = Some(value),
                "trust_device" => submission.trusts_device = matches!(value.as_str(), "true" | "on" | "1"),
                "address" => {
                    submission.method.get_or_insert_with(|| "code".to_owned());
                    submission.address = Some(value);
                }
                "screen" => {
                    submission.method.get_or_insert_with(|| "profile".to_owned());
                    submission.screen = Some(value);
                }
                "resend" => {
                    // The button says which method by itself: those without scripts send no other.
                    submission.method.get_or_insert_with(|| value.clone());
                    submission.resend = Some(value);
                }
                name if KeySubmission::FIELDS.contains(&name) => {
                    submission.keys.take(name, value);
                }
                _ => {
                    let Some(field) = schema.fields().iter().find(|field| field.name == name) else {
                        continue;
                    };
                    let traits = submission.traits.get_or_insert_default();
                    if let Some(value) = typed(field.input, value) {
                        insert(traits, &field.path, value);
                    }
                }
            }
        }
        submission.factors = submission.factors.with_buttons(|name| pressed.iter().any(|p| p == name));
        submission.method = submission
            .method
            .or_else(|| submission.factors.method())
            .or_else(|| submission.keys.method())
            .or_else(|| submission.federation.method());
        submission
    }
}

/// The proof that a person is there: under the name that a widget has for it, or in `transient_payload`.
fn captcha_of(body: &Map<String, Value>) -> Option<String> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let in_body = captcha::field_names().find_map(|name| text(body.get(name)?));
    let payload = || body.get("transient_payload");
    in_body.or_else(|| captcha::payload_names().find_map(|name| text(payload()?.get(name)?)))
}

fn typed(input: InputType, text: String) -> Option<Value> {
    match input {
        InputType::Checkbox => Some(Value::Bool(matches!(text.as_str(), "true" | "on" | "1"))),
        _ if text.is_empty() => None,
        InputType::Number => Some(serde_json::from_str(&text).unwrap_or(Value::String(text))),
        InputType::Text
        | InputType::Email
        | InputType::Tel
        | InputType::Url
        | InputType::Date
        | InputType::DatetimeLocal => Some(Value::String(text)),
    }
}

fn insert(object: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => {
            object.insert(name.clone(), value);
        }
        [name, rest @ ..] => {
            let inner = object.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schemas;
    use crate::settings::Settings;

    #[test]
    fn form_fields_become_traits_by_the_schema() {
        let schemas = Schemas::compile(&Settings::default()).unwrap();
        let pairs = [
            ("traits.email", "a@b.example"),
            ("traits.name.first", "A"),
            ("traits.name.last", ""),
            ("traits.x", "y"),
            ("method", "password"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let submission = Submission::from_form(pairs, schemas.default_schema());
        assert_eq!(
            Value::Object(submission.traits.unwrap()),
            json!({"email": "a@b.example", "name": {"first": "A"}})
        );
        assert_eq!(submission.method.as_deref(), Some("password"));
    }

    #[test]
    fn json_of_another_shape_is_malformed() {
        for body in ["", "[]", "{", r#"{"password": 1}"#, r#"{"traits": "x"}"#, r#"{"method": {}}"#] {
            assert!(Submission::from_json(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Submission::from_json(br#"{"method":"password","csrf_token":null}"#).is_ok());
    }
}
