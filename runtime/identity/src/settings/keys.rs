//! Settings of passkeys and security keys (WebAuthn).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Passkeys: people sign in with what their device or password manager keeps, without a name or a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PasskeySettings {
    /// Whether people may make them and sign in with them. They need a tenant at a host name, by https (or localhost):
    /// elsewhere no form offers them.
    pub enabled: bool,
}

impl Default for PasskeySettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Security keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebauthnSettings {
    /// Whether people may add them, as a second factor. Those that were added go on to be asked for.
    pub enabled: bool,
}

impl Default for WebauthnSettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// For whom passkeys and security keys are made. What is changed here makes those that people have useless.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RelyingPartySettings {
    /// The domain that they are bound to: the host of the tenant, which is the default, or a domain above it that
    /// nobody else has names below (no public suffix).
    pub id: Option<String>,
    /// What devices call it; by default the host of the tenant.
    pub name: Option<String>,
    /// Further origins whose pages and apps may use them, beside the tenant's own, e.g. `https://app.acme.example` or
    /// `android:apk-key-hash:…`. Those of other domains are published at `/.well-known/webauthn`.
    pub origins: Vec<String>,
}
