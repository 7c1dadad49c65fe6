//! `[tenant.courier.channels]`: a service of the tenant's that takes messages, asked as a webhook is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::check::{check_auth, check_headers, is_private_enough};
use super::settings::{BodyTemplate, ResponseSettings, Webhook, WebhookAuth, WebhookMethod};

/// A service that takes messages by HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Where it takes them: `https`, or `http` for this machine. Only public addresses are called, unless the operator's file
    /// owns the tenant.
    #[schemars(with = "String")]
    pub url: Url,
    /// The method of its requests.
    #[serde(default)]
    pub method: WebhookMethod,
    /// Headers that its requests have besides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How its requests prove from whom they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<WebhookAuth>,
    /// What makes the body: the plugin is given `ctx` with `recipient`, `template_type`, `template_data`, `subject` and `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyTemplate>,
}

impl Channel {
    /// Reports what cannot be, by key.
    pub fn check(&self, say: &mut dyn FnMut(&str, String)) {
        if !is_private_enough(&self.url) || self.url.fragment().is_some() {
            let words = "must be an https URL without a user (http for a service on this machine)";
            say("url", words.to_owned());
        }
        if !self.method.has_body() {
            say("method", "must be one that has a body".to_owned());
        }
        check_headers(&self.headers, say);
        check_auth(self.auth.as_ref(), say);
    }

    /// The webhook that it is asked as.
    pub fn as_webhook(&self, name: &str) -> Webhook {
        Webhook {
            name: name.to_owned(),
            url: self.url.clone(),
            method: self.method,
            headers: self.headers.clone(),
            auth: self.auth.clone(),
            body: self.body.clone(),
            on: Vec::new(),
            response: ResponseSettings::default(),
            can_interrupt: false,
            timeout_ms: 30_000,
            retries: 0,
            events: Vec::new(),
            signing_secret: None,
        }
    }
}
