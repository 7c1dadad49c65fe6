//! A tenant's own words for messages: text in which `{{ name }}` stands for a value.
//!
//! Attack: a name in a message (an organisation's, an address) is HTML, and shows its reader another link than ours. So
//! in HTML every value is escaped, and in a subject it is one line. A template says nothing but values: it cannot loop,
//! call, or read anything.

use serde_json::{Map, Value};

use super::MailTemplate;

/// The most that a template has, in bytes.
pub const TEMPLATE_BYTES: usize = 32 << 10;

/// The value of messages that forms cause: what was sent with the form for them.
pub const PAYLOAD: &str = "transient_payload";

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Words(String),
    /// A value, by its name.
    Value(String),
}

/// Where a template is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One line.
    Subject,
    /// Plain text.
    Text,
    /// HTML.
    Html,
}

/// A template that cannot be used. Whoever wrote it has to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is too long.
    #[error("has more than {TEMPLATE_BYTES} bytes")]
    TooLong,
    /// A `{{` has no `}}`.
    #[error("has a `{{{{` without `}}}}`")]
    Open,
    /// It names a value that its message has not.
    #[error("names `{name}`, which this message has not; it has {known}")]
    Unknown {
        /// What it names.
        name: String,
        /// What there is.
        known: String,
    },
    /// A subject has more than one line.
    #[error("has more than one line")]
    Lines,
    /// Its message brings a code or a link, and it has neither: nobody could use it.
    #[error("has neither the code nor the link that the message brings")]
    Useless,
}

impl MailTemplate {
    /// The values that a message of this kind has: those that it may have come last.
    pub const fn values(self) -> &'static [&'static str] {
        match self {
            Self::VerificationCodeValid | Self::VerificationValid => {
                &["to", "tenant", "expires_in_minutes", "verification_code", "verification_url"]
            }
            Self::RecoveryCodeValid | Self::RecoveryValid => {
                &["to", "tenant", "expires_in_minutes", "recovery_code", "recovery_url"]
            }
            Self::LoginCodeValid => &["to", "tenant", "expires_in_minutes", "login_code", "login_url"],
            Self::RegistrationCodeValid => {
                &["to", "tenant", "expires_in_minutes", "registration_code", "registration_url"]
            }
            Self::Invitation => &["to", "tenant", "expires_in_days", "organization", "invitation_url"],
            Self::VerificationCodeInvalid
            | Self::VerificationInvalid
            | Self::RecoveryCodeInvalid
            | Self::RecoveryInvalid
            | Self::CredentialsRemoved => &["to", "tenant"],
        }
    }
}

/// Whether a value is one without which a message is of no use.
fn is_key(name: &str) -> bool {
    name.ends_with("_code") || name.ends_with("_url")
}

impl Template {
    /// Reads a template for a kind of message. `{{ .RecoveryCode }}`, as Kratos' templates have it, is `{{ recovery_code }}`.
    pub fn parse(text: &str, (form, of): (Form, MailTemplate)) -> Result<Self, TemplateError> {
        if text.len() > TEMPLATE_BYTES {
            return Err(TemplateError::TooLong);
        }
        if form == Form::Subject && text.chars().any(char::is_control) {
            return Err(TemplateError::Lines);
        }
        let (known, mut pieces, mut rest) = (of.values(), Vec::new(), text);
        while let Some((words, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").ok_or(TemplateError::Open)?;
            let name = plain_name(name);
            if !known.contains(&name.as_str()) && of_payload(&name).is_none() {
                return Err(TemplateError::Unknown { name, known: known.join(", ") });
            }
            pieces.push(Piece::Words(words.to_owned()));
            pieces.push(Piece::Value(name));
            rest = after;
        }
        pieces.push(Piece::Words(rest.to_owned()));
        let brings_one = known.iter().any(|name| is_key(name));
        let has_one = pieces.iter().any(|piece| matches!(piece, Piece::Value(name) if is_key(name)));
        if form != Form::Subject && brings_one && !has_one {
            return Err(TemplateError::Useless);
        }
        Ok(Self(pieces))
    }

    /// Puts values in. One that a message has not is left out.
    pub fn render(&self, form: Form, values: &Map<String, Value>) -> String {
        let mut made = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Words(words) => made.push_str(words),
                Piece::Value(name) => {
                    let value = match find(values, name) {
                        Some(Value::String(text)) => text.clone(),
                        None | Some(Value::Null) => String::new(),
                        Some(other) => other.to_string(),
                    };
                    match form {
                        Form::Subject => made.extend(value.chars().filter(|c| !c.is_control())),
                        Form::Text => made.push_str(&value),
                        Form::Html => value.chars().for_each(|c| escape(c, &mut made)),
                    }
                }
            }
        }
        made
    }
}

/// What of the payload that came with a form a name means: `transient_payload.campaign`, or one deeper.
fn of_payload(name: &str) -> Option<&str> {
    name.strip_prefix(PAYLOAD)?.strip_prefix('.').filter(|path| path.split('.').all(|part| !part.is_empty()))
}

fn find<'a>(values: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let Some(path) = of_payload(name) else { return values.get(name) };
    path.split('.').try_fold(values.get(PAYLOAD)?, |value, part| value.get(part))
}

pub(super) fn escape(c: char, made: &mut String) {
    match c {
        '&' => made.push_str("&amp;"),
        '<' => made.push_str("&lt;"),
        '>' => made.push_str("&gt;"),
        '"' => made.push_str("&#34;"),
        '\'' => made.push_str("&#39;"),
        c => made.push(c),
    }
}

/// ` .RecoveryURL ` is `recovery_url`, and `.TransientPayload.Campaign` is `transient_payload.Campaign`: what is in a payload
/// has the names that its sender gave it.
fn plain_name(name: &str) -> String {
    let name = name.trim().trim_start_matches('.');
    if let Some((first, path)) = name.split_once('.')
        && plain_name(first) == PAYLOAD
    {
        return format!("{PAYLOAD}.{path}");
    }
    let mut plain = String::new();
    let mut before_is_upper = true;
    for c in name.chars() {
        if c.is_ascii_uppercase() && !before_is_upper {
            plain.push('_');
        }
        before_is_upper = c.is_ascii_uppercase() || c == '_';
        plain.push(c.to_ascii_lowercase());
    }
    plain
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(text: &str, form: Form) -> Result<String, String> {
        let values = json!({
            "to": "ada@b.example", "tenant": "A & B\n<i>", "recovery_code": "123456", "expires_in_minutes": 15,
            "transient_payload": {"Brand": "<A>\n", "shop": {"name": "B"}, "n": [1]},
        });
        let template = Template::parse(text, (form, MailTemplate::RecoveryCodeValid));
        let template = template.map_err(|error| error.to_string())?;
        Ok(template.render(form, values.as_object().unwrap()))
    }

    #[test]
    fn values_stand_where_they_are_named_and_are_words_in_html() {
        for (text, form, expect) in [
            ("{{recovery_code}} for {{ to }}", Form::Text, "123456 for ada@b.example"),
            ("{{ .RecoveryCode }} {{ .ExpiresInMinutes }}", Form::Text, "123456 15"),
            ("<b>{{ tenant }}</b>{{ recovery_code }}", Form::Html, "<b>A &amp; B\n&lt;i&gt;</b>123456"),
            ("{{ tenant }}: {{ recovery_code }}", Form::Subject, "A & B<i>: 123456"),
            ("[{{ recovery_url }}]", Form::Text, "[]"),
            ("Hello", Form::Subject, "Hello"),
            ("{{ transient_payload.Brand }} {{ to }}", Form::Subject, "<A> ada@b.example"),
            ("{{ .TransientPayload.Brand }}{{ .RecoveryCode }}", Form::Html, "&lt;A&gt;\n123456"),
            (
                "{{ transient_payload.shop.name }}{{ transient_payload.n }}{{ to }}",
                Form::Subject,
                "B[1]ada@b.example",
            ),
            ("[{{ transient_payload.shop.none }}{{ transient_payload.brand.x }}]", Form::Subject, "[]"),
        ] {
            assert_eq!(render(text, form), Ok(expect.to_owned()), "{text}");
        }
    }

    #[test]
    fn template_that_could_not_be_used_is_refused() {
        for (text, form, part) in [
            ("{{ password }} {{ recovery_code }}", Form::Text, "names `password`"),
            ("{{ .Identity.id }}{{ recovery_code }}", Form::Text, "names `identity.id`"),
            ("{{ range }}{{ recovery_code }}", Form::Text, "names `range`"),
            ("{{ transient_payload }}{{ recovery_code }}", Form::Text, "names `transient_payload`"),
            ("{{ transient_payload..x }}{{ recovery_code }}", Form::Text, "names `transient_payload..x`"),
            ("{{ recovery_code", Form::Text, "without `}}`"),
            ("Your code is on its way", Form::Text, "neither the code nor the link"),
            ("<p>{{ to }}</p>", Form::Html, "neither the code nor the link"),
            ("one\ntwo", Form::Subject, "more than one line"),
            (&"x".repeat(TEMPLATE_BYTES + 1), Form::Text, "more than"),
        ] {
            let refused = render(text, form).unwrap_err();
            assert!(refused.contains(part), "{text:.40}: {refused}");
        }
        let nobody = Template::parse("Nobody is here", (Form::Text, MailTemplate::RecoveryCodeInvalid));
        assert!(nobody.is_ok(), "it brings nothing");
    }
}
