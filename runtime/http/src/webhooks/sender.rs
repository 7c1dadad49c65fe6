//! Sends what was kept for webhooks, and for clients that are told of the end of sessions, whether or not their tenant was visited since the node started.

use std::time::Duration;

use futures_util::future::BoxFuture;
use oauth2::backchannel_logout::BackchannelError;
use oauth2::server::AuthorizationServer;
use primitives::SessionId;
use primitives::outbound::OutboundError;
use tenancy::TenantState;
use tenancy::webhook::{LOGOUT_PREFIX, SendError, WebhookMessage, WebhookSender};

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
    /// Sends it to the webhook of the settings, or to the client, that it waits for.
    async fn send_to_webhook(&self, message: &WebhookMessage) -> Result<(), SendError> {
        let loaded = self.tenants.load(self, &message.tenant).await;
        let tenant = match loaded.map_err(|error| SendError::Unreachable(error.to_string()))? {
            Some(loaded) if loaded.state == TenantState::Active => loaded,
            // A tenant that was stopped may go on later.
            Some(_) | None => return Err(SendError::Unreachable("its tenant is stopped".to_owned())),
        };
        if let Some(client) = message.webhook.strip_prefix(LOGOUT_PREFIX) {
            return tell_client(&tenant.oauth2, client, message).await;
        }
        let found = tenant.webhooks.iter().find(|webhook| webhook.name == message.webhook);
        let gone = || SendError::Gone("the settings have no webhook of this name any more".to_owned());
        let webhook = found.ok_or_else(gone)?;
        let whose = Whose { means: self.into(), tenant: &tenant.id, by_operator: tenant.by_operator };
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

/// Tells a client that a session has ended (OpenID Connect Back-Channel Logout 1.0).
async fn tell_client(
    server: &AuthorizationServer,
    client: &str,
    message: &WebhookMessage,
) -> Result<(), SendError> {
    let unknown = || SendError::Gone("it names no client or nobody".to_owned());
    let client = client.parse().map_err(|_| unknown())?;
    let subject = message.body.parse().map_err(|_| unknown())?;
    let told = server.send_logout_token(&client, subject, SessionId(message.id)).await;
    told.map_err(|error| match error {
        BackchannelError::Gone => SendError::Gone(error.to_string()),
        BackchannelError::Refused(_) => SendError::Refused(error.to_string()),
        BackchannelError::Unreachable(_) | BackchannelError::Port(_) => {
            SendError::Unreachable(error.to_string())
        }
    })
}
