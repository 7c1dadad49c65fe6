//! One run of a job: it holds the job's lease, and stops when the lease is lost or the node ends.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use primitives::Timestamp;
use storage::StorageError;
use tokio::sync::watch;

use crate::job::{JobError, JobName};
use crate::runner::Node;

/// How long a node has a job without saying that it still works on it. Longer than any single piece of
/// work: an RSA key, a batch of deletions, a delivery with its timeout.
const LEASE: Duration = Duration::from_mins(5);
/// When the lease is prolonged.
const PROLONG_AFTER: Duration = Duration::from_mins(1);

/// One run of a job, held by this node.
#[derive(Debug)]
pub(crate) struct Turn {
    node: Node,
    job: JobName,
    stop: watch::Receiver<bool>,
    /// When the lease is to be prolonged, in microseconds.
    prolong_at: AtomicI64,
    done: AtomicU64,
}

impl Turn {
    /// Takes the job, if it is free and due; `None` if another node has it or has just done it.
    pub(crate) async fn take(
        node: &Node,
        job: JobName,
        stop: watch::Receiver<bool>,
    ) -> Result<Option<Self>, StorageError> {
        let now = node.clock.now();
        let taken = node.storage.take_lease(job.as_str(), &node.holder, now, now.after(LEASE)).await?;
        let prolong_at = AtomicI64::new(now.after(PROLONG_AFTER).micros());
        Ok(taken.then(|| Self { node: node.clone(), job, stop, prolong_at, done: AtomicU64::new(0) }))
    }

    /// The present.
    pub(crate) fn now(&self) -> Timestamp {
        self.node.clock.now()
    }

    /// Whether the next piece may begin. Prolongs the lease when it is time to.
    pub(crate) async fn go_on(&self) -> Result<(), JobError> {
        if is_stopped(&self.stop) {
            return Err(JobError::Stopped);
        }
        let now = self.now();
        if now.micros() < self.prolong_at.load(Ordering::Acquire) {
            return Ok(());
        }
        if !self.move_lease(now, now.after(LEASE)).await? {
            return Err(JobError::LeaseLost);
        }
        self.prolong_at.store(now.after(PROLONG_AFTER).micros(), Ordering::Release);
        Ok(())
    }

    /// Waits, but no longer than until the node ends.
    pub(crate) async fn pause(&self, pause: Duration) {
        if !pause.is_zero() {
            let mut stop = self.stop.clone();
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Counts pieces that are done.
    pub(crate) fn did(&self, pieces: u64) {
        self.done.fetch_add(pieces, Ordering::AcqRel);
    }

    /// How many pieces were done.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }

    /// Gives the job back: it is due again at `free_at`. If the lease is lost already, that is the other
    /// node's to say.
    pub(crate) async fn end(&self, free_at: Timestamp) -> Result<(), StorageError> {
        self.move_lease(self.now(), free_at).await.map(|_| ())
    }

    async fn move_lease(&self, now: Timestamp, free_at: Timestamp) -> Result<bool, StorageError> {
        self.node.storage.move_lease(self.job.as_str(), &self.node.holder, now, free_at).await
    }
}

/// A sender that is gone asks nobody to go on.
pub(crate) fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}
