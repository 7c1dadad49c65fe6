//! From a decision to what is durable: decide, apply, and decide again if somebody was faster.

use oauth2::authorization::external::ChallengeError;
use oauth2::decision::{Decision, MOST_ATTEMPTS};
use oauth2::ports::PortError;
use oauth2::token::TokenError;
use storage::ApplyError;

use crate::node::Node;

/// An endpoint's error that can say that the decision could not be written.
pub(crate) trait Uncommitted {
    /// The store failed.
    fn store(error: PortError) -> Self;
    /// Others changed the state faster than we could decide.
    fn contention() -> Self;
}

impl Uncommitted for TokenError {
    fn store(error: PortError) -> Self {
        Self::Port(error)
    }

    fn contention() -> Self {
        Self::Contention
    }
}

impl Uncommitted for ChallengeError {
    fn store(error: PortError) -> Self {
        error.into()
    }

    fn contention() -> Self {
        PortError::busy("too many answers to the same challenge").into()
    }
}

/// For decisions that only the store can fail.
impl Uncommitted for PortError {
    fn store(error: PortError) -> Self {
        error
    }

    fn contention() -> Self {
        Self::busy("too many changes of the same thing")
    }
}

/// Decides with `decide` and applies what was decided; nothing is answered before it is durable. A guard
/// that missed means that another request won: the request is decided anew on what it left.
pub(crate) async fn commit<T, E: Uncommitted, F: Future<Output = Decision<T, E>>>(
    node: &Node,
    decide: impl Fn() -> F,
) -> Result<T, E> {
    for _ in 0..MOST_ATTEMPTS {
        let Decision { change, result, stream } = decide().await;
        if let Some(event) = stream {
            node.storage.audit_stateless(&change.tenant, event);
        }
        if change.writes.is_empty() && change.audit.is_empty() && change.outbox.is_empty() {
            return result;
        }
        match node.storage.apply(change).await {
            Ok(()) => return result,
            Err(ApplyError::Missed { .. }) => {}
            Err(ApplyError::Storage(error)) => {
                return Err(E::store(PortError::Unavailable(error.to_string())));
            }
        }
    }
    Err(E::contention())
}
