//! What is sent to people so that they prove an address, and what the proof is good for.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_default;

/// What a message brings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofMeans {
    /// A code of six digits, to be typed where it was asked for.
    #[default]
    Code,
    /// A link, which may be opened on any device.
    Link,
}

/// Codes that are sent to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CodeSettings {
    /// How long a code can be used, in seconds. 15 minutes.
    pub lifespan_seconds: u64,
    /// How often a code may be tried.
    pub max_submissions: u32,
    /// Whether people sign in, and up, with a code that is sent to them, where a schema says `credentials.code`.
    #[serde(skip_serializing_if = "is_default")]
    pub passwordless_enabled: bool,
    /// Whether a code is a second factor, of whoever signed in with something else than a message.
    #[serde(skip_serializing_if = "is_default")]
    pub mfa_enabled: bool,
    /// Whether the message with a code to sign in with brings a link, too, that does without the code.
    #[serde(skip_serializing_if = "is_default")]
    pub magic_link: bool,
}

impl Default for CodeSettings {
    fn default() -> Self {
        Self {
            lifespan_seconds: 900,
            max_submissions: 5,
            passwordless_enabled: false,
            mfa_enabled: false,
            magic_link: false,
        }
    }
}

impl CodeSettings {
    /// How long a code can be used.
    pub const fn lifespan(&self) -> Duration {
        Duration::from_secs(self.lifespan_seconds)
    }
}

/// Proving addresses, where a schema says `verification`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VerificationSettings {
    /// Whether people can prove their addresses.
    pub enabled: bool,
    /// Whether people are sent a code or a link.
    #[serde(rename = "use", skip_serializing_if = "is_default")]
    pub means: ProofMeans,
    /// Whether whoever signs up, or changes an address, is sent a code or a link at once.
    pub send_automatically: bool,
    /// Whether an address that nobody has gets a message when somebody wants to prove it.
    pub notify_unknown_recipients: bool,
    /// What becomes of passwords, keys, links and second factors that were there before anybody proved an address of the
    /// account, when somebody who is not signed in proves one: by a code to sign in, or by a recovery. Of accounts that were
    /// imported, too, unless with an address that is verified.
    #[serde(skip_serializing_if = "is_default")]
    pub unproven_credentials: UnprovenCredentials,
}

/// What becomes of what an account could be signed in to with before its address was proven.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnprovenCredentials {
    /// It is taken away, sessions and tokens with it, and its owner is told: it may be somebody else's who signed up with
    /// their address.
    #[default]
    Remove,
    /// It stays. Whoever signs up with somebody else's address stays in the account when its owner comes.
    Keep,
}

impl Default for VerificationSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            means: ProofMeans::Code,
            send_automatically: true,
            notify_unknown_recipients: false,
            unproven_credentials: UnprovenCredentials::default(),
        }
    }
}

/// Getting back in, where a schema says `recovery`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecoverySettings {
    /// Whether people can get back in by their addresses.
    pub enabled: bool,
    /// Whether people are sent a code or a link.
    #[serde(rename = "use", skip_serializing_if = "is_default")]
    pub means: ProofMeans,
    /// Whether an address that nobody has gets a message when somebody wants to get in by it.
    pub notify_unknown_recipients: bool,
    /// Whether getting back in ends all other sessions at once; setting a new password does so in any case.
    pub revoke_sessions: bool,
    /// Whether whoever typed one address of an account that has several chooses to which the code goes, e.g. to their phone. They
    /// see of each how it begins or ends, and type another one in full before it gets anything. It tells whoever has one
    /// address that there is an account, and how its others look: so not with `account_enumeration = "mitigate"`. Of codes
    /// only, not of links.
    #[serde(skip_serializing_if = "is_default")]
    pub choose_address: bool,
}

impl Default for RecoverySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            means: ProofMeans::Code,
            notify_unknown_recipients: false,
            revoke_sessions: false,
            choose_address: false,
        }
    }
}
