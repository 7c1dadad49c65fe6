//! What hooks of several rooms share: their context, their failures, their policies.

use serde::Serialize;

use crate::audit::Actor;
use crate::ids::{ClientId, OrganisationId, RequestId, TenantId};

/// Whose call this is. Every hook input names tenant, organisation, client and actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookContext {
    /// The tenant whose plugin is called.
    pub tenant: TenantId,
    /// The organisation in whose name the request runs.
    pub organisation: Option<OrganisationId>,
    /// The OAuth client that asked.
    pub client: Option<ClientId>,
    /// Who acts.
    pub actor: Actor,
    /// The request, for logs.
    pub request: RequestId,
}

/// What happens when a hook cannot answer. Part of the hook's definition, never a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailurePolicy {
    /// The operation fails. Whatever grants access fails closed.
    Closed,
    /// The operation goes on, and the failure is audited.
    Open,
}

/// Why a hook gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugin {plugin} failed: {kind:?}: {detail}")]
pub struct HookFailure {
    /// The plugin's name.
    pub plugin: String,
    /// What kind of failure.
    pub kind: HookFailureKind,
    /// For the operator's log; never shown to a client.
    pub detail: String,
}

/// The kinds of failure that the host tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HookFailureKind {
    /// The guest trapped (panic, unreachable, out of bounds).
    Trap,
    /// It used up its CPU time.
    CpuLimit,
    /// It ran past its wall time.
    WallLimit,
    /// It asked for more memory than it may have.
    MemoryLimit,
    /// It returned more than it may.
    OutputLimit,
    /// Too many calls of this tenant are in flight.
    Concurrency,
    /// Too many failures; the circuit is open.
    CircuitOpen,
    /// It answered something that is not allowed, e.g. a protected claim.
    BadAnswer,
    /// It returned an error of its own.
    GuestError,
    /// The plugin is configured but cannot be loaded.
    Unavailable,
    /// It is another server, which was not reached or gave no usable answer.
    Upstream,
    /// It is another server, which took too long.
    UpstreamTimeout,
}

impl HookFailureKind {
    /// As it stands in logs, metrics and audit records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::CpuLimit => "cpu_limit",
            Self::WallLimit => "wall_limit",
            Self::MemoryLimit => "memory_limit",
            Self::OutputLimit => "output_limit",
            Self::Concurrency => "concurrency",
            Self::CircuitOpen => "circuit_open",
            Self::BadAnswer => "bad_answer",
            Self::GuestError => "guest_error",
            Self::Unavailable => "unavailable",
            Self::Upstream => "upstream",
            Self::UpstreamTimeout => "upstream_timeout",
        }
    }
}
