//! What a client may do with other clients' tokens (RFC 8693), where its `grant_types` let it exchange any.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a client may do at token exchange, beside narrowing its own tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenExchangeRules {
    /// The audiences that it is, beside its own `client_id`: it may exchange tokens of other clients that are for one of them.
    /// A token that was for somebody else it may not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<String>,
    /// The audiences for which it may get tokens although the exchanged one was not for them, such as the services that it
    /// calls itself. Without any it only narrows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Whether its tokens do not say that it is acting (`act`), unless it names an actor: whoever gets one takes it for the
    /// person. What stands in `act` already stays.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub impersonation: bool,
}

impl TokenExchangeRules {
    /// The first property with an entry that is no audience: it is one word.
    pub(super) fn malformed(&self) -> Option<&'static str> {
        let is_word = |one: &String| !one.is_empty() && one.bytes().all(|byte| byte.is_ascii_graphic());
        [("token_exchange.identifiers", &self.identifiers), ("token_exchange.targets", &self.targets)]
            .into_iter()
            .find(|(_, list)| !list.iter().all(is_word))
            .map(|(property, _)| property)
    }
}
