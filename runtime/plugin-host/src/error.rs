//! Why a plugin cannot be installed or loaded.

use std::fmt;
use std::io;

use tenancy::plugin::SignatureError;

/// Why a plugin cannot be installed or loaded. Failures of calls are
/// [`HookFailure`](primitives::hooks::HookFailure)s.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HostError {
    /// The component cannot be read. The operator's.
    #[error("component {path}: {detail}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        detail: String,
    },
    /// The component is larger than the node allows. The plugin's.
    #[error("component has {bytes} bytes, of which {limit} are allowed")]
    TooLarge {
        /// What it has.
        bytes: u64,
        /// What it may have.
        limit: u64,
    },
    /// The component is not the one that was pinned. The operator's, or somebody tampered with it.
    #[error("component has SHA-256 {found}, expected {expected}")]
    WrongHash {
        /// The hash of what was read.
        found: String,
        /// The hash that was pinned.
        expected: String,
    },
    /// The component's signature does not count. The operator's, or somebody tampered with one of them.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The file that was named for the signature cannot be read. The operator's.
    #[error("signature {path}: {detail}")]
    UnreadableSignature {
        /// The file.
        path: String,
        /// What the system said.
        detail: String,
    },
    /// No version of the tenant has a component of this hash. The operator's, or somebody deleted it.
    #[error("no uploaded component of this tenant has SHA-256 {sha256}")]
    NotStored {
        /// The hash.
        sha256: String,
    },
    /// An uploaded plugin is granted what the node's operator does not allow uploaded ones. The tenant's.
    #[error(
        "it is granted {}, which this node's operator does not allow uploaded plugins (`plugins.uploads.grants`)",
        grants.join(", ")
    )]
    GrantNotAllowed {
        /// The capabilities.
        grants: Vec<&'static str>,
    },
    /// It was built against another version of the contract. The plugin's.
    #[error("{found} is of another version of the contract: this node has {known}; {what_to_do}")]
    OtherContract {
        /// What it has.
        found: String,
        /// What this node has.
        known: &'static str,
        /// What to do about it.
        what_to_do: &'static str,
    },
    /// The bytes are no WebAssembly. The plugin's.
    #[error(
        "not a usable component: these bytes are no WebAssembly; `portcullis plugin build` makes a component"
    )]
    NotAComponent,
    /// The bytes are a core module. The plugin's.
    #[error(
        "not a usable component: this is a core module, not a component; `portcullis plugin build` makes one of it"
    )]
    CoreModule,
    /// The bytes end in the middle. The plugin's, or whoever sent it.
    #[error("not a usable component: it ends in the middle; send it again, whole")]
    Truncated,
    /// It implements no hook. The plugin's.
    #[error("it implements no hook: it exports {}; a plugin exports one of {}", list(exports), known.join(", "))]
    NoHook {
        /// Some of what it exports.
        exports: Vec<String>,
        /// What it could export.
        known: Vec<&'static str>,
    },
    /// What the component says of its settings is no usable JSON Schema. The plugin's.
    #[error("the JSON Schema for its settings cannot be used: {0}")]
    SettingsSchema(String),
    /// The settings do not fit the component's schema. The operator's.
    #[error("its settings do not fit the component's schema: {}", violations.join("; "))]
    SettingsDoNotFit {
        /// Each with its place in the settings.
        violations: Vec<String>,
    },
    /// The plugin itself finds its settings wrong. The operator's.
    #[error("the plugin does not take its settings: {0}")]
    SettingsRefused(String),
    /// The candidate does not start. The plugin's.
    #[error("not a usable component: {0}")]
    DoesNotStart(String),
    /// The bytes are not a component, or it does not fit the hook's types. The plugin's.
    #[error("not a usable component: {0}")]
    Invalid(String),
    /// The component imports what it was not granted, or what does not exist. The plugin's or the
    /// operator's.
    #[error("component imports what it was not granted: {}", missing.join(", "))]
    NotGranted {
        /// Each missing import, with the capability to grant where there is one.
        missing: Vec<String>,
    },
    /// The plugin is granted what this node does not have. The operator's.
    #[error("it is granted \"{capability}\", which this node does not offer")]
    NotOffered {
        /// The capability.
        capability: &'static str,
    },
    /// The plugin is bound to a hook that the component does not export. The operator's.
    #[error("bound to hook {hook}, but the component does not export {interface}")]
    NotExported {
        /// The hook's name.
        hook: &'static str,
        /// The interface that is missing.
        interface: &'static str,
    },
    /// The plugin's name, settings or bindings are malformed. The operator's.
    #[error("plugin {name:?}: {reason}")]
    Malformed {
        /// The plugin's name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Too many compilations are waiting. The node's; try again later.
    #[error("too many plugins are being compiled; try again later")]
    Busy,
    /// Compiling took too long or was killed. The plugin's.
    #[error("compiling the component was given up: {0}")]
    CompileGivenUp(String),
    /// The engine, the cache directory or a thread failed. The node's.
    #[error("plugin host: {0}")]
    Internal(String),
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

impl HostError {
    pub(crate) fn engine(error: impl fmt::Display) -> Self {
        Self::Internal(format!("{error:#}"))
    }

    pub(crate) fn thread(error: &io::Error) -> Self {
        Self::Internal(format!("thread: {error}"))
    }

    pub(crate) fn invalid(error: impl fmt::Display) -> Self {
        Self::Invalid(format!("{error:#}"))
    }
}
