//! A cache that the change log keeps correct.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use primitives::TenantId;

use crate::Storage;
use crate::changes::{ChangeFeed, EVERYTHING_CHANGED};

/// Values by key, dropped the moment the change log says that they changed.
///
/// Attack: a value is read from the database, then revoked, and the stale copy is put into the cache
/// after the revocation was announced. Every announcement therefore raises an epoch, and a value that
/// was read in an older epoch is not put in.
pub struct InvalidatedCache<V> {
    /// Absent where caches are turned off: everything is read through.
    values: Option<moka::sync::Cache<(TenantId, String), V>>,
    epoch: Arc<Epoch>,
    feed: Arc<ChangeFeed>,
}

impl<V> fmt::Debug for InvalidatedCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidatedCache").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// How many changes were announced. Its lock is held while a value is put in, so that the value is
/// either refused or there for the announcement to drop.
#[derive(Debug, Default)]
struct Epoch(Mutex<u64>);

impl Epoch {
    fn lock(&self) -> MutexGuard<'_, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone + Send + Sync + 'static> InvalidatedCache<V> {
    /// A cache of at most `capacity` values, none if 0, invalidated by changes of `kind`. A change whose
    /// key is `"*"` drops every value of its tenant.
    pub fn new(storage: &Storage, kind: &'static str, capacity: u64) -> Self {
        Self::following(&storage.inner.feed, kind, capacity)
    }

    pub(crate) fn following(feed: &Arc<ChangeFeed>, kind: &'static str, capacity: u64) -> Self {
        let epoch = Arc::new(Epoch::default());
        let values = (capacity > 0).then(|| {
            let values: moka::sync::Cache<(TenantId, String), V> =
                moka::sync::Cache::builder().max_capacity(capacity).support_invalidation_closures().build();
            let (listened, raised) = (values.clone(), epoch.clone());
            feed.subscribe(Box::new(move |record| {
                if record.kind != kind && record.kind != EVERYTHING_CHANGED {
                    return;
                }
                *raised.lock() += 1;
                if record.kind == EVERYTHING_CHANGED {
                    listened.invalidate_all();
                } else if record.key == "*" {
                    let tenant = record.tenant.clone();
                    // Cannot fail: the cache was built with invalidation closures.
                    listened.invalidate_entries_if(move |(of, _), _| *of == tenant).ok();
                } else {
                    listened.invalidate(&(record.tenant.clone(), record.key.clone()));
                }
            }));
            values
        });
        Self { values, epoch, feed: feed.clone() }
    }

    /// The value, from the cache or from `load`. What `load` does not find is not remembered.
    pub async fn find_or_load<E, F>(&self, tenant: &TenantId, key: &str, load: F) -> Result<Option<V>, E>
    where
        F: Future<Output = Result<Option<V>, E>>,
    {
        let Some(values) = self.values.as_ref().filter(|_| self.feed.is_caught_up()) else {
            return load.await;
        };
        let key = (tenant.clone(), key.to_owned());
        if let Some(value) = values.get(&key) {
            return Ok(Some(value));
        }
        let before = *self.epoch.lock();
        let loaded = load.await?;
        if let Some(value) = &loaded {
            let epoch = self.epoch.lock();
            if *epoch == before {
                values.insert(key, value.clone());
            }
        }
        Ok(loaded)
    }
}
