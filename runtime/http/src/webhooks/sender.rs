//! Sends what was kept for webhooks, whether or not their tenant was visited since the node started.

use std::time::Duration;

use futures_util::future::BoxFuture;
use primitives::outbound::OutboundError;
use tenancy::TenantState;
use tenancy::webhook::{SendError, WebhookMessage, WebhookSender};

use super::request::{Message, NoAnswer, Whose, send};
use crate::node::Node;

/// How long a receiver may take. Whoever runs jobs may allow less.
const TIMEOUT: Duration = Duration::from_secs(30);

impl WebhookSender for Node {
    fn send<'a>(&'a self, message: &'a WebhookMessage) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async move {
            let outcome = self.send_to_webhook(message).await;
            self.metrics.webhook(match &outcome {
                Ok(()) => "taken",
                Err(SendError::Unreachable(_)) => "unreachable",
                Err(SendError::Refused(_)) => "refused",
                Err(SendError::Gone(_)) => "gone",
            });
            outcome
        })
    }
}

impl Node {
    async fn send_to_webhook(&self, message: &WebhookMessage) -> Result<(), SendError> {
        let loaded = self.tenants.load(self, &message.tenant).await;
        let tenant = match loaded.map_err(|error| SendError::Unreachable(error.to_string()))? {
            Some(loaded) if loaded.state == TenantState::Active => loaded,
            // A tenant that was stopped may go on later.
            Some(_) | None => return Err(SendError::Unreachable("its tenant is stopped".to_owned())),
        };
        let found = tenant.webhooks.iter().find(|webhook| webhook.name == message.webhook);
        let gone = || SendError::Gone("the settings have no webhook of this name any more".to_owned());
        let webhook = found.ok_or_else(gone)?;
        let whose = Whose { node: self, tenant: &tenant.id, by_operator: tenant.by_operator };
        let id = message.id.to_string();
        match send(whose, webhook, Message { id: &id, body: &message.body }, TIMEOUT).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
            Ok(answer) if answer.status == 410 => Err(SendError::Gone("it answered 410".to_owned())),
            Ok(answer) => Err(SendError::Refused(format!("it answered {}", answer.status))),
            Err(error @ NoAnswer::Outbound(OutboundError::TooLarge)) => {
                Err(SendError::Refused(error.to_string()))
            }
            Err(error) => Err(SendError::Unreachable(error.to_string())),
        }
    }
}
