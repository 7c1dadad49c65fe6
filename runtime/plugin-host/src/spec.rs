//! What is installed: a declared plugin with the place of its component.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use primitives::{Origin, TenantId, UploadedPluginId};
use serde_json::{Map, Value};
use tenancy::plugin::uploaded::{StoredPlugin, UploadedPlugins};
use tenancy::plugin::{self, Binding, Capability, DeclaredPlugin, HookName, Limits, TrustSettings};

use crate::component::ComponentHash;

/// A plugin of one tenant.
#[derive(Debug, Clone)]
pub struct PluginSpec {
    /// Its name, unique in the tenant.
    pub name: String,
    /// Which uploaded plugin of this name it is, if it was uploaded.
    pub upload: Option<UploadedPluginId>,
    /// Where its component is.
    pub source: PluginSource,
    /// The SHA-256 that the component must have, in lower-case hex. Without it, whatever the file holds
    /// when it is read is what is meant.
    pub sha256: Option<String>,
    /// Where its signature is.
    pub signature: SignatureSource,
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
    /// Whether nothing that it does has an effect: it shadows another.
    pub pretends: bool,
    /// What sees its calls beside it.
    pub shadow: Option<Box<ShadowSpec>>,
}

/// A candidate that shadows a plugin.
#[derive(Debug, Clone)]
pub struct ShadowSpec {
    /// The candidate.
    pub spec: PluginSpec,
    /// Of a thousand calls, it sees so many.
    pub per_mille: u16,
}

impl PluginSpec {
    /// A plugin with default limits and grants, bound to every call of `hook`.
    pub fn new(name: impl Into<String>, source: PluginSource, hook: HookName) -> Self {
        Self {
            name: name.into(),
            upload: None,
            source,
            sha256: None,
            signature: SignatureSource::Beside,
            trust: Arc::default(),
            settings: Map::new(),
            http_origins: BTreeSet::new(),
            limits: Limits::default(),
            calls_per_instance: NonZeroU32::MIN,
            grants: plugin::default_grants(),
            bindings: vec![Binding::every(hook)],
            pretends: false,
            shadow: None,
        }
    }

    /// What is declared, in a tenant that trusts these.
    pub fn declared(declared: DeclaredPlugin, trust: Arc<TrustSettings>) -> Self {
        Self {
            trust,
            name: declared.name,
            upload: None,
            source: PluginSource::File(declared.component),
            sha256: declared.sha256,
            signature: declared.signature.map_or(SignatureSource::Beside, SignatureSource::File),
            settings: declared.settings,
            http_origins: declared.http_origins,
            limits: declared.limits,
            calls_per_instance: declared.calls_per_instance,
            grants: declared.grants,
            bindings: declared.bind,
            pretends: false,
            shadow: None,
        }
    }

    /// A plugin that was uploaded, with where its component is, of a tenant that trusts these.
    pub(crate) fn of_stored(stored: StoredPlugin, source: PluginSource, trust: Arc<TrustSettings>) -> Self {
        let StoredPlugin { name, id, sha256, declaration, shadow: _ } = stored;
        Self {
            name,
            upload: Some(id),
            source,
            sha256: Some(sha256),
            signature: SignatureSource::Text(declaration.signature),
            trust,
            settings: declaration.settings,
            http_origins: declaration.http_origins,
            limits: declaration.limits,
            calls_per_instance: declaration.calls_per_instance,
            grants: declaration.grants,
            bindings: declaration.bind,
            pretends: false,
            shadow: None,
        }
    }
}

/// Where a component's signature is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureSource {
    /// In a file beside the component's, if it is there.
    Beside,
    /// In this file.
    File(PathBuf),
    /// Here, if it has one: that of an uploaded component.
    Text(Option<String>),
}

/// Where a component is.
#[derive(Clone, PartialEq, Eq)]
pub enum PluginSource {
    /// In a file. It is read again when its compiled form is gone, and must be the same then.
    File(PathBuf),
    /// In memory.
    Bytes(Arc<[u8]>),
    /// In the database, since it was uploaded. It is read when its compiled form is not on this node.
    Stored(StoredComponent),
}

/// Where an uploaded component is.
///
/// Attack: a tenant runs another's component, whose hash it knows. So this names the tenant, and only its own
/// components are found under it.
#[derive(Debug, Clone)]
pub struct StoredComponent {
    pub(crate) components: Arc<dyn UploadedPlugins>,
    pub(crate) tenant: TenantId,
    pub(crate) hash: ComponentHash,
}

impl PartialEq for StoredComponent {
    fn eq(&self, other: &Self) -> bool {
        self.tenant == other.tenant && self.hash == other.hash
    }
}

impl Eq for StoredComponent {}

impl PluginSource {
    /// How it is named in the log.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Self::Stored(stored) => format!("uploaded {}", stored.hash),
        }
    }
}

impl fmt::Debug for PluginSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Stored(stored) => write!(f, "Stored({})", stored.hash),
        }
    }
}
