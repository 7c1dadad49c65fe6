//! Deletes what has expired, in batches that keep nobody waiting.

use std::time::Duration;

use futures_util::future::BoxFuture;
use primitives::Timestamp;
use storage::{Storage, StorageError};

use crate::job::{Job, JobError, JobName};
use crate::turn::Turn;

#[derive(Debug)]
pub(crate) struct Expiry {
    storage: Storage,
    settings: config::Jobs,
    mail_kept: config::Span,
}

/// What leaves, in this order.
#[derive(Debug, Clone, Copy)]
enum Sweep {
    /// Rows that name their own end.
    Expired,
    /// The change log by its age.
    Changes,
    /// Messages that were given up, by their age.
    DeadMessages,
    /// Messages to webhooks that were given up, by their age.
    Webhooks,
    /// Messages to people that were sent or given up, by their age.
    Mail,
}

impl Expiry {
    pub(crate) fn new(storage: Storage, settings: &config::Jobs, mail_kept: config::Span) -> Self {
        Self { storage, settings: settings.clone(), mail_kept }
    }

    /// Deletes one batch: how many rows, and whether there may be more.
    async fn batch(&self, sweep: Sweep, now: Timestamp) -> Result<(u64, bool), StorageError> {
        let limit = self.settings.expiry_batch;
        let older_than = |kept: config::Span| now.before(kept.0);
        let trimmed = match sweep {
            Sweep::Expired => {
                let counts = self.storage.delete_expired(now, limit).await?;
                return Ok((counts.total(), counts.is_full(limit)));
            }
            Sweep::Changes => {
                self.storage.trim_changes(older_than(self.settings.changes_kept), limit).await?
            }
            Sweep::DeadMessages => {
                self.storage.trim_dead_messages(older_than(self.settings.dead_messages_kept), limit).await?
            }
            Sweep::Webhooks => {
                self.storage
                    .trim_webhook_messages(older_than(self.settings.dead_messages_kept), limit)
                    .await?
            }
            Sweep::Mail => self.storage.trim_courier_messages(older_than(self.mail_kept), limit).await?,
        };
        Ok((trimmed, trimmed >= u64::from(limit)))
    }
}

impl Job for Expiry {
    fn name(&self) -> JobName {
        JobName::Expiry
    }

    fn every(&self) -> Duration {
        self.settings.expiry_every.0
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            for sweep in [Sweep::Expired, Sweep::Changes, Sweep::DeadMessages, Sweep::Webhooks, Sweep::Mail] {
                loop {
                    turn.go_on().await?;
                    let (deleted, more) = self.batch(sweep, turn.now()).await?;
                    turn.did(deleted);
                    if !more {
                        break;
                    }
                    turn.pause(self.settings.expiry_pause.0).await;
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
