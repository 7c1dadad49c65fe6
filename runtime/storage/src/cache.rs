//! A cache that the change log keeps correct.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use primitives::TenantId;

use crate::Storage;

/// Values by key, dropped the moment the change log says that they changed.
///
/// Attack: a value is read from the database, then revoked, and the stale copy is put into the cache
/// after the revocation was announced. Every announcement therefore raises an epoch, and a value that
/// was read in an older epoch is taken out again.
pub struct InvalidatedCache<V> {
    values: moka::sync::Cache<(TenantId, String), V>,
    epoch: Arc<AtomicU64>,
    storage: Storage,
}

impl<V> fmt::Debug for InvalidatedCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidatedCache").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl<V: Clone + Send + Sync + 'static> InvalidatedCache<V>
where
    (TenantId, String): Hash + Eq,
{
    /// A cache of at most `capacity` values, invalidated by changes of `kind`. A change whose key is
    /// `"*"` drops every value of its tenant.
    pub fn new(storage: &Storage, kind: &'static str, capacity: u64) -> Self {
        let values: moka::sync::Cache<(TenantId, String), V> =
            moka::sync::Cache::builder().max_capacity(capacity).support_invalidation_closures().build();
        let epoch = Arc::new(AtomicU64::new(0));
        let (listened, raised) = (values.clone(), epoch.clone());
        storage.on_change(Box::new(move |record| {
            if record.kind != kind {
                return;
            }
            raised.fetch_add(1, Ordering::SeqCst);
            if record.key == "*" {
                let tenant = record.tenant.clone();
                // Cannot fail: the cache was built with invalidation closures.
                listened.invalidate_entries_if(move |(of, _), _| *of == tenant).ok();
            } else {
                listened.invalidate(&(record.tenant.clone(), record.key.clone()));
            }
        }));
        Self { values, epoch, storage: storage.clone() }
    }

    /// The value, from the cache or from `load`. What `load` does not find is not remembered.
    pub async fn get_or_load<E, F>(&self, tenant: &TenantId, key: &str, load: F) -> Result<Option<V>, E>
    where
        F: Future<Output = Result<Option<V>, E>>,
    {
        if !self.storage.is_caught_up() {
            return load.await;
        }
        let key = (tenant.clone(), key.to_owned());
        if let Some(value) = self.values.get(&key) {
            return Ok(Some(value));
        }
        let epoch = self.epoch.load(Ordering::SeqCst);
        let loaded = load.await?;
        if let Some(value) = &loaded {
            self.values.insert(key.clone(), value.clone());
            if self.epoch.load(Ordering::SeqCst) != epoch {
                self.values.invalidate(&key);
            }
        }
        Ok(loaded)
    }
}
