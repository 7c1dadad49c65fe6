//! What was read and is remembered until it changes: a cache that is correct or absent.
//!
//! Attack: a value is read, then revoked, and the stale copy is put into the cache after everybody was told
//! to forget it; it then lets in whom the revocation was meant for. Every call that forgets therefore raises
//! an epoch before it forgets, and a value whose reading began in an older epoch is not put in.

use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::{Cache, CacheBuilder};

use crate::weighed::Weighed;

/// Values by key. Bounded; what is not found is not remembered.
pub struct Remembered<K, V> {
    values: Values<K, V>,
    /// How often something was forgotten. Its lock is held while a value is put in, so that the value is
    /// either refused or there to be forgotten.
    epoch: Mutex<u64>,
}

type Builder<K, V> = CacheBuilder<K, V, Cache<K, V>>;

enum Values<K, V> {
    /// Caches are turned off: everything is read anew.
    None,
    Counted(Cache<K, V>),
    Weighed(Weighed<K, V>),
}

impl<K, V> fmt::Debug for Remembered<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered(…)")
    }
}

impl<K, V> Remembered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// At most `capacity` values, none if 0.
    pub fn new(capacity: u64) -> Self {
        Self::counted(capacity, |builder| builder)
    }

    /// At most `capacity` values, none if 0, each for no longer than `age`.
    pub fn no_longer_than(age: Duration, capacity: u64) -> Self {
        Self::counted(capacity, |builder| builder.time_to_live(age))
    }

    /// Values that together weigh at most `capacity`, none if 0. One that weighs more by itself is not
    /// remembered.
    pub fn weighed(capacity: u64, weigh: impl Fn(&V) -> u64 + Send + Sync + 'static) -> Self {
        Self::of(if capacity == 0 { Values::None } else { Values::Weighed(Weighed::new(capacity, weigh)) })
    }

    fn counted(capacity: u64, with: impl FnOnce(Builder<K, V>) -> Builder<K, V>) -> Self {
        let builder = Cache::builder().max_capacity(capacity).support_invalidation_closures();
        Self::of(if capacity == 0 { Values::None } else { Values::Counted(with(builder).build()) })
    }

    const fn of(values: Values<K, V>) -> Self {
        Self { values, epoch: Mutex::new(0) }
    }

    /// The value, remembered or from `load`.
    pub async fn find_or_load<E>(
        &self,
        key: K,
        load: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        let found = match &self.values {
            Values::None => return load.await,
            Values::Counted(values) => values.get(&key),
            Values::Weighed(values) => values.get(&key),
        };
        if found.is_some() {
            return Ok(found);
        }
        let before = *self.epoch();
        let loaded = load.await?;
        if let Some(value) = &loaded {
            let epoch = self.epoch();
            if *epoch == before {
                match &self.values {
                    Values::None => {}
                    Values::Counted(values) => values.insert(key, value.clone()),
                    Values::Weighed(values) => values.insert(key, value.clone()),
                }
            }
        }
        Ok(loaded)
    }

    /// Forgets one value.
    pub fn forget(&self, key: &K) {
        self.begin_to_forget();
        match &self.values {
            Values::None => {}
            Values::Counted(values) => values.invalidate(key),
            Values::Weighed(values) => values.remove(key),
        }
    }

    /// Forgets every value of which this holds.
    pub fn forget_if(&self, stale: impl Fn(&K, &V) -> bool + Send + Sync + 'static) {
        self.begin_to_forget();
        match &self.values {
            Values::None => {}
            Values::Counted(values) => {
                if values.invalidate_entries_if(stale).is_err() {
                    values.invalidate_all();
                }
            }
            Values::Weighed(values) => values.remove_if(stale),
        }
    }

    /// Forgets everything.
    pub fn forget_all(&self) {
        self.begin_to_forget();
        match &self.values {
            Values::None => {}
            Values::Counted(values) => values.invalidate_all(),
            Values::Weighed(values) => values.clear(),
        }
    }

    fn begin_to_forget(&self) {
        *self.epoch() += 1;
    }

    fn epoch(&self) -> MutexGuard<'_, u64> {
        self.epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::FutureExt as _;

    use super::*;

    type Values = Remembered<&'static str, u64>;

    fn kinds() -> [Values; 2] {
        [Values::new(10), Values::weighed(10, |_| 1)]
    }

    /// A way of forgetting, and what is found of `a` and `b` after it.
    type Way = (fn(&Values), [u64; 2]);

    /// What is found when reading gives `value`, and `meanwhile` happens before it returns.
    fn find(values: &Values, key: &'static str, value: Option<u64>, meanwhile: impl Fn()) -> Option<u64> {
        let load = async {
            meanwhile();
            Ok::<_, Infallible>(value)
        };
        values.find_or_load(key, load).now_or_never().unwrap().unwrap()
    }

    #[test]
    fn what_was_read_is_remembered_and_what_was_not_found_is_not() {
        let values = Values::new(10);
        assert_eq!(find(&values, "a", None, || {}), None);
        assert_eq!(find(&values, "a", Some(1), || {}), Some(1));
        assert_eq!(find(&values, "a", Some(2), || {}), Some(1));
    }

    #[test]
    fn each_way_of_forgetting_forgets_what_it_names() {
        let ways: [Way; 3] = [
            (|values| values.forget(&"a"), [2, 1]),
            (|values| values.forget_if(|key, _| *key == "b"), [1, 2]),
            (Values::forget_all, [2, 2]),
        ];
        for (forget, expect) in ways {
            for values in kinds() {
                for key in ["a", "b"] {
                    find(&values, key, Some(1), || {});
                }
                forget(&values);
                let found = ["a", "b"].map(|key| find(&values, key, Some(2), || {}).unwrap());
                assert_eq!(found, expect);
            }
        }
    }

    #[test]
    fn value_that_was_read_before_the_news_is_not_remembered() {
        let ways: [fn(&Values); 3] =
            [|values| values.forget(&"a"), |values| values.forget_if(|_, _| true), Values::forget_all];
        for forget in ways {
            for values in kinds() {
                assert_eq!(
                    find(&values, "a", Some(1), || forget(&values)),
                    Some(1),
                    "as the database had it"
                );
                assert_eq!(find(&values, "a", Some(2), || {}), Some(2), "and no longer");
            }
        }
    }

    #[test]
    fn without_room_everything_is_read_anew() {
        for values in [Values::new(0), Values::weighed(0, |_| 1), Values::weighed(10, |_| 11)] {
            assert_eq!(find(&values, "a", Some(1), || {}), Some(1));
            assert_eq!(find(&values, "a", Some(2), || {}), Some(2));
        }
    }

    #[test]
    fn nobody_finds_an_old_value_after_it_was_to_be_forgotten() {
        kinds().into_iter().for_each(check_news);
    }

    fn check_news(values: Values) {
        let (values, truth) = (Arc::new(values), Arc::new(AtomicU64::new(0)));
        let forgotten = Arc::new(AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while truth.load(Ordering::SeqCst) < 20_000 {
                        let at_least = forgotten.load(Ordering::SeqCst);
                        let load = async { Ok::<_, Infallible>(Some(truth.load(Ordering::SeqCst))) };
                        let found = values.find_or_load("a", load).now_or_never().unwrap().unwrap().unwrap();
                        assert!(found >= at_least, "{found} after {at_least} was announced");
                    }
                });
            }
            scope.spawn(|| {
                for change in 1..=20_000 {
                    truth.store(change, Ordering::SeqCst);
                    values.forget(&"a");
                    forgotten.store(change, Ordering::SeqCst);
                }
            });
        });
    }
}
