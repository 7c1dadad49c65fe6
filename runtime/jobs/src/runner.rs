//! Runs one job again and again, whatever becomes of a single run.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use primitives::{Clock, Timestamp};
use storage::Storage;
use tokio::sync::watch;

use crate::job::{Job, JobError, JobName};
use crate::metrics::{JobMetrics, MetricsOfJob};
use crate::turn::{Turn, is_stopped};

/// How soon a job that failed is tried again, if it is not due sooner anyway.
const RETRY: Duration = Duration::from_mins(1);

/// What every job of this node uses.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) storage: Storage,
    pub(crate) clock: Arc<dyn Clock>,
    /// Who we are among the nodes of one database.
    pub(crate) holder: String,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All that was due is done: so many pieces.
    Done(u64),
    /// There was nothing to do, or another node does it.
    NotDue,
    /// The node ends; the rest waits for another turn.
    Stopped,
    /// Another node has taken over.
    LeaseLost,
    /// Something failed, and was logged.
    Failed,
    /// A defect of ours; it was logged.
    Panicked,
}

/// One job with what it takes to run it.
#[derive(Debug)]
pub(crate) struct Runner {
    node: Node,
    job: Box<dyn Job>,
    metrics: MetricsOfJob,
}

impl Runner {
    pub(crate) fn new(node: Node, job: Box<dyn Job>, metrics: &JobMetrics) -> Self {
        let metrics = metrics.of(job.name());
        Self { node, job, metrics }
    }

    pub(crate) fn name(&self) -> JobName {
        self.job.name()
    }

    /// Runs the job at its times until the node ends.
    pub(crate) async fn run_until(self, mut stop: watch::Receiver<bool>) {
        while !is_stopped(&stop) {
            self.run_once(&stop).await;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = tokio::time::sleep(self.job.every()) => {}
            }
        }
    }

    /// Runs the job once, if it is due.
    pub(crate) async fn run_once(&self, stop: &watch::Receiver<bool>) -> Outcome {
        let (started, clock_started) = (self.node.clock.now(), Instant::now());
        let (outcome, pieces) = self.take_turn(started, stop).await;
        if outcome != Outcome::NotDue {
            self.metrics.record(outcome, pieces, clock_started.elapsed(), self.node.clock.now());
        }
        outcome
    }

    /// Takes the lease, runs, gives the lease back. Also how many pieces were done, whatever came of it.
    async fn take_turn(&self, started: Timestamp, stop: &watch::Receiver<bool>) -> (Outcome, u64) {
        let turn = match self.take_if_due(started, stop).await {
            Ok(Some(turn)) => turn,
            Ok(None) => return (Outcome::NotDue, 0),
            Err(error) => return (self.judge(&error), 0),
        };
        // What a panic leaves behind is the turn, which is only ended after it.
        let run = AssertUnwindSafe(self.job.run(&turn)).catch_unwind().await;
        let outcome = match run {
            Ok(Ok(())) => Outcome::Done(turn.done()),
            Ok(Err(error)) => self.judge(&error),
            Err(_) => {
                tracing::error!(job = self.name().as_str(), "a job panicked; it runs again at its next turn");
                Outcome::Panicked
            }
        };
        if let Err(error) = turn.end(self.free_at(outcome, started)).await {
            tracing::warn!(job = self.name().as_str(), %error, "the lease of a job ends by itself");
        }
        (outcome, turn.done())
    }

    async fn take_if_due(
        &self,
        now: Timestamp,
        stop: &watch::Receiver<bool>,
    ) -> Result<Option<Turn>, JobError> {
        if self.job.is_due(now).await? {
            Ok(Turn::take(&self.node, self.name(), stop.clone()).await?)
        } else {
            Ok(None)
        }
    }

    /// When any node may run the job next.
    fn free_at(&self, outcome: Outcome, started: Timestamp) -> Timestamp {
        match outcome {
            // A little before our own timer, which would find it taken otherwise and wait another round.
            Outcome::Done(_) | Outcome::NotDue => started.after(self.job.every() * 9 / 10),
            Outcome::Stopped | Outcome::LeaseLost => self.node.clock.now(),
            Outcome::Failed | Outcome::Panicked => started.after(RETRY.min(self.job.every() * 9 / 10)),
        }
    }

    fn judge(&self, error: &JobError) -> Outcome {
        let job = self.name().as_str();
        match error {
            JobError::Stopped => Outcome::Stopped,
            JobError::LeaseLost => {
                tracing::warn!(job, "another node has taken a job over");
                Outcome::LeaseLost
            }
            JobError::Storage(_) | JobError::Incomplete(_) => {
                tracing::error!(job, %error, "a job failed; it goes on at its next turn");
                Outcome::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests;
