//! Sessions as JSON Web Tokens: the templates of which `GET /sessions/whoami?tokenize_as=` names one.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::session::tokenize::{RESERVED, Source};

/// The longest life of such a token: nobody can call one back.
const LONGEST_SECONDS: u64 = 24 * 3600;
const LONGEST_NAME: usize = 64;

/// Sessions as tokens, for services that verify a signature instead of asking who is signed in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenizerSettings {
    /// The templates by their names: at most 64 letters, digits, `-` and `_`.
    pub templates: BTreeMap<String, TokenTemplate>,
}

/// What a session's token says. It is signed as ID tokens are, by the keys of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenTemplate {
    /// How long a token counts, in seconds, at most a day. A minute. None counts for longer than its session; of one that
    /// is ended earlier, tokens count until they end by themselves.
    pub ttl_seconds: u64,
    /// What `sub` is.
    pub subject_source: SubjectSource,
    /// Further claims by their names. A text `{session.…}` or `{identity.…}` stands for the member of the session's or the
    /// identity's document, e.g. `{identity.traits.email}`, and is left out where there is none; everything else stands for
    /// itself, in tables and lists too. `iss`, `sub`, `sid`, `iat`, `nbf`, `exp`, `jti` and `act` are not for templates.
    pub claims: BTreeMap<String, Value>,
    /// The plugin on the hook `transform` that adds claims, in the place `session-token`; it cannot change those that a
    /// template cannot. If it fails, there is no token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
}

impl Default for TokenTemplate {
    fn default() -> Self {
        Self {
            ttl_seconds: 60,
            subject_source: SubjectSource::default(),
            claims: BTreeMap::new(),
            plugin: None,
        }
    }
}

/// What the `sub` of a session's token is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectSource {
    /// The identity's id.
    #[default]
    Id,
    /// Its `external_id`; of an identity without one there is no token.
    ExternalId,
}

impl TokenTemplate {
    /// How long a token counts.
    pub const fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl_seconds)
    }

    fn check(&self, at: &str, report: &mut dyn FnMut(&str, String)) {
        if !(1..=LONGEST_SECONDS).contains(&self.ttl_seconds) {
            report(&format!("{at}.ttl_seconds"), format!("must be 1 to {LONGEST_SECONDS}"));
        }
        for (name, value) in &self.claims {
            let key = format!("{at}.claims.{name}");
            if RESERVED.contains(&name.as_str()) {
                report(&key, format!("`{name}` is what the server says, not a template"));
            }
            check_value(value, &key, report);
        }
    }
}

/// Whether every text in braces stands for something.
fn check_value(value: &Value, key: &str, report: &mut dyn FnMut(&str, String)) {
    match value {
        Value::String(text) => {
            if Source::of(text).is_some_and(|source| source.is_err()) {
                report(key, format!("`{text}` must begin with `{{session.` or `{{identity.`"));
            }
        }
        Value::Array(values) => values.iter().for_each(|value| check_value(value, key, report)),
        Value::Object(members) => members.values().for_each(|value| check_value(value, key, report)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl TokenizerSettings {
    /// The longest life of a token.
    pub fn longest(&self) -> Duration {
        self.templates.values().map(TokenTemplate::ttl).max().unwrap_or_default()
    }

    /// Reports mistakes by their keys, e.g. `templates.api.ttl_seconds`.
    pub fn check(&self, report: &mut dyn FnMut(&str, String)) {
        for (name, template) in &self.templates {
            let at = format!("templates.{name}");
            let of_form = (1..=LONGEST_NAME).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if !of_form {
                report(&at, format!("the name must have 1 to {LONGEST_NAME} letters, digits, `-` and `_`"));
            }
            template.check(&at, report);
        }
    }
}
