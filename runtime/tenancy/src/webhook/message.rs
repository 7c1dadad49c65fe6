//! What is on its way to a webhook, and whoever sends it.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::{TenantId, Timestamp};
use uuid::Uuid;

use crate::ports::ReadError;

/// A message about to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhookMessage {
    /// The webhook's name.
    pub webhook: String,
    /// Names the message: an event's own id, so that one that is offered again is kept once.
    pub id: Uuid,
    /// What it is about, for operators: an event's name, or a form's.
    pub topic: String,
    /// The body, as it is sent each time.
    pub body: String,
    /// When.
    pub at: Timestamp,
}

/// A message that waits to be taken, or was given up.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookMessage {
    /// Whose.
    pub tenant: TenantId,
    /// The webhook's name.
    pub webhook: String,
    /// Names the message, the same at each attempt: receivers tell a repetition by it.
    pub id: Uuid,
    /// What it is about.
    pub topic: String,
    /// The body.
    pub body: String,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next; none once it is given up.
    pub next_attempt_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was kept.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Without the body, which tells of people.
impl fmt::Debug for WebhookMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookMessage")
            .field("tenant", &self.tenant)
            .field("webhook", &self.webhook)
            .field("id", &self.id)
            .field("attempts", &self.attempts)
            .field("next_attempt_at", &self.next_attempt_at)
            .finish_non_exhaustive()
    }
}

/// Which messages are listed.
#[derive(Debug, Clone, Default)]
pub struct WebhookFilter {
    /// Those of one webhook.
    pub webhook: Option<String>,
    /// Those that were given up, or those that wait.
    pub given_up: Option<bool>,
    /// Those before this one, by age.
    pub before: Option<(Timestamp, Uuid)>,
}

/// Reads the messages of tenants. Implemented by `storage`.
pub trait WebhookMessages: Send + Sync + fmt::Debug {
    /// A tenant's messages, the latest first, at most `limit`.
    fn list_webhook_messages<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: &'a WebhookFilter,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<WebhookMessage>, ReadError>>;
}

/// Why a message was not taken. The text is for operators: no address, no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The receiver was not reached, or did not answer: nor will it take the next message.
    #[error("{0}")]
    Unreachable(String),
    /// The receiver answered that it does not take this message.
    #[error("{0}")]
    Refused(String),
    /// Nobody takes it any more: the webhook is not in the settings, or its receiver says that it is gone (410).
    #[error("{0}")]
    Gone(String),
}

/// Sends messages.
pub trait WebhookSender: Send + Sync + fmt::Debug {
    /// Sends a message. It may have been taken before, by an attempt that nobody could tell of any more.
    fn send<'a>(&'a self, message: &'a WebhookMessage) -> BoxFuture<'a, Result<(), SendError>>;
}

/// For a node that sends none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWebhooks;

impl WebhookSender for NoWebhooks {
    fn send<'a>(&'a self, _: &'a WebhookMessage) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(async { Err(SendError::Gone("this node sends nothing".to_owned())) })
    }
}
