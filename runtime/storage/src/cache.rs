//! A cache that the change log keeps correct.

use std::fmt;
use std::sync::{Arc, Weak};

use primitives::{Remembered, TenantId};

use crate::Storage;
use crate::changes::{ChangeFeed, EVERYTHING_CHANGED};

/// Values by tenant and key, forgotten the moment the change log says that they changed, and read through
/// while this node has not caught up.
pub struct InvalidatedCache<V> {
    values: Arc<Remembered<(TenantId, String), V>>,
    feed: Arc<ChangeFeed>,
}

impl<V> fmt::Debug for InvalidatedCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvalidatedCache(…)")
    }
}

impl<V: Clone + Send + Sync + 'static> InvalidatedCache<V> {
    /// A cache of at most `capacity` values, none if 0, invalidated by changes of `kind`. A change whose
    /// key is `"*"` drops every value of its tenant.
    pub fn new(storage: &Storage, kind: &'static str, capacity: u64) -> Self {
        Self::following(&storage.inner.feed, kind, capacity)
    }

    /// The same, of values that together weigh at most `capacity`.
    pub fn weighed(
        storage: &Storage,
        kind: &'static str,
        capacity: u64,
        weigh: impl Fn(&V) -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self::of(&storage.inner.feed, kind, Remembered::weighed(capacity, weigh))
    }

    pub(crate) fn following(feed: &Arc<ChangeFeed>, kind: &'static str, capacity: u64) -> Self {
        Self::of(feed, kind, Remembered::new(capacity))
    }

    fn of(feed: &Arc<ChangeFeed>, kind: &'static str, values: Remembered<(TenantId, String), V>) -> Self {
        let values = Arc::new(values);
        // What is remembered may hold the storage, and that the feed.
        let listened: Weak<Remembered<(TenantId, String), V>> = Arc::downgrade(&values);
        feed.subscribe(Box::new(move |record| {
            let Some(listened) = listened.upgrade() else { return };
            let tenant = record.tenant.clone();
            match record.kind.as_str() {
                EVERYTHING_CHANGED => listened.forget_all(),
                of if of != kind => {}
                _ if record.key == "*" => listened.forget_if(move |(of, _), _| *of == tenant),
                _ => listened.forget(&(tenant, record.key.clone())),
            }
        }));
        Self { values, feed: Arc::clone(feed) }
    }

    /// The value, from the cache or from `load`. What `load` does not find is not remembered.
    pub async fn find_or_load<E, F>(&self, tenant: &TenantId, key: &str, load: F) -> Result<Option<V>, E>
    where
        F: Future<Output = Result<Option<V>, E>>,
    {
        if !self.feed.is_caught_up() {
            return load.await;
        }
        self.values.find_or_load((tenant.clone(), key.to_owned()), load).await
    }
}
