//! What an endpoint decides: what to write, and what to answer once it is written.

use primitives::{AuditEvent, Change, TenantId};

use crate::write::Write;

/// A decision of an endpoint.
///
/// The answer goes out only after the change was applied. If a guard of the change misses, the state
/// was not what the decision was made on: nothing was written, and the request is to be decided again
/// (the second time it sees what the other request did, e.g. that the code is spent).
#[derive(Debug)]
#[must_use = "nothing is written until the change is applied"]
pub struct Decision<T, E> {
    /// What to write. Also a refusal may write: a replayed code revokes its grant.
    pub change: Change<Write>,
    /// What to answer.
    pub result: Result<T, E>,
    /// Audit of an issue that writes nothing, for the bounded stream.
    pub stream: Option<AuditEvent>,
}

/// How often a request is decided before we give up: each repetition means that another request won.
pub const MOST_ATTEMPTS: usize = 4;

impl<T, E> Decision<T, E> {
    /// An answer that writes nothing.
    pub const fn without_change(tenant: TenantId, result: Result<T, E>) -> Self {
        Self { change: Change::new(tenant), result, stream: None }
    }

    /// An answer and what it writes.
    pub const fn new(change: Change<Write>, result: Result<T, E>) -> Self {
        Self { change, result, stream: None }
    }
}
