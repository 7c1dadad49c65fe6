//! What an operator installs: a component, its settings, its limits, its grants and where it is bound.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use primitives::hooks::HookContext;
use primitives::{ClientId, OrganisationId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::Limits;

/// A plugin of one tenant.
#[derive(Debug, Clone)]
pub struct PluginSpec {
    /// Its name, unique in the tenant.
    pub name: String,
    /// Where its component is.
    pub source: PluginSource,
    /// The SHA-256 that the component must have, in lower-case hex. Always given for what was installed
    /// once; without it the first load says what it is.
    pub sha256: Option<String>,
    /// Its own settings, a JSON object.
    pub settings: Value,
    /// What one call may use.
    pub limits: Limits,
    /// What it was granted.
    pub grants: BTreeSet<Capability>,
    /// Where it is called.
    pub bindings: Vec<Binding>,
}

impl PluginSpec {
    /// A plugin with default limits, granted `log` and `config`, bound to every call of `hook`.
    pub fn new(name: impl Into<String>, source: PluginSource, hook: HookName) -> Self {
        Self {
            name: name.into(),
            source,
            sha256: None,
            settings: Value::Object(serde_json::Map::new()),
            limits: Limits::default(),
            grants: BTreeSet::from([Capability::Log, Capability::Config]),
            bindings: vec![Binding { hook, organisation: None, client: None, order: 0 }],
        }
    }
}

/// Where a component is.
#[derive(Clone)]
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

/// A hook, by the name it has in configuration, logs and metrics.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum HookName {
    /// Shapes or denies tokens.
    Token,
}

impl HookName {
    /// As it stands in configuration, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
        }
    }

    /// The interface that a component exports to be called here.
    pub(crate) const fn interface(self) -> &'static str {
        match self {
            Self::Token => "portcullis:token/hook@0.1.0",
        }
    }
}

/// Something that the host does for a plugin, granted by name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Writes to the node's log.
    Log,
    /// Reads the plugin's own settings.
    Config,
    /// May set the claim `groups`.
    Groups,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 3] = [Self::Log, Self::Config, Self::Groups];

    /// As it stands in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Config => "config",
            Self::Groups => "groups",
        }
    }

    /// The interface that a component imports to use it, where it is one.
    pub(crate) const fn interface(self) -> Option<&'static str> {
        match self {
            Self::Log => Some("portcullis:host/log@0.1.0"),
            Self::Config => Some("portcullis:host/config@0.1.0"),
            Self::Groups => None,
        }
    }
}

/// Where a plugin is called. What is left out matches every call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The hook.
    pub hook: HookName,
    /// Only for requests in the name of this organisation.
    #[serde(default)]
    pub organisation: Option<OrganisationId>,
    /// Only for requests of this client.
    #[serde(default)]
    pub client: Option<ClientId>,
    /// Plugins on one hook are called in this order, then by name.
    #[serde(default)]
    pub order: i32,
}

impl Binding {
    /// Whether it matches a call of its hook.
    pub fn matches(&self, context: &HookContext) -> bool {
        self.organisation.is_none_or(|organisation| context.organisation == Some(organisation))
            && self.client.as_ref().is_none_or(|client| context.client.as_ref() == Some(client))
    }
}
