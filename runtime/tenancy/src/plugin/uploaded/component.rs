//! An uploaded component: its bytes with what was found in them, and the versions that plugins have of it.
//!
//! Attack: other bytes are stored than were checked. So bytes and findings are one value from the check on,
//! nobody can change either, and whoever reads the bytes again compares their hash.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use primitives::{Actor, Timestamp};
use serde::{Deserialize, Serialize};

use crate::plugin::{Capability, HookName};

/// What a component is and needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentFacts {
    /// Its SHA-256, in lower-case hex.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The hooks that it implements.
    pub hooks: BTreeSet<HookName>,
    /// The capabilities that must be granted before it loads.
    pub capabilities: BTreeSet<Capability>,
    /// Everything that it imports.
    pub imports: Vec<String>,
    /// Everything that it exports.
    pub exports: Vec<String>,
}

/// A component that was validated and compiled on this node, and can be stored.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckedComponent {
    bytes: Arc<[u8]>,
    facts: ComponentFacts,
}

impl CheckedComponent {
    /// For whoever has checked these very bytes and found this in them.
    pub const fn found(bytes: Arc<[u8]>, facts: ComponentFacts) -> Self {
        Self { bytes, facts }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was found in them.
    pub const fn facts(&self) -> &ComponentFacts {
        &self.facts
    }
}

impl fmt::Debug for CheckedComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CheckedComponent").field(&self.facts.sha256).finish()
    }
}

/// A version of an uploaded plugin. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginVersion {
    /// The plugin's name.
    #[serde(skip)]
    pub plugin: String,
    /// Counts from 1. As long as the plugin is there, no number is given twice.
    pub version: u32,
    /// Its component.
    #[serde(flatten)]
    pub facts: ComponentFacts,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: Actor,
}

/// How much a tenant may keep, or keeps, of uploaded versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ComponentRoom {
    /// How many versions, of all its plugins together.
    pub versions: u64,
    /// How many bytes their components take. Equal ones count once.
    pub bytes: u64,
}
