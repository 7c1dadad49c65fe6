//! The audit stream of what writes nothing else: stateless token issue.
//!
//! A record per token would cost more than the token. Equal events of one second become one record
//! with a count, written once a second; a crash may lose the last second, and different events beyond
//! the bound are counted as dropped instead of kept. No tenant crowds out the others: it has no more than it leaves to them, so that
//! of several that are loud the first has half, the next a quarter, and so on, and there is room for who is not.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use primitives::audit::Actor;
use primitives::{AuditEvent, Clock, Rng, TenantId};

use crate::apply::{Prepared, audit_statement};
use crate::database::Database;
use crate::{ApplyError, Storage, StorageError};

/// Different events kept for one flush.
const DISTINCT: usize = 10_000;
/// Records that are written in one change.
const PIECE: usize = 500;
const FLUSH_EVERY: Duration = Duration::from_secs(1);

type Key = (TenantId, &'static str, Actor, String);

#[derive(Debug, Clone)]
pub(crate) struct AuditStream {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    /// Held by whoever writes: a flush is done when what another took before it is written too, or a node could end
    /// in between.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Pending {
    counts: HashMap<Key, (AuditEvent, u64)>,
    of_tenants: HashMap<TenantId, usize>,
    dropped: u64,
}

impl Pending {
    fn record(&mut self, tenant: &TenantId, event: AuditEvent) {
        let key = (tenant.clone(), event.action, event.actor.clone(), event.target.1.clone());
        if let Some((_, count)) = self.counts.get_mut(&key) {
            *count += 1;
            return;
        }
        let theirs = self.of_tenants.entry(tenant.clone()).or_default();
        if *theirs < DISTINCT.saturating_sub(self.counts.len()) {
            *theirs += 1;
            self.counts.insert(key, (event, 1));
        } else {
            self.dropped += 1;
        }
    }
}

impl AuditStream {
    /// Starts a task that flushes every second and ends with the stream.
    pub(crate) fn start(database: Database, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        let stream = Self { shared: Arc::default() };
        let weak = Arc::downgrade(&stream.shared);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(FLUSH_EVERY).await;
                let Some(shared) = weak.upgrade() else { return };
                if let Err(error) = (Self { shared }).flush(&database, clock.as_ref(), rng.as_ref()).await {
                    tracing::error!(%error, "audit records of stateless issue were lost");
                }
            }
        });
        stream
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn flush(&self, database: &Database, clock: &dyn Clock, rng: &dyn Rng) -> Result<(), StorageError> {
        let _writing = self.shared.writing.lock().await;
        let Pending { counts, dropped, .. } = mem::take(&mut *self.lock());
        if dropped > 0 {
            tracing::warn!(dropped, "more different events of stateless issue than the audit stream keeps");
        }
        if counts.is_empty() {
            return Ok(());
        }
        let now = clock.now();
        let mut statements = counts.into_iter().map(|((tenant, ..), (event, count))| {
            let event = if count > 1 { event.with("count", &count) } else { event };
            audit_statement(&tenant, &event, now, rng)
        });
        // In pieces, so that other writes get their turn in between.
        loop {
            let piece: Vec<_> = statements.by_ref().take(PIECE).collect();
            if piece.is_empty() {
                return Ok(());
            }
            database.apply(Prepared::of_storage(piece)).await.map_err(|error| match error {
                ApplyError::Storage(error) => error,
                missed @ ApplyError::Missed { .. } => StorageError::Unavailable(missed.to_string()),
            })?;
        }
    }
}

impl Storage {
    /// Records an event of something that writes nothing else. Costs a hash-map entry; the record is
    /// in the database about a second later.
    pub fn audit_stateless(&self, tenant: &TenantId, event: AuditEvent) {
        self.inner.stream.lock().record(tenant, event);
    }

    /// Writes what the audit stream holds; called before the node ends.
    pub async fn flush_audit(&self) -> Result<(), StorageError> {
        let inner = &self.inner;
        inner.stream.flush(&inner.database, inner.clock.as_ref(), inner.rng.as_ref()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attack: what some tenants have happen in a second takes the place of what happens in another.
    #[test]
    fn loud_tenants_leave_room_for_the_others() {
        let quiet = "quiet".parse::<TenantId>().unwrap();
        let mut pending = Pending::default();
        let event = |number: usize| AuditEvent::new("token.issued", Actor::System, "client", &number);
        let (mut left, mut dropped) = (DISTINCT, 0);
        for id in ["loud-1", "loud-2", "loud-3", "loud-4", "loud-5"] {
            let loud = id.parse::<TenantId>().unwrap();
            for number in 0..DISTINCT {
                pending.record(&loud, event(number));
            }
            let kept = left.div_ceil(2);
            left -= kept;
            dropped += (DISTINCT - kept) as u64;
            assert_eq!((DISTINCT - pending.counts.len(), pending.dropped), (left, dropped), "{id}");
            // What is there is counted on.
            pending.record(&loud, event(0));
        }
        assert!(left > 300, "{left}");
        for number in 0..100 {
            pending.record(&quiet, event(number));
            pending.record(&quiet, event(number));
        }
        let counted = pending.counts.iter().filter(|(key, _)| key.0 == quiet).map(|(_, (_, count))| *count);
        assert_eq!(counted.collect::<Vec<_>>(), [2; 100]);
        assert_eq!(pending.dropped, dropped);
    }
}
