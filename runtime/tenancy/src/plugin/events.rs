//! What happened in a tenant, told to its plugins afterwards.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::hooks::{FailurePolicy, HookFailure};
use primitives::{OrganisationId, TenantId, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What happens when a plugin does not take events: nothing is undone; they are offered again.
pub const EVENT_FAILURE_POLICY: FailurePolicy = FailurePolicy::Open;

/// An audit record, as plugins are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginEvent {
    /// Its name; the same when it is offered again.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub action: String,
    /// Who did it.
    pub actor: String,
    /// The kind of thing that it happened to.
    pub target_kind: String,
    /// Which one.
    pub target_id: String,
    /// In which organisation's name.
    pub organisation: Option<OrganisationId>,
    /// Further identifiers and words.
    pub details: Map<String, Value>,
}

/// What became of events that were offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumed {
    /// The plugin took them.
    Taken,
    /// The tenant has no such plugin on the hook `event`, or none at all any more.
    NotBound,
}

/// Offers events to the plugins of tenants. What runs plugins implements it for tenants whose plugins are installed;
/// whoever loads tenants, for all.
pub trait EventHook: Send + Sync + fmt::Debug {
    /// Offers events to one plugin of a tenant.
    fn consume<'a>(
        &'a self,
        tenant: &'a TenantId,
        plugin: &'a str,
        events: &'a [PluginEvent],
    ) -> BoxFuture<'a, Result<Consumed, HookFailure>>;
}

/// For a node without plugins.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEventHook;

impl EventHook for NoEventHook {
    fn consume<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a str,
        _: &'a [PluginEvent],
    ) -> BoxFuture<'a, Result<Consumed, HookFailure>> {
        Box::pin(async { Ok(Consumed::NotBound) })
    }
}
