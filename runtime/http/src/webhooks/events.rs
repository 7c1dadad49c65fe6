//! What happened in a tenant, kept for its webhooks: each event becomes a message for each webhook that is told of it.
//!
//! Events come as those of plugins do, by a place of the webhook's own in the tenant's audit records
//! (`storage/src/jobs/events.rs`), each at least once; since a message has its event's id, it is kept once.

use primitives::Change;
use primitives::hooks::{HookFailure, HookFailureKind};
use serde_json::json;
use storage::ApplyError;
use tenancy::plugin::{Consumed, PluginEvent};
use tenancy::webhook::{NewWebhookMessage, Webhook};

use crate::node::Node;
use crate::tenants::LoadedTenant;

/// Keeps those events that a webhook is told of.
pub(crate) async fn queue(
    node: &Node,
    tenant: &LoadedTenant,
    name: &str,
    events: &[PluginEvent],
) -> Result<Consumed, HookFailure> {
    let found = tenant.webhooks.iter().find(|webhook| webhook.name == name && !webhook.events.is_empty());
    let Some(webhook) = found else { return Ok(Consumed::NotBound) };
    let mut change = Change::new(tenant.id.clone());
    for event in events.iter().filter(|event| is_told(webhook, event)) {
        let message = NewWebhookMessage {
            webhook: name.to_owned(),
            id: event.id,
            topic: event.action.clone(),
            body: body(event),
            at: node.clock.now(),
        };
        change = change.write(tenancy::Write::QueueWebhookMessage(Box::new(message)));
    }
    match node.storage.apply(change).await {
        Ok(()) | Err(ApplyError::Missed { .. }) => Ok(Consumed::Taken),
        Err(ApplyError::Storage(error)) => Err(HookFailure {
            plugin: name.to_owned(),
            kind: HookFailureKind::Unavailable,
            detail: error.to_string(),
        }),
    }
}

fn is_told(webhook: &Webhook, event: &PluginEvent) -> bool {
    webhook.is_told_of(&event.action, (&event.target_kind, &event.target_id))
}

/// An event as receivers see it. It has identifiers, never what they stand for.
fn body(event: &PluginEvent) -> String {
    json!({
        "type": event.action,
        "timestamp": event.at,
        "data": {
            "id": event.id,
            "actor": event.actor,
            "target": { "kind": event.target_kind, "id": event.target_id },
            "organization_id": event.organisation,
            "details": event.details,
        },
    })
    .to_string()
}
