//! Events and messages for tenants' plugins and webhooks, whether or not their tenant was visited since the node started.

use futures_util::future::BoxFuture;
use primitives::TenantId;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::message::{MessageDecision, MessageHook, OutgoingMessage};
use tenancy::TenantState;
use tenancy::plugin::{Consumed, EventHook, PluginEvent};
use tenancy::webhook::WEBHOOK_PREFIX;

use crate::node::Node;
use crate::webhooks;

impl EventHook for Node {
    fn consume<'a>(
        &'a self,
        tenant: &'a TenantId,
        plugin: &'a str,
        events: &'a [PluginEvent],
    ) -> BoxFuture<'a, Result<Consumed, HookFailure>> {
        Box::pin(async move {
            let loaded = self.tenants.load(self, tenant).await.map_err(|error| HookFailure {
                plugin: plugin.to_owned(),
                kind: HookFailureKind::Unavailable,
                detail: error.to_string(),
            })?;
            match loaded {
                Some(loaded) if loaded.state == TenantState::Active => {
                    match plugin.strip_prefix(WEBHOOK_PREFIX) {
                        Some(webhook) => webhooks::queue(self, &loaded, webhook, events).await,
                        None => self.events.consume(tenant, plugin, events).await,
                    }
                }
                // A tenant that was stopped may go on later: its plugins are told then.
                Some(_) => Err(HookFailure {
                    plugin: plugin.to_owned(),
                    kind: HookFailureKind::Unavailable,
                    detail: "its tenant is stopped".to_owned(),
                }),
                None => Ok(Consumed::NotBound),
            }
        })
    }
}

impl MessageHook for Node {
    fn send<'a>(
        &'a self,
        context: &'a HookContext,
        message: &'a OutgoingMessage,
    ) -> BoxFuture<'a, Result<MessageDecision, HookFailure>> {
        let unavailable = |detail: String| HookFailure {
            plugin: String::new(),
            kind: HookFailureKind::Unavailable,
            detail,
        };
        Box::pin(async move {
            let loaded = self.tenants.load(self, &context.tenant).await;
            match loaded.map_err(|error| unavailable(error.to_string()))? {
                Some(loaded) if loaded.state == TenantState::Active => {
                    self.messages.send(context, message).await
                }
                // A tenant that was stopped may go on later: its messages are offered then.
                Some(_) | None => Err(unavailable("its tenant is stopped".to_owned())),
            }
        })
    }
}
