//! A decision, ready to be written: all of it or nothing.

use serde::{Deserialize, Serialize};

use crate::audit::AuditEvent;
use crate::ids::TenantId;

/// What one decision writes. A room returns it, storage applies it whole or not at all.
///
/// `W` is the room's own `Write` enum: each variant is one guarded write, and its documentation says
/// what the guard is. Storage turns each into statements with the row count that they must hit; if one
/// misses, nothing of the change is written and the caller learns which write it was.
#[derive(Debug, Clone)]
#[must_use = "a change does nothing until storage applies it"]
pub struct Change<W> {
    /// The tenant whose rows are written. A change never spans tenants.
    pub tenant: TenantId,
    /// The guarded writes, in order.
    pub writes: Vec<W>,
    /// Audit records of the same transaction.
    pub audit: Vec<AuditEvent>,
    /// Messages for background work, of the same transaction.
    pub outbox: Vec<OutboxMessage>,
}

impl<W> Change<W> {
    /// An empty change.
    pub const fn new(tenant: TenantId) -> Self {
        Self { tenant, writes: Vec::new(), audit: Vec::new(), outbox: Vec::new() }
    }

    /// Adds a write.
    pub fn write(mut self, write: W) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds an audit record.
    pub fn audit(mut self, event: AuditEvent) -> Self {
        self.audit.push(event);
        self
    }

    /// Adds a message for background work.
    pub fn send(mut self, message: OutboxMessage) -> Self {
        self.outbox.push(message);
        self
    }

    /// Appends another change of the same tenant, so that both happen or neither.
    pub fn and<V: Into<W>>(mut self, other: Change<V>) -> Self {
        debug_assert_eq!(self.tenant, other.tenant, "a change never spans tenants");
        self.writes.extend(other.writes.into_iter().map(Into::into));
        self.audit.extend(other.audit);
        self.outbox.extend(other.outbox);
        self
    }

    /// Lifts the writes into a wider enum.
    pub fn lift<V: From<W>>(self) -> Change<V> {
        Change {
            tenant: self.tenant,
            writes: self.writes.into_iter().map(V::from).collect(),
            audit: self.audit,
            outbox: self.outbox,
        }
    }
}

/// A message that background work will deliver at least once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxMessage {
    /// Which worker takes it, e.g. `"backchannel_logout"`.
    pub topic: String,
    /// What it needs, as JSON text.
    pub payload: String,
}
