//! Opaque access tokens with their grants, remembered: what makes introspection cheap.
//!
//! Correct or absent: an entry leaves when the change log says that its token, its grant or its client is
//! no longer what it was, and what was read before such news is not kept after it. What is not found is
//! not remembered, so that a token is there the moment it is issued. Expiry is the reader's business: the
//! instant is part of the value.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use ::oauth2::grant::{AccessToken, Grant};
use moka::sync::Cache;
use primitives::{KeyedHash, TenantId, base64url};

use super::{ACCESS_TOKEN_CHANGED, CLIENT_CHANGED, GRANT_CHANGED};
use crate::changes::{ChangeFeed, ChangeRecord, EVERYTHING_CHANGED};

type Key = (TenantId, KeyedHash);
type Found = Arc<(AccessToken, Option<Grant>)>;

/// Remembers access tokens by their hash.
pub(crate) struct TokenCache {
    /// Absent where caches are turned off.
    entries: Option<Cache<Key, Found>>,
    /// How much news there was. Held while an entry is put in, so that it is either refused or there for
    /// the news to drop.
    epoch: Arc<Mutex<u64>>,
    feed: Arc<ChangeFeed>,
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenCache(…)")
    }
}

impl TokenCache {
    /// A cache of at most `capacity` tokens, none if 0.
    pub(crate) fn following(feed: &Arc<ChangeFeed>, capacity: u64) -> Self {
        let epoch = Arc::new(Mutex::new(0));
        let entries = (capacity > 0).then(|| {
            let entries: Cache<Key, Found> =
                Cache::builder().max_capacity(capacity).support_invalidation_closures().build();
            let (listened, raised) = (entries.clone(), Arc::clone(&epoch));
            feed.subscribe(Box::new(move |record| {
                if [ACCESS_TOKEN_CHANGED, GRANT_CHANGED, CLIENT_CHANGED, EVERYTHING_CHANGED]
                    .contains(&record.kind.as_str())
                {
                    *raised.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                    forget(&listened, record);
                }
            }));
            entries
        });
        Self { entries, epoch, feed: Arc::clone(feed) }
    }

    /// The token, remembered or from `load`.
    pub(super) async fn find_or_load<E>(
        &self,
        tenant: &TenantId,
        hash: &KeyedHash,
        load: impl Future<Output = Result<Option<(AccessToken, Option<Grant>)>, E>>,
    ) -> Result<Option<(AccessToken, Option<Grant>)>, E> {
        let Some(entries) = self.entries.as_ref().filter(|_| self.feed.is_caught_up()) else {
            return load.await;
        };
        let key = (tenant.clone(), hash.clone());
        if let Some(found) = entries.get(&key) {
            return Ok(Some((*found).clone()));
        }
        let before = *self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = load.await?;
        if let Some(found) = &loaded {
            let epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
            if *epoch == before {
                entries.insert(key, Arc::new(found.clone()));
            }
        }
        Ok(loaded)
    }
}

fn forget(entries: &Cache<Key, Found>, record: &ChangeRecord) {
    let (tenant, key) = (record.tenant.clone(), record.key.clone());
    let done = match record.kind.as_str() {
        ACCESS_TOKEN_CHANGED => {
            // A signed token's `jti` decodes too, and is the hash of no entry.
            if let Some(hash) = base64url::decode(&key) {
                entries.invalidate(&(tenant, KeyedHash(hash)));
            }
            return;
        }
        EVERYTHING_CHANGED => return entries.invalidate_all(),
        _ if key == "*" => entries.invalidate_entries_if(move |(of, _), _| *of == tenant),
        GRANT_CHANGED => entries.invalidate_entries_if(move |(of, _), found| {
            *of == tenant && found.0.grant.is_some_and(|grant| grant.to_string() == key)
        }),
        _ => entries
            .invalidate_entries_if(move |(of, _), found| *of == tenant && found.0.client.as_str() == key),
    };
    if done.is_err() {
        entries.invalidate_all();
    }
}
