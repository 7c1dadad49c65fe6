//! `[limits]`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::Checker;
use crate::span::Span;

/// What the node may use of the machine. Beyond a limit it sheds load instead of queueing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections over all listeners.
    pub connections: u32,
    /// The largest request body, in bytes.
    pub body_bytes: u64,
    /// How long a request may take to arrive and to be answered.
    pub request_timeout: Span,
    /// Tenants whose settings stay in memory at most; others are loaded when they are visited.
    pub loaded_tenants: u64,
    /// Memory that the settings of tenants may take, in bytes, as far as it can be told from their size. It
    /// and `loaded_tenants` hold both.
    pub loaded_tenants_bytes: u64,
    /// Passwords hashed at the same time, each in as much memory as its tenant says (`argon2.memory_kib`; 19 MiB). 0 is one per
    /// processor. Secrets of clients that somebody chose have a place of their own beside them, of 19 MiB too.
    pub password_hashes: u32,
    /// Password hashes that may wait for their turn; a login beyond them is told to come back (429).
    pub password_queue: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            body_bytes: 1_048_576,
            request_timeout: Span::seconds(30),
            loaded_tenants: 1_000,
            loaded_tenants_bytes: 67_108_864,
            password_hashes: 0,
            password_queue: 64,
        }
    }
}

impl Limits {
    pub(crate) fn check(&self, checker: &mut Checker<'_>) {
        for (key, value) in [
            ("limits.connections", u64::from(self.connections)),
            ("limits.body_bytes", self.body_bytes),
            ("limits.loaded_tenants", self.loaded_tenants),
            ("limits.loaded_tenants_bytes", self.loaded_tenants_bytes),
        ] {
            if value == 0 {
                checker.report(key, "must be at least 1");
            }
        }
        if self.request_timeout.0.is_zero() {
            checker.report("limits.request_timeout", "must be longer than nothing");
        }
    }
}
