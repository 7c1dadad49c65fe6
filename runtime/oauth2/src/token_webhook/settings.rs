//! `[tenant.oauth2.token_hook]`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// A server of the tenant's own that is asked before tokens are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenHookSettings {
    /// Where it is asked: `https`, or `http` for this machine. Only public addresses are called, unless the operator's file
    /// owns the tenant.
    #[schemars(with = "String")]
    pub url: Url,
    /// How requests prove from whom they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<TokenHookAuth>,
    /// How long it may take, in milliseconds: whoever waits for a token waits for it.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 100, max = 10_000))]
    pub timeout_ms: u32,
}

/// How long it may take, in milliseconds.
pub const TIMEOUT_MS: std::ops::RangeInclusive<u32> = 100..=10_000;

/// How requests prove from whom they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenHookAuth {
    /// By a key.
    ApiKey {
        /// Where the key goes.
        #[serde(rename = "in")]
        place: TokenHookKeyPlace,
        /// The name of the header or the cookie.
        name: String,
        /// The name of the tenant's secret that is the key.
        secret: String,
    },
}

/// Where a key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each name is the place's")]
pub enum TokenHookKeyPlace {
    Header,
    Cookie,
}

const fn default_timeout() -> u32 {
    5_000
}
