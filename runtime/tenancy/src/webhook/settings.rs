//! `[[tenant.webhook]]`

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::place::Place;

/// A server of the tenant's that is told what happens, or asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its name, unique in the tenant: 1 to 63 lower-case letters, digits and hyphens.
    pub name: String,
    /// Where requests go: `https`, or `http` for this machine. Only public addresses are called, unless the operator's file
    /// owns the tenant.
    #[schemars(with = "String")]
    pub url: Url,
    /// The method of its requests. `GET` and `DELETE` send no body.
    #[serde(default, skip_serializing_if = "is_default")]
    pub method: WebhookMethod,
    /// Headers that its requests have besides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How its requests prove from whom they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<WebhookAuth>,
    /// Where it is called in the forms of the flow API.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Place>,
    /// What makes the body of a call in a form. Without it, the body is the document of `flow`, `identity`, `session`,
    /// `request_method`, `request_url` and `transient_payload`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyTemplate>,
    /// What becomes of its answer to a call in a form.
    #[serde(default, skip_serializing_if = "is_default")]
    pub response: ResponseSettings,
    /// Whether an answer of 4xx or 5xx stops what the form is for. The older word for `response.parse`, which does so too.
    #[serde(default, skip_serializing_if = "is_default")]
    pub can_interrupt: bool,
    /// How long a call in a form may take, retries included, in milliseconds.
    #[serde(default = "default_timeout", skip_serializing_if = "is_default_timeout")]
    #[schemars(range(min = 100, max = 30_000))]
    pub timeout_ms: u32,
    /// How often a call in a form is made again whose server cannot be reached, or answers 502, 503 or 504.
    #[serde(default = "default_retries", skip_serializing_if = "is_default_retries")]
    #[schemars(range(max = 5))]
    pub retries: u32,
    /// The events that it is told of, afterwards and at least once: names of audit records, e.g. `session.created`;
    /// `session.*` is all whose names begin so, `*` is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The name of the tenant's secret with which requests are signed as Standard Webhooks has it: base64 of 24 to 64 bytes,
    /// with or without `whsec_` before it. Webhooks that are told of events need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<String>,
}

/// The method of a webhook's requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "each name is the method's")]
pub enum WebhookMethod {
    Get,
    #[default]
    Post,
    Put,
    Patch,
    Delete,
}

impl WebhookMethod {
    /// As requests have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether its requests have a body.
    pub const fn has_body(self) -> bool {
        match self {
            Self::Post | Self::Put | Self::Patch => true,
            Self::Get | Self::Delete => false,
        }
    }
}

/// How a webhook's requests prove from whom they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum WebhookAuth {
    /// By a key.
    ApiKey {
        /// Where the key goes.
        #[serde(rename = "in")]
        place: ApiKeyPlace,
        /// The name of the header or the cookie.
        name: String,
        /// The name of the tenant's secret that is the key.
        secret: String,
    },
    /// By HTTP Basic (RFC 7617).
    BasicAuth {
        /// The user.
        user: String,
        /// The name of the tenant's secret that is the password.
        secret: String,
    },
}

impl WebhookAuth {
    /// The name of the tenant's secret that it needs.
    pub fn secret(&self) -> &str {
        match self {
            Self::ApiKey { secret, .. } | Self::BasicAuth { secret, .. } => secret,
        }
    }
}

/// Where a key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each name is the place's")]
pub enum ApiKeyPlace {
    Header,
    Cookie,
}

/// What makes a body: a plugin on the hook `transform`, e.g. the one that runs Jsonnet (`plugins/jsonnet`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyTemplate {
    /// The plugin's name. It is given `ctx`: `flow`, `identity`, `session`, `request_method`, `request_url`,
    /// `request_headers`, `request_cookies` and `transient_payload`.
    pub plugin: String,
    /// The name of the template in the plugin's settings.
    pub template: String,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseSettings {
    /// Nobody waits for it: the request is kept, and sent in the background until it is taken.
    pub ignore: bool,
    /// It may change the identity before it is written, and stop what the form is for.
    pub parse: bool,
}

impl Webhook {
    /// Whether it has a say: it is called before anything is written, and where it fails, nothing is.
    pub const fn has_a_say(&self) -> bool {
        self.can_interrupt || self.response.parse
    }

    /// How long a call may take.
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms as u64)
    }

    /// Whether it is told of an event.
    ///
    /// Attack: a delivery that fails is an event too, which fails to be delivered, and so on without end. So nothing that
    /// happens to a webhook is told to that webhook.
    pub fn is_told_of(&self, action: &str, (target_kind, target_id): (&str, &str)) -> bool {
        let is_own = target_kind == "webhook" && target_id == self.name;
        !is_own && self.events.iter().any(|pattern| event_matches(pattern, action))
    }
}

/// Whether an event's name is one that a pattern means.
pub fn event_matches(pattern: &str, action: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => action.starts_with(beginning),
        None => pattern == action,
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

const fn default_timeout() -> u32 {
    5_000
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_default_timeout(timeout: &u32) -> bool {
    *timeout == default_timeout()
}

const fn default_retries() -> u32 {
    2
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_default_retries(retries: &u32) -> bool {
    *retries == default_retries()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_named_or_begin_with_what_is_named_and_are_never_its_own() {
        let webhook: Webhook = serde_json::from_value(
            json!({"name": "crm", "url": "https://a.example/", "events": ["session.*", "identity.created", "webhook.*"]}),
        )
        .unwrap();
        for (action, target, expect) in [
            ("session.created", ("session", "1"), true),
            ("session.", ("session", "1"), true),
            ("sessions", ("session", "1"), false),
            ("identity.created", ("identity", "1"), true),
            ("identity.created_twice", ("identity", "1"), false),
            ("webhook.failed", ("webhook", "crm"), false),
            ("webhook.failed", ("webhook", "other"), true),
        ] {
            assert_eq!(webhook.is_told_of(action, target), expect, "{action} {target:?}");
        }
    }
}
