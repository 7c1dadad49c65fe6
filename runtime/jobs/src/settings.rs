//! What an operator may set about background work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Background work of this node (`[jobs]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How often tenants are looked for whose signing keys are due, in seconds.
    pub rotation_every_seconds: u64,
    /// How often expired rows are deleted, in seconds.
    pub expiry_every_seconds: u64,
    /// Rows that one statement deletes at most. More would keep other writers waiting.
    pub expiry_batch: u32,
    /// How long others may write between two batches, in milliseconds.
    pub expiry_pause_ms: u64,
    /// The delivery of messages.
    pub outbox: OutboxSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rotation_every_seconds: 600,
            expiry_every_seconds: 60,
            expiry_batch: 500,
            expiry_pause_ms: 50,
            outbox: OutboxSettings::default(),
        }
    }
}

/// The delivery of messages: mail, webhooks, back-channel logout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutboxSettings {
    /// How often due messages are looked for, in milliseconds. A look costs one read.
    pub every_ms: u64,
    /// Messages that are on their way at the same time.
    pub concurrent: u32,
    /// How long one delivery may take, in seconds. Less than the first retry.
    pub timeout_seconds: u64,
    /// How long after a failed delivery the next one is tried, in seconds; each further one waits twice
    /// as long.
    pub first_retry_seconds: u64,
    /// The longest time between two tries, in seconds.
    pub longest_retry_seconds: u64,
    /// How often a message is tried before it is given up. With the other defaults, after about a day.
    pub attempts: u32,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            every_ms: 1_000,
            concurrent: 16,
            timeout_seconds: 30,
            first_retry_seconds: 60,
            longest_retry_seconds: 6 * 3600,
            attempts: 12,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_setting_is_refused_and_missing_ones_have_defaults() {
        let some: Settings = serde_json::from_str(r#"{"outbox": {"attempts": 3}}"#).unwrap();
        let outbox = OutboxSettings { attempts: 3, ..OutboxSettings::default() };
        assert_eq!(some, Settings { outbox, ..Settings::default() });
        assert!(serde_json::from_str::<Settings>(r#"{"outbox": {"tries": 3}}"#).is_err());
    }
}
