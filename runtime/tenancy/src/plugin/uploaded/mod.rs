//! Plugins that were uploaded: their versions, which one runs and with what declaration, and what ran before.
//!
//! The rows are the truth: nodes load what they say. Every decision here names the revision that it was made
//! on, so that of two at once one is decided anew.

pub mod candidate;
pub mod component;
mod decide;
pub mod port;
mod secrets;
pub mod shadow;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::PathBuf;

use primitives::{Actor, Origin, Timestamp, UploadedPluginId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::signature::SIGNATURE_TEXT_BYTES;
use super::{
    Binding, Capability, DeclaredPlugin, Limits, default_bindings, default_grants, is_one, one_call,
};

pub use candidate::{CandidateRefusal, PluginCandidates, RefusalReason, UploadBounds};
pub use component::{CheckedComponent, ComponentFacts, ComponentRoom, PluginVersion};
pub use decide::{Asked, Upload, UploadError, Uploading, upload};
pub use port::UploadedPlugins;
pub use secrets::{SecretError, SecretFacts, UploadedSecret};
pub use shadow::{Difference, ShadowReport, ShadowRequest, Shadowing, StoredShadow};

/// What the settings of an uploaded plugin may take as JSON, in bytes.
pub const SETTINGS_BYTES: usize = 64 << 10;
/// How many bindings and origins one may have.
pub const ENTRIES: usize = 64;
/// How many uploaded plugins a tenant may have.
pub const PLUGINS_PER_TENANT: usize = 64;

/// Whether a plugin may have this name.
pub fn is_plugin_name(name: &str) -> bool {
    let of_form = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(of_form)
}

/// How a version of an uploaded plugin runs: what `[[tenant.plugin]]` says, with a version in the place of a file.
/// Secrets are not among it: they are [set](UploadedPlugin::set_secret) one by one, and told by nobody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionDeclaration {
    /// Which version.
    pub version: u32,
    /// The signature of its component: the text that `portcullis plugin sign` writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Its own settings, which it reads through the capability `config`.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// The servers that it may call through the capability `http`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(with = "BTreeSet<String>")]
    pub http_origins: BTreeSet<Origin>,
    /// What one call may use, and what the plugin may keep.
    #[serde(default)]
    pub limits: Limits,
    /// How many calls one instance may serve, as in a file.
    #[serde(default = "one_call", skip_serializing_if = "is_one")]
    pub calls_per_instance: NonZeroU32,
    /// The capabilities that it is granted.
    #[serde(default = "default_grants")]
    pub grants: BTreeSet<Capability>,
    /// Where it is called.
    #[serde(default = "default_bindings")]
    pub bind: Vec<Binding>,
}

impl VersionDeclaration {
    /// The same as a declaration in a file, whose component is nowhere: for the checks that both have.
    pub fn as_declared(&self, name: &str) -> DeclaredPlugin {
        let Self {
            version: _,
            signature: _,
            settings,
            http_origins,
            limits,
            calls_per_instance,
            grants,
            bind,
        } = self.clone();
        DeclaredPlugin {
            name: name.to_owned(),
            component: PathBuf::new(),
            sha256: None,
            signature: None,
            settings,
            secrets: BTreeMap::new(),
            http_origins,
            limits,
            calls_per_instance,
            grants,
            bind,
        }
    }

    /// Refuses what would be no mistake in the operator's own file, but too much of anybody else.
    ///
    /// Attack: settings of megabytes, or thousands of bindings, that every node keeps in memory.
    pub fn check_size(&self) -> Result<(), String> {
        let bytes = serde_json::to_string(&self.settings).map_or(usize::MAX, |text| text.len());
        if bytes > SETTINGS_BYTES {
            return Err(format!("settings: take {bytes} bytes, of which {SETTINGS_BYTES} are allowed"));
        }
        if self.signature.as_ref().is_some_and(|text| text.len() > SIGNATURE_TEXT_BYTES) {
            return Err(format!("signature: is longer than {SIGNATURE_TEXT_BYTES} bytes"));
        }
        for (key, count) in [("bind", self.bind.len()), ("http_origins", self.http_origins.len())] {
            if count > ENTRIES {
                return Err(format!("{key}: has {count} entries, of which {ENTRIES} are allowed"));
            }
        }
        Ok(())
    }
}

/// A version with its declaration, as it was enabled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enablement {
    /// The SHA-256 of the version's component.
    pub sha256: String,
    /// Which version, and how it runs.
    pub declaration: VersionDeclaration,
    /// When it was enabled.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
}

/// Whether an uploaded plugin runs, and as what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum UploadState {
    /// It never did.
    Uploaded,
    /// It runs.
    Enabled {
        /// What runs.
        current: Box<Enablement>,
        /// What ran before: the last one of another version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<Box<Enablement>>,
        /// What sees its calls, to be compared.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shadow: Option<Box<Shadowing>>,
    },
    /// It ran until it was disabled.
    Disabled {
        /// What ran.
        last: Box<Enablement>,
        /// What ran before that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<Box<Enablement>>,
    },
}

/// An uploaded plugin, without its versions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UploadedPlugin {
    /// Its name, unique in the tenant.
    pub name: String,
    /// What tells it from any other that had its name before.
    #[serde(skip)]
    pub id: UploadedPluginId,
    /// Counts its changes, from 1.
    pub revision: i64,
    /// The highest version that it ever had.
    pub latest_version: u32,
    /// Whether it runs.
    #[serde(flatten)]
    pub state: UploadState,
    /// When its first version was uploaded.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A plugin that runs from a stored component: what a node is to load.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPlugin {
    /// Its name.
    pub name: String,
    /// Which plugin of this name it is.
    pub id: UploadedPluginId,
    /// The SHA-256 of its component.
    pub sha256: String,
    /// How it runs.
    pub declaration: VersionDeclaration,
    /// What sees its calls beside it.
    pub shadow: Option<StoredShadow>,
}

impl UploadedPlugin {
    /// What runs, if it does.
    pub fn enabled(&self) -> Option<&Enablement> {
        match &self.state {
            UploadState::Enabled { current, .. } => Some(current),
            UploadState::Uploaded | UploadState::Disabled { .. } => None,
        }
    }

    /// What a node is to load of it.
    pub fn stored(&self) -> Option<StoredPlugin> {
        let shadow = self.shadow().map(Shadowing::stored);
        self.enabled().map(|enablement| StoredPlugin { shadow, ..enablement.stored(self) })
    }

    /// What sees its calls, if something does.
    pub fn shadow(&self) -> Option<&Shadowing> {
        match &self.state {
            UploadState::Enabled { shadow, .. } => shadow.as_deref(),
            UploadState::Uploaded | UploadState::Disabled { .. } => None,
        }
    }

    /// Whether something in its state refers to a version, which must stay then.
    pub fn is_version_in_use(&self, version: u32) -> bool {
        let (first, second) = match &self.state {
            UploadState::Uploaded => (None, None),
            UploadState::Enabled { current, previous, .. } => (Some(current), previous.as_ref()),
            UploadState::Disabled { last, previous } => (Some(last), previous.as_ref()),
        };
        let shadow = self.shadow().map(|shadow| &shadow.candidate);
        let all = first.into_iter().chain(second).map(|enablement| &**enablement).chain(shadow);
        all.into_iter().any(|enablement| enablement.declaration.version == version)
    }
}

impl Enablement {
    /// What a node is to load for it.
    pub fn stored(&self, plugin: &UploadedPlugin) -> StoredPlugin {
        StoredPlugin {
            name: plugin.name.clone(),
            id: plugin.id,
            sha256: self.sha256.clone(),
            declaration: self.declaration.clone(),
            shadow: None,
        }
    }
}
