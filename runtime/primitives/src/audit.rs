//! Audit records: who did what to what, by identifiers only.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{AdminKeyId, ClientId, IdentityId, OrganisationId};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// Nobody we know yet, e.g. somebody who signs up.
    Anonymous,
    /// A signed-in person, for themselves.
    Subject(IdentityId),
    /// An OAuth client, for itself.
    Client(ClientId),
    /// The holder of an admin API key.
    AdminKey(AdminKeyId),
    /// Somebody let in by a client certificate or an unauthenticated loopback listener, by its name.
    Listener(String),
    /// The node itself: configuration, background work.
    System,
}

/// Its kind, and after a colon its identifier, as audit tables and tokens have it.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Subject(id) => write!(f, "subject:{id}"),
            Self::Client(id) => write!(f, "client:{id}"),
            Self::AdminKey(id) => write!(f, "admin_key:{id}"),
            Self::Listener(name) => write!(f, "listener:{name}"),
            Self::System => f.write_str("system"),
        }
    }
}

/// One audit record. Holds identifiers, never traits: erasing a person leaves it valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// What happened, dotted, e.g. `"session.revoked"`.
    pub action: &'static str,
    /// Who did it.
    pub actor: Actor,
    /// What it happened to: its kind and identifier, e.g. `("session", "0b0e…")`.
    pub target: (&'static str, String),
    /// The organisation in whose name it happened.
    pub organisation: Option<OrganisationId>,
    /// Further identifiers and enumerated words; no personal data.
    pub details: Vec<(&'static str, String)>,
}

impl AuditEvent {
    /// A record without organisation or details.
    pub fn new(action: &'static str, actor: Actor, kind: &'static str, id: &dyn fmt::Display) -> Self {
        Self { action, actor, target: (kind, id.to_string()), organisation: None, details: Vec::new() }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &dyn fmt::Display) -> Self {
        self.details.push((name, value.to_string()));
        self
    }
}
