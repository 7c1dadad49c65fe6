//! Sessions by token, remembered: what makes `whoami` cheap.
//!
//! Correct or absent: an entry leaves when the change log says that its session or its identity
//! changed, and what was loaded while such news arrived is not kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use primitives::{IdentityId, KeyedHash, Sealer, SessionId, TenantId, Timestamp};

use crate::identity::Identity;
use crate::ports::{Sessions, StoreUnavailable};
use crate::session::{LiveSession, Session, SessionToken};

/// Remembers sessions by the hash of their token. Bounded in entries and in age.
#[derive(Debug)]
pub struct SessionCache {
    entries: Cache<(TenantId, KeyedHash), Arc<Entry>>,
    generation: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    session: Session,
    identity: Identity,
}

impl SessionCache {
    /// A cache of at most `capacity` sessions; 0 keeps none.
    pub fn new(capacity: u64) -> Self {
        let entries = Cache::builder()
            .max_capacity(capacity)
            .time_to_live(Duration::from_mins(1))
            .support_invalidation_closures()
            .build();
        Self { entries, generation: AtomicU64::new(0) }
    }

    /// Finds the live session of a token, at `now`.
    pub async fn find(
        &self,
        sessions: &dyn Sessions,
        sealer: &Sealer,
        tenant: &TenantId,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Option<LiveSession>, StoreUnavailable> {
        let hashes = token.hashes(sealer, tenant);
        let Some(newest) = hashes.first() else { return Ok(None) };
        let key = (tenant.clone(), newest.clone());
        if let Some(entry) = self.entries.get(&key) {
            return Ok(LiveSession::check(entry.session.clone(), entry.identity.clone(), now));
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let Some((session, identity)) = sessions.find_by_token(tenant, &hashes).await? else {
            return Ok(None);
        };
        let live = LiveSession::check(session.clone(), identity.clone(), now);
        if live.is_some() {
            self.entries.insert(key.clone(), Arc::new(Entry { session, identity }));
            // News that came between the read and the insert did not see the entry.
            if self.generation.load(Ordering::SeqCst) != generation {
                self.entries.invalidate(&key);
            }
        }
        Ok(live)
    }

    /// Forgets a session that changed.
    pub fn forget_session(&self, tenant: &TenantId, session: SessionId) {
        let tenant = tenant.clone();
        self.forget(move |key, entry| key.0 == tenant && entry.session.id == session);
    }

    /// Forgets all sessions of an identity that changed.
    pub fn forget_identity(&self, tenant: &TenantId, identity: IdentityId) {
        let tenant = tenant.clone();
        self.forget(move |key, entry| key.0 == tenant && entry.identity.id == identity);
    }

    /// Forgets everything, when news may have been missed.
    pub fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.entries.invalidate_all();
    }

    fn forget(&self, stale: impl Fn(&(TenantId, KeyedHash), &Arc<Entry>) -> bool + Send + Sync + 'static) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        if self.entries.invalidate_entries_if(stale).is_err() {
            self.entries.invalidate_all();
        }
    }
}
