//! Sends what tenants' webhooks are told of: each message at least once, by one node at a time.
//!
//! A message is claimed before it is sent: the attempt is counted, and until when it may take. Webhooks are served beside
//! each other and each one's messages one after the other, so that one whose receiver is down or slow holds up nobody
//! else's, and is asked once until its time has come again. What was given up is kept, and can be sent again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use primitives::{TenantId, Timestamp};
use storage::Storage;
use tenancy::webhook::{SendError, WebhookMessage, WebhookSender};

use crate::job::{Job, JobError, JobName};
use crate::outbox::back_off;
use crate::turn::Turn;

/// Webhooks that are looked at at once.
const PAGE: u32 = 64;
/// Messages of one webhook that are sent in a row before others have their turn.
const ROW: u32 = 16;
/// How long such a row may take before it ends with the message that is on its way.
const ROW_TIME: Duration = Duration::from_secs(5);

/// A webhook, by its tenant and its name.
type Whose = (TenantId, String);

#[derive(Debug)]
pub(crate) struct Webhooks {
    storage: Storage,
    sender: Arc<dyn WebhookSender>,
    settings: config::jobs::Outbox,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// It was taken.
    Taken,
    /// It was not, which says nothing of the next one.
    Passed,
    /// The receiver is not there.
    NobodyThere,
}

impl Webhooks {
    pub(crate) fn new(
        storage: Storage,
        sender: Arc<dyn WebhookSender>,
        settings: config::jobs::Outbox,
    ) -> Self {
        Self { storage, sender, settings }
    }

    /// Sends the next messages of a webhook; how many were taken.
    async fn serve(&self, whose: Whose, turn: &Turn) -> Result<u64, JobError> {
        let (begun, mut taken) = (turn.now(), 0);
        for message in self.storage.take_due_webhook_messages(&whose, turn.now(), ROW).await? {
            match self.send(message, turn).await? {
                Sent::Taken => taken += 1,
                Sent::Passed => {}
                Sent::NobodyThere => {
                    // Nothing that waits behind it counts as tried.
                    let until = turn.now().after(self.settings.first_retry.0);
                    self.storage.postpone_webhook_messages(&whose, until, turn.now()).await?;
                    break;
                }
            }
            if turn.now().since(begun) > ROW_TIME {
                break;
            }
        }
        Ok(taken)
    }

    /// Claims a message, sends it and writes what became of it.
    async fn send(&self, message: WebhookMessage, turn: &Turn) -> Result<Sent, JobError> {
        turn.go_on().await?;
        let now = turn.now();
        let wait = back_off(&self.settings, message.attempts + 1);
        // Not before the attempt has certainly ended: until then nobody else may begin one.
        let until = now.after(wait.max(self.settings.timeout.0 * 2));
        let claimed = self.storage.claim_webhook_message(message, until, now).await?;
        let Some(message) = claimed else { return Ok(Sent::Passed) };
        let Err(error) = self.hand_over(&message).await else {
            self.storage.finish_webhook_message(message).await?;
            return Ok(Sent::Taken);
        };
        let is_last = message.attempts >= self.settings.attempts;
        let (sent, hopeless) = match &error {
            SendError::Unreachable(_) => (Sent::NobodyThere, is_last),
            SendError::Refused(_) => (Sent::Passed, is_last),
            SendError::Gone(_) => (Sent::Passed, true),
        };
        let WebhookMessage { tenant, webhook, id, attempts, .. } = &message;
        if hopeless {
            tracing::error!(%tenant, webhook, %id, attempts, %error, "a message to a webhook was given up");
        } else {
            tracing::warn!(%tenant, webhook, %id, attempts, %error, "a message to a webhook was not taken yet");
        }
        let next = (!hopeless).then(|| turn.now().after(wait));
        self.storage.fail_webhook_message(message, error.to_string(), next, turn.now()).await?;
        Ok(sent)
    }

    /// Within its time; what panics has failed.
    async fn hand_over(&self, message: &WebhookMessage) -> Result<(), SendError> {
        let attempt = AssertUnwindSafe(self.sender.send(message)).catch_unwind();
        match tokio::time::timeout(self.settings.timeout.0, attempt).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(SendError::Refused("the attempt panicked".to_owned())),
            Err(_) => Err(SendError::Unreachable("it took too long".to_owned())),
        }
    }
}

impl Job for Webhooks {
    fn name(&self) -> JobName {
        JobName::Webhooks
    }

    fn every(&self) -> Duration {
        self.settings.every.0
    }

    /// A read: an idle node writes nothing.
    fn is_due(&self, now: Timestamp) -> BoxFuture<'_, Result<bool, JobError>> {
        Box::pin(async move { Ok(!self.storage.list_due_webhooks(now, None, 1).await?.is_empty()) })
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let concurrent = usize::try_from(self.settings.concurrent).unwrap_or(usize::MAX).max(1);
            let mut after: Option<Whose> = None;
            loop {
                turn.go_on().await?;
                let due = self.storage.list_due_webhooks(turn.now(), after.as_ref(), PAGE).await?;
                // Everybody has a turn before anybody has another.
                let Some(last) = due.last().cloned() else {
                    if after.take().is_none() {
                        return Ok(());
                    }
                    continue;
                };
                after = Some(last);
                let served = stream::iter(due).map(|whose| self.serve(whose, turn));
                let outcomes: Vec<_> = served.buffer_unordered(concurrent).collect().await;
                turn.did(outcomes.iter().flatten().sum());
                outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
        })
    }
}

#[cfg(test)]
mod tests;
