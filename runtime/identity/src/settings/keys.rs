//! Settings of passkeys and security keys (WebAuthn).

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::webauthn::KeyKind;

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
    /// Whether people may add them. Those that were added go on to be asked for as the second factor.
    pub enabled: bool,
    /// Whether those that are added sign in alone: people say who they are, and prove it with a key that knows them by a PIN
    /// or a finger. Such a key is a first factor and never the second one beside itself. Those that were added as second
    /// factors stay so, and go on to be asked for.
    #[serde(skip_serializing_if = "is_false")]
    pub passwordless: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl WebauthnSettings {
    /// Whether security keys sign in alone.
    pub const fn signs_in(self) -> bool {
        self.enabled && self.passwordless
    }

    /// What a key is for that is added.
    pub const fn kind(self) -> KeyKind {
        if self.passwordless { KeyKind::Passwordless } else { KeyKind::SecondFactor }
    }
}

impl Default for WebauthnSettings {
    fn default() -> Self {
        Self { enabled: true, passwordless: false }
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

/// How browsers are asked for passkeys and security keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CeremonySettings {
    /// How long the browser and its user have for it, in seconds: 30 to 3600. An answer that comes later is refused, and the
    /// form asks again. Five minutes, as WebAuthn L3 section 15.1 recommends.
    #[schemars(range(min = 30, max = 3600))]
    pub timeout_seconds: u32,
    /// Which authenticators browsers offer first for passkeys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passkey_hints: Vec<Hint>,
    /// Which they offer first for security keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webauthn_hints: Vec<Hint>,
}

impl Default for CeremonySettings {
    fn default() -> Self {
        Self { timeout_seconds: 300, passkey_hints: Vec::new(), webauthn_hints: Vec::new() }
    }
}

impl CeremonySettings {
    /// The bounds of `timeout_seconds`.
    pub const TIMEOUT_SECONDS: RangeInclusive<u32> = 30..=3600;

    /// How long there is for it.
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds as u64)
    }

    /// What browsers offer first for a kind of keys.
    pub fn hints(&self, kind: KeyKind) -> &[Hint] {
        match kind {
            KeyKind::Passkey => &self.passkey_hints,
            KeyKind::SecondFactor | KeyKind::Passwordless => &self.webauthn_hints,
        }
    }
}

/// Authenticators that a browser may offer first (WebAuthn L3 section 5.8.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hint {
    /// A key of its own, by USB or NFC.
    SecurityKey,
    /// The device on which the browser runs.
    ClientDevice,
    /// Another device, such as a phone.
    Hybrid,
}
