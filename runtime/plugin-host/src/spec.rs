//! What is installed: a declared plugin with the place of its component.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use primitives::Origin;
use serde_json::{Map, Value};
use tenancy::plugin::{self, Binding, Capability, DeclaredPlugin, HookName, Limits, TrustSettings};

/// A plugin of one tenant.
#[derive(Debug, Clone)]
pub struct PluginSpec {
    /// Its name, unique in the tenant.
    pub name: String,
    /// Where its component is.
    pub source: PluginSource,
    /// The SHA-256 that the component must have, in lower-case hex. Without it, whatever the file holds
    /// when it is read is what is meant.
    pub sha256: Option<String>,
    /// The file with its signature. Without it that is beside the component's file.
    pub signature: Option<PathBuf>,
    /// Whose signatures its tenant accepts.
    pub trust: Arc<TrustSettings>,
    /// Its own settings.
    pub settings: Map<String, Value>,
    /// The servers that it may call.
    pub http_origins: BTreeSet<Origin>,
    /// What one call may use, and what the plugin may keep.
    pub limits: Limits,
    /// How many calls one instance may serve.
    pub calls_per_instance: NonZeroU32,
    /// What it was granted.
    pub grants: BTreeSet<Capability>,
    /// Where it is called.
    pub bindings: Vec<Binding>,
}

impl PluginSpec {
    /// A plugin with default limits and grants, bound to every call of `hook`.
    pub fn new(name: impl Into<String>, source: PluginSource, hook: HookName) -> Self {
        Self {
            name: name.into(),
            source,
            sha256: None,
            signature: None,
            trust: Arc::default(),
            settings: Map::new(),
            http_origins: BTreeSet::new(),
            limits: Limits::default(),
            calls_per_instance: NonZeroU32::MIN,
            grants: plugin::default_grants(),
            bindings: vec![Binding::every(hook)],
        }
    }

    /// What is declared, in a tenant that trusts these.
    pub fn declared(declared: DeclaredPlugin, trust: Arc<TrustSettings>) -> Self {
        Self {
            trust,
            name: declared.name,
            source: PluginSource::File(declared.component),
            sha256: declared.sha256,
            signature: declared.signature,
            settings: declared.settings,
            http_origins: declared.http_origins,
            limits: declared.limits,
            calls_per_instance: declared.calls_per_instance,
            grants: declared.grants,
            bindings: declared.bind,
        }
    }
}

/// Where a component is.
#[derive(Clone, PartialEq, Eq)]
pub enum PluginSource {
    /// In a file. It is read again when its compiled form is gone, and must be the same then.
    File(PathBuf),
    /// In memory.
    Bytes(Arc<[u8]>),
}

impl fmt::Debug for PluginSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
        }
    }
}
