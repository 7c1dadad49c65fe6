//! What a form sends to do with other providers.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::form::Waiting;
use crate::flow::MalformedSubmission;

/// Parameters that a form may pass on; of more, the first.
const MOST_PARAMETERS: usize = 8;
/// The longest of them, in bytes.
const PARAMETER_BYTES: usize = 512;

/// What a submitted form says of other providers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderSubmission {
    /// The one to sign in with.
    pub provider: Option<String>,
    /// The one to link to.
    pub link: Option<String>,
    /// The one to unlink from.
    pub unlink: Option<String>,
    /// An ID token that the application got by itself.
    pub id_token: Option<String>,
    /// The nonce that it asked for it with.
    pub id_token_nonce: Option<String>,
    /// What to pass on to the provider.
    pub parameters: BTreeMap<String, String>,
}

impl ProviderSubmission {
    pub(in crate::flow) fn from_json(body: &mut Map<String, Value>) -> Result<Self, MalformedSubmission> {
        let mut submission = Self::default();
        if let Some(Value::Object(parameters)) = body.remove("upstream_parameters") {
            for (name, value) in parameters {
                if let Value::String(value) = value {
                    submission.pass_on(&name, &value);
                }
            }
        }
        let names = ["provider", "link", "unlink", "id_token", "id_token_nonce"];
        for name in names {
            match body.remove(name) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => {
                    submission.take(name, &text);
                }
                Some(_) => return Err(MalformedSubmission("a field is not text")),
            }
        }
        Ok(submission)
    }

    /// Takes a form field; false if it is none of these.
    pub(in crate::flow) fn take(&mut self, name: &str, value: &str) -> bool {
        if let Some(parameter) = name.strip_prefix("upstream_parameters.") {
            self.pass_on(parameter, value);
            return true;
        }
        let field = match name {
            "provider" => &mut self.provider,
            "link" => &mut self.link,
            "unlink" => &mut self.unlink,
            "id_token" => &mut self.id_token,
            "id_token_nonce" => &mut self.id_token_nonce,
            _ => return false,
        };
        *field = Some(value.to_owned()).filter(|value| !value.is_empty());
        true
    }

    /// Attack: whoever makes the form's address or body has the provider sign somebody else in than who is there: a prepared
    /// `login_hint` picks the account. The server's own hint, of what was typed, goes another way (`send_on`).
    fn pass_on(&mut self, name: &str, value: &str) {
        let is_small = self.parameters.len() < MOST_PARAMETERS && value.len() <= PARAMETER_BYTES;
        if is_small && name != "login_hint" {
            self.parameters.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The method of a form whose button names a provider and no method.
    pub(in crate::flow) fn method(&self) -> Option<String> {
        let named = [&self.provider, &self.link, &self.unlink].into_iter().flatten().next();
        named.map(|_| "oidc".to_owned())
    }

    /// Whether it goes on with whom a form keeps waiting, and asks nobody else.
    pub(super) fn is_of(&self, waiting: Option<&Waiting>) -> bool {
        let of =
            |waiting: &Waiting| self.provider.as_ref().is_none_or(|asked| *asked == waiting.who.provider);
        self.id_token.is_none() && waiting.is_some_and(of)
    }
}
