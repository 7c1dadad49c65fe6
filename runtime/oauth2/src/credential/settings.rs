//! What a tenant may set about credentials.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::go_duration::GoDuration;

/// Verifiable credentials about people (OpenID Connect UserInfo Verifiable Credentials 1.0, draft 00).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CredentialSettings {
    /// Whether `POST /credentials` gives any, to clients whose `scope` has `userinfo_credential_draft_00`: `config/credentials.md`. The
    /// draft that they follow was left where it is, so it is off.
    pub enabled: bool,
    /// How long a credential is good; a day at most. Whoever verifies one asks nobody, so that nothing ends it before.
    pub lifespan: GoDuration,
    /// How long a nonce for the proof of a wallet's key is good; an hour at most.
    pub nonce_lifespan: GoDuration,
}

impl Default for CredentialSettings {
    fn default() -> Self {
        Self { enabled: false, lifespan: GoDuration::hours(1), nonce_lifespan: GoDuration::minutes(10) }
    }
}
