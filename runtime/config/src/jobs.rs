//! `[jobs]`

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::Checker;
use crate::span::Span;

/// The node's background work. On several nodes one does a job at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Jobs {
    /// How often tenants are looked for whose signing keys are due.
    pub rotation_every: Span,
    /// How often expired rows are deleted.
    pub expiry_every: Span,
    /// Rows that one statement deletes at most. More would keep other writers waiting.
    pub expiry_batch: u32,
    /// How long others may write between two batches.
    pub expiry_pause: Span,
    /// How long the change log is kept. A node that was away for longer forgets what it had in memory.
    pub changes_kept: Span,
    /// How long messages are kept that could not be delivered.
    pub dead_messages_kept: Span,
    /// How often tenants are looked for whose oldest audit records are due to leave.
    pub audit_every: Span,
    /// How long audit records are kept; `"0s"` keeps them for ever.
    pub audit_kept: Span,
    /// The delivery of mail, webhooks and logout tokens.
    pub outbox: Outbox,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            rotation_every: Span(Duration::from_mins(10)),
            expiry_every: Span(Duration::from_mins(1)),
            expiry_batch: 500,
            expiry_pause: Span(Duration::from_millis(50)),
            changes_kept: Span(Duration::from_hours(7 * 24)),
            dead_messages_kept: Span(Duration::from_hours(30 * 24)),
            audit_every: Span(Duration::from_hours(1)),
            audit_kept: Span(Duration::from_hours(365 * 24)),
            outbox: Outbox::default(),
        }
    }
}

/// The delivery of messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Outbox {
    /// How often due messages are looked for. A look costs one read.
    pub every: Span,
    /// Messages that are on their way at the same time.
    pub concurrent: u32,
    /// How long one delivery may take.
    pub timeout: Span,
    /// How long after a failed delivery the next one is tried; each further one waits twice as long.
    pub first_retry: Span,
    /// The longest time between two tries.
    pub longest_retry: Span,
    /// How often a message is tried before it is given up. With the other defaults, after about a day.
    pub attempts: u32,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            every: Span::seconds(1),
            concurrent: 16,
            timeout: Span::seconds(30),
            first_retry: Span(Duration::from_mins(1)),
            longest_retry: Span(Duration::from_hours(6)),
            attempts: 12,
        }
    }
}

/// The longest time that one delivery may take: a job gives its lease up after a few minutes of silence.
const LONGEST_DELIVERY: Duration = Duration::from_mins(2);

impl Jobs {
    pub(crate) fn check(&self, checker: &mut Checker<'_>) {
        let outbox = &self.outbox;
        for (key, span) in [
            ("jobs.rotation_every", self.rotation_every),
            ("jobs.expiry_every", self.expiry_every),
            ("jobs.audit_every", self.audit_every),
            ("jobs.outbox.every", outbox.every),
            ("jobs.outbox.timeout", outbox.timeout),
            ("jobs.outbox.first_retry", outbox.first_retry),
        ] {
            if span.0.is_zero() {
                checker.report(key, "must be longer than nothing");
            }
        }
        for (key, value) in [
            ("jobs.expiry_batch", self.expiry_batch),
            ("jobs.outbox.concurrent", outbox.concurrent),
            ("jobs.outbox.attempts", outbox.attempts),
        ] {
            if value == 0 {
                checker.report(key, "must be at least 1");
            }
        }
        if outbox.timeout.0 > LONGEST_DELIVERY {
            checker.report("jobs.outbox.timeout", "must be at most 2m");
        }
        if outbox.longest_retry < outbox.first_retry {
            checker.report("jobs.outbox.longest_retry", "must not be shorter than `first_retry`");
        }
    }
}
