//! Delivers the messages that rooms leave in the outbox, at least once.
//!
//! A message is claimed before it is handed over: the attempt is counted and the next one has its time.
//! So a message that takes the process down with it is not tried for ever, and a node that ends in the
//! middle loses nothing. A handler may see a message twice and tells by its `id`.

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use primitives::Timestamp;
use storage::{DueMessage, Storage, StorageError};

use crate::job::{Job, JobError, JobName};
use crate::turn::Turn;

/// Messages that are read at once.
const PAGE: u32 = 64;

/// Delivers the messages of one topic.
pub trait Deliver: Send + Sync + fmt::Debug {
    /// Delivers a message. It may have been delivered before, by a node that could not say so any more.
    fn deliver<'a>(&'a self, message: &'a DueMessage) -> BoxFuture<'a, Result<(), DeliveryError>>;
}

/// Why a message was not delivered. The text is for the log: no address, no token, no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It may succeed later: the receiver did not answer, or asked to come back.
    #[error("{0}")]
    Temporary(String),
    /// Whoever carries messages is not there, which says nothing of this one.
    #[error("{0}")]
    Unreachable(String),
    /// It never will: the receiver refused it for good, or the message cannot be read.
    #[error("{0}")]
    Permanent(String),
}

/// Who delivers which topic.
#[derive(Debug, Clone, Default)]
pub struct Handlers(HashMap<&'static str, Arc<dyn Deliver>>);

impl Handlers {
    /// Adds the handler of a topic, instead of a former one.
    #[must_use]
    pub fn on(mut self, topic: &'static str, handler: Arc<dyn Deliver>) -> Self {
        self.0.insert(topic, handler);
        self
    }
}

#[derive(Debug)]
pub(crate) struct Outbox {
    storage: Storage,
    handlers: Handlers,
    settings: config::jobs::Outbox,
}

impl Outbox {
    pub(crate) fn new(storage: Storage, handlers: Handlers, settings: config::jobs::Outbox) -> Self {
        Self { storage, handlers, settings }
    }

    /// Claims a message, hands it over and writes what became of it; whether it was delivered.
    async fn deliver(&self, message: DueMessage, turn: &Turn) -> Result<bool, JobError> {
        turn.go_on().await?;
        let next = turn.now().after(back_off(&self.settings, message.attempts + 1));
        let Some(message) = self.storage.retry_message(message, next).await? else { return Ok(false) };
        match self.hand_over(&message).await {
            Ok(()) => {
                self.storage.finish_message(&message).await?;
                Ok(true)
            }
            Err(error) => {
                self.give_up_or_wait(&message, &error, turn.now()).await?;
                Ok(false)
            }
        }
    }

    /// Runs the handler within its time; one that panics has failed.
    async fn hand_over(&self, message: &DueMessage) -> Result<(), DeliveryError> {
        // Not permanent: during an upgrade an older node may hold the lease.
        let unknown = || DeliveryError::Temporary("no handler takes this topic".to_owned());
        let handler = self.handlers.0.get(message.topic.as_str()).ok_or_else(unknown)?;
        let time = self.settings.timeout.0;
        let delivery = AssertUnwindSafe(handler.deliver(message)).catch_unwind();
        match tokio::time::timeout(time, delivery).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(DeliveryError::Temporary("the handler panicked".to_owned())),
            Err(_) => Err(DeliveryError::Temporary("it took too long".to_owned())),
        }
    }

    async fn give_up_or_wait(
        &self,
        message: &DueMessage,
        error: &DeliveryError,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let DueMessage { tenant, id, topic, attempts, .. } = message;
        let hopeless = match error {
            DeliveryError::Permanent(_) => true,
            DeliveryError::Temporary(_) | DeliveryError::Unreachable(_) => {
                *attempts >= self.settings.attempts
            }
        };
        if hopeless {
            tracing::error!(%tenant, id, topic, attempts, %error, "a message was given up");
            self.storage.bury_message(message, now).await?;
        } else {
            tracing::warn!(%tenant, id, topic, attempts, %error, "a message was not delivered yet");
        }
        Ok(())
    }
}

/// How long after the start of an attempt the next one is tried: twice as long each time.
pub(crate) fn back_off(settings: &config::jobs::Outbox, attempt: u32) -> Duration {
    let times = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    settings.first_retry.0.saturating_mul(times).min(settings.longest_retry.0)
}

impl Job for Outbox {
    fn name(&self) -> JobName {
        JobName::Outbox
    }

    fn every(&self) -> Duration {
        self.settings.every.0
    }

    /// A read: an idle node writes nothing.
    fn is_due(&self, now: Timestamp) -> BoxFuture<'_, Result<bool, JobError>> {
        Box::pin(async move { Ok(!self.storage.take_due_messages(now, 1).await?.is_empty()) })
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            loop {
                turn.go_on().await?;
                let due = self.storage.take_due_messages(turn.now(), PAGE).await?;
                if due.is_empty() {
                    return Ok(());
                }
                let concurrent = usize::try_from(self.settings.concurrent).unwrap_or(usize::MAX).max(1);
                let deliveries = stream::iter(due).map(|message| self.deliver(message, turn));
                let outcomes: Vec<_> = deliveries.buffer_unordered(concurrent).collect().await;
                turn.did(outcomes.iter().filter(|outcome| matches!(outcome, Ok(true))).count() as u64);
                outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
        })
    }
}

#[cfg(test)]
mod tests;
