//! What a job is.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use primitives::Timestamp;
use storage::StorageError;

use crate::turn::Turn;

/// Which job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobName {
    /// Signing keys are published, activated, retired and deleted when it is time.
    Rotation,
    /// Expired rows leave.
    Expiry,
    /// Old audit records leave.
    Audit,
    /// Messages are delivered.
    Outbox,
    /// Messages to people are sent.
    Courier,
    /// Plugins are told of events.
    Events,
    /// Webhooks are told of events and forms.
    Webhooks,
    /// Identities get the terms by which they are found.
    Terms,
    /// What is left of deleted tenants leaves.
    Tenants,
}

impl JobName {
    /// As it stands in leases, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotation => "rotation",
            Self::Expiry => "expiry",
            Self::Audit => "audit",
            Self::Outbox => "outbox",
            Self::Courier => "courier",
            Self::Events => "events",
            Self::Webhooks => "webhooks",
            Self::Terms => "terms",
            Self::Tenants => "tenants",
        }
    }
}

/// A piece of background work that comes again and again.
pub(crate) trait Job: Send + Sync + fmt::Debug {
    fn name(&self) -> JobName;

    /// How long after its start it is due again.
    fn every(&self) -> Duration;

    /// Whether there is anything to do, for jobs that can say so more cheaply than by taking the lease.
    fn is_due(&self, _now: Timestamp) -> BoxFuture<'_, Result<bool, JobError>> {
        Box::pin(async { Ok(true) })
    }

    /// Does what is due by now, piece by piece, with [`Turn::go_on`] before each.
    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>>;
}

/// Why a job did not do everything that was due. It goes on at its next turn.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    /// The node ends.
    #[error("the node ends")]
    Stopped,
    /// Another node has the job: this one was too slow to say that it still works on it.
    #[error("another node has taken the job")]
    LeaseLost,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Some pieces failed, each logged by itself; the others are done.
    #[error("{0} pieces of it failed")]
    Incomplete(u64),
}
