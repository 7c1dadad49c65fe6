//! What background work keeps: whose turn a job is, and messages on their way.

mod courier;
mod events;
mod leases;
mod outbox;
mod webhooks;

pub use events::EventCursor;
pub use outbox::{DeadMessage, DueMessage};

use crate::{ApplyError, StorageError};

/// Whether the guard held; a miss is an answer here, not an error.
fn held(outcome: Result<(), ApplyError>) -> Result<bool, StorageError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(ApplyError::Missed { .. }) => Ok(false),
        Err(ApplyError::Storage(error)) => Err(error),
    }
}
