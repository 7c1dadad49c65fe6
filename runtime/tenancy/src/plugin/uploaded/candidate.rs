//! The port to what checks candidates: a component before it is stored, a declaration before it runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use primitives::TenantId;

use super::{CheckedComponent, ComponentRoom, StoredPlugin};
use crate::plugin::TrustSettings;

/// What the node's operator allows of uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadBounds {
    /// How large a component may be, in bytes.
    pub component_bytes: u64,
    /// What a tenant may keep.
    pub room: ComponentRoom,
    /// How long a check may take, once it is its turn.
    pub compile: Duration,
}

/// Checks what somebody wants to run, and changes nothing. Implemented by `plugin-host`.
pub trait PluginCandidates: Send + Sync + fmt::Debug {
    /// The operator's bounds.
    fn upload_bounds(&self) -> UploadBounds;

    /// Validates a component, compiles it out of the way of requests, and checks its imports and exports.
    fn check_component(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<CheckedComponent, CandidateRefusal>>;

    /// Checks the signature of a stored component as the tenant trusts, loads it as it is declared and starts it
    /// once, as it would be before it replaces what runs.
    fn check_candidate<'a>(
        &'a self,
        tenant: &'a TenantId,
        candidate: StoredPlugin,
        trust: &'a TrustSettings,
    ) -> BoxFuture<'a, Result<(), CandidateRefusal>>;

    /// The same for one that is to shadow what runs: nothing that it does has an effect, its start included.
    fn check_shadow<'a>(
        &'a self,
        tenant: &'a TenantId,
        candidate: StoredPlugin,
        trust: &'a TrustSettings,
    ) -> BoxFuture<'a, Result<(), CandidateRefusal>>;

    /// Makes a stored component ready on this node, so that no request waits for it. What fails here shows
    /// when the component is loaded.
    fn make_ready<'a>(&'a self, tenant: &'a TenantId, sha256: &'a str) -> BoxFuture<'a, ()>;
}

/// Why a candidate does not run. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct CandidateRefusal {
    /// What kind of reason.
    pub reason: RefusalReason,
    /// In words, with what to do about it.
    pub detail: String,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// Why a candidate is refused, in a word that programs can rely on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum RefusalReason {
            $($(#[$doc])* $name,)+
        }

        impl RefusalReason {
            /// As it stands in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

reasons! {
    /// The bytes are no WebAssembly at all.
    NotAComponent = "not_a_component";
    /// A core module: what most compilers write before it is made into a component.
    CoreModule = "core_module";
    /// The bytes end too early.
    Truncated = "truncated";
    /// It is larger than the node takes.
    TooLarge = "component_too_large";
    /// It is no valid component.
    Invalid = "invalid_component";
    /// It was built for a version of the contract that this node does not have.
    OtherContractVersion = "other_contract_version";
    /// It implements no hook.
    NoHook = "no_hook";
    /// It imports what no grant covers.
    UnknownImport = "unknown_import";
    /// Compiling it takes too much time or memory.
    CompileGivenUp = "compile_given_up";
    /// It imports what its declaration does not grant.
    NotGranted = "not_granted";
    /// Its declaration grants what the node's operator does not allow.
    GrantNotAllowed = "grant_not_allowed";
    /// Its signature is missing, or does not count.
    Signature = "signature_not_accepted";
    /// It is bound to a hook that it does not implement.
    NotExported = "not_exported";
    /// What it says of its settings is no usable JSON Schema.
    SettingsSchema = "invalid_settings_schema";
    /// Its settings do not fit its schema.
    SettingsDoNotFit = "settings_do_not_fit";
    /// It does not start.
    DoesNotStart = "does_not_start";
    /// Its declaration makes no sense.
    Malformed = "malformed_declaration";
    /// The node does not offer what it is granted.
    NotOffered = "not_offered";
    /// Its component is not what was stored, or is gone.
    NotStored = "component_not_stored";
    /// Too many are being checked at the moment.
    Busy = "too_many_uploads";
    /// Something of the node failed.
    Internal = "server_error";
}
