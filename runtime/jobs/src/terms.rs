//! Takes the terms by which identities are found, of those that were there before there were any.

use std::time::Duration;

use futures_util::future::BoxFuture;
use primitives::Timestamp;
use storage::Storage;

use crate::job::{Job, JobError, JobName};
use crate::turn::Turn;

const EVERY: Duration = Duration::from_mins(1);
/// Identities at a time.
const BATCH: u32 = 100;
/// How long others may write between two batches.
const PAUSE: Duration = Duration::from_millis(20);

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
                let taken = self.storage.take_terms(BATCH).await?;
                turn.did(taken);
                if taken == 0 {
                    return Ok(());
                }
                turn.pause(PAUSE).await;
            }
        })
    }
}
