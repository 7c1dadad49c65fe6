//! Takes the terms by which identities are found: of those that many were imported with, and of those that were there
//! before there were any.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use primitives::Timestamp;
use storage::Storage;

use crate::job::{Job, JobError, JobName};
use crate::turn::Turn;

/// How soon after an import its people are found.
const EVERY: Duration = Duration::from_secs(5);
/// Identities at a time.
const BATCH: u32 = 256;
/// How long others may write between two batches, at least.
const PAUSE: Duration = Duration::from_millis(20);
/// And how many times as long as the batch took: an import that goes on waits for it a quarter of the time.
const SHARE: u32 = 3;

#[derive(Debug)]
pub(crate) struct Terms {
    storage: Storage,
}

impl Terms {
    pub(crate) const fn new(storage: Storage) -> Self {
        Self { storage }
    }
}

impl Job for Terms {
    fn name(&self) -> JobName {
        JobName::Terms
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn is_due(&self, _now: Timestamp) -> BoxFuture<'_, Result<bool, JobError>> {
        Box::pin(async { Ok(self.storage.has_identities_without_terms().await?) })
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            loop {
                turn.go_on().await?;
                let began = Instant::now();
                let taken = self.storage.take_terms(BATCH).await?;
                turn.did(taken);
                if taken == 0 {
                    return Ok(());
                }
                turn.pause(PAUSE.max(began.elapsed() * SHARE)).await;
            }
        })
    }
}
