//! What was taken back and is not written yet.
//!
//! A commit for each attempt that succeeds would have every sign-in wait for one that tells it nothing. So what is taken
//! back waits here, and goes with the next attempt that is written for its tenant.
//!
//! Attack: somebody signs in to an account of their own again and again and has the counts taken back long after time
//! has given them back anyway, to guess at others so much more often. So nothing is kept for longer than one attempt
//! takes to come back by itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use primitives::{TenantId, Timestamp};

use super::shared::Take;

/// The most that is kept of one tenant. Of more the earliest stay counted, which keeps nobody out for long.
const OF_TENANT: usize = 256;

/// What waits to be put back, with when it was said to.
#[derive(Debug, Default)]
pub(super) struct Returned(Mutex<BTreeMap<TenantId, Vec<(Timestamp, Take)>>>);

impl Returned {
    /// Keeps it for the next attempt.
    pub(super) fn keep(&self, tenant: &TenantId, takes: impl IntoIterator<Item = Take>, now: Timestamp) {
        let mut returned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut takes = takes.into_iter().map(|take| (now, take)).peekable();
        if takes.peek().is_none() {
            return;
        }
        let kept = returned.entry(tenant.clone()).or_default();
        kept.extend(takes);
        let others = kept.len().saturating_sub(OF_TENANT);
        kept.drain(..others);
    }

    /// What is to be put back now; it is not kept any longer.
    pub(super) fn drain(&self, tenant: &TenantId, now: Timestamp) -> Vec<Take> {
        let mut returned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = returned.remove(tenant).unwrap_or_default();
        let is_owed = |(at, take): &(Timestamp, Take)| now.since(*at) < take.allowance.step;
        kept.into_iter().filter(is_owed).map(|(_, take)| take).collect()
    }
}
