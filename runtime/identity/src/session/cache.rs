//! Sessions by token, remembered: what makes `whoami` cheap.
//!
//! An entry leaves when the change log says that its session or its identity changed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use primitives::{IdentityId, KeyedHash, Remembered, Sealer, SessionId, TenantId, Timestamp};

use crate::flow::schema_url;
use crate::ports::{Sessions, StoreUnavailable};
use crate::session::{LiveSession, SessionToken};

/// Remembers sessions by the hash of their token. Bounded in entries and in age.
#[derive(Debug)]
pub struct SessionCache {
    entries: Remembered<(TenantId, KeyedHash), Arc<CachedSession>>,
}

/// A session that was live when it was found, with its document once somebody asked for it.
#[derive(Debug)]
pub struct CachedSession {
    live: LiveSession,
    /// The tenant's base URL, and the document with it.
    document: OnceLock<(String, Arc<[u8]>)>,
}

impl CachedSession {
    fn new(live: LiveSession) -> Self {
        Self { live, document: OnceLock::new() }
    }

    /// The session.
    pub const fn live(&self) -> &LiveSession {
        &self.live
    }

    /// The `session` document as JSON text: serialised once, since nothing in it changes while the
    /// session is live and unchanged.
    pub fn document(&self, now: Timestamp, base_url: &str) -> Arc<[u8]> {
        let make = || {
            let url = schema_url(base_url, &self.live.identity().schema_id);
            serde_json::to_vec(&self.live.document(now, &url)).unwrap_or_default().into()
        };
        let (of, document) = self.document.get_or_init(|| (base_url.to_owned(), make()));
        if of == base_url { Arc::clone(document) } else { make() }
    }
}

impl SessionCache {
    /// A cache of at most `capacity` sessions; 0 keeps none.
    pub fn new(capacity: u64) -> Self {
        Self { entries: Remembered::no_longer_than(Duration::from_mins(1), capacity) }
    }

    /// Finds the live session of a token, at `now`.
    pub async fn find(
        &self,
        sessions: &dyn Sessions,
        sealer: &Sealer,
        tenant: &TenantId,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Option<Arc<CachedSession>>, StoreUnavailable> {
        let hashes = token.hashes(sealer, tenant);
        let Some(newest) = hashes.first() else { return Ok(None) };
        let key = (tenant.clone(), newest.clone());
        let load = async {
            let found = sessions.find_by_token(tenant, &hashes).await?;
            let live = found.and_then(|(session, identity)| LiveSession::check(session, identity, now));
            Ok(live.map(|live| Arc::new(CachedSession::new(live))))
        };
        let found = self.entries.find_or_load(key, load).await?;
        Ok(found.filter(|cached| cached.live.session().is_live(now)))
    }

    /// Finds it in the store itself, while news may be late.
    pub async fn find_anew(
        sessions: &dyn Sessions,
        sealer: &Sealer,
        tenant: &TenantId,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Option<Arc<CachedSession>>, StoreUnavailable> {
        let found = sessions.find_by_token(tenant, &token.hashes(sealer, tenant)).await?;
        let live = found.and_then(|(session, identity)| LiveSession::check(session, identity, now));
        Ok(live.map(|live| Arc::new(CachedSession::new(live))))
    }

    /// Forgets a session that changed.
    pub fn forget_session(&self, tenant: &TenantId, session: SessionId) {
        let tenant = tenant.clone();
        self.entries.forget_if(move |key, entry| key.0 == tenant && entry.live.session().id == session);
    }

    /// Forgets all sessions of an identity that changed.
    pub fn forget_identity(&self, tenant: &TenantId, identity: IdentityId) {
        let tenant = tenant.clone();
        self.entries.forget_if(move |key, entry| key.0 == tenant && entry.live.identity().id == identity);
    }

    /// Forgets everything, when news may have been missed.
    pub fn forget_all(&self) {
        self.entries.forget_all();
    }
}
