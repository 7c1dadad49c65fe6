//! Large values in bounded memory: what is used least lately leaves, and is freed at that moment.
//!
//! `moka` frees what it evicts some dozens of insertions later, which is quicker and right for small values.
//! Of values of megabytes those dozens are more than the bound.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// Values that together weigh no more than a capacity.
pub(crate) struct Weighed<K, V> {
    capacity: u64,
    weigh: Box<dyn Fn(&V) -> u64 + Send + Sync>,
    /// Counts uses, so that they have an order.
    uses: AtomicU64,
    entries: RwLock<Entries<K, V>>,
}

struct Entries<K, V> {
    by_key: HashMap<K, Entry<V>>,
    weight: u64,
}

struct Entry<V> {
    value: V,
    weight: u64,
    last_use: AtomicU64,
}

impl<K, V> fmt::Debug for Weighed<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Weighed(…)")
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Weighed<K, V> {
    pub(crate) fn new(capacity: u64, weigh: impl Fn(&V) -> u64 + Send + Sync + 'static) -> Self {
        let entries = RwLock::new(Entries { by_key: HashMap::new(), weight: 0 });
        Self { capacity, weigh: Box::new(weigh), uses: AtomicU64::new(0), entries }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.by_key.get(key)?;
        entry.last_use.store(self.next_use(), Ordering::Relaxed);
        Some(entry.value.clone())
    }

    /// Puts a value in and others out, until there is room. One that needs more than all of it stays out.
    pub(crate) fn insert(&self, key: K, value: V) {
        let weight = (self.weigh)(&value);
        if weight > self.capacity {
            return self.remove(&key);
        }
        let entry = Entry { value, weight, last_use: AtomicU64::new(self.next_use()) };
        let _freed_without_the_lock = self.change(|entries| {
            let mut left: Vec<V> = entries.take(&key).into_iter().collect();
            entries.make_room(self.capacity - weight, &mut left);
            entries.weight += weight;
            entries.by_key.insert(key, entry);
            left
        });
    }

    pub(crate) fn remove(&self, key: &K) {
        drop(self.change(|entries| entries.take(key)));
    }

    pub(crate) fn remove_if(&self, stale: impl Fn(&K, &V) -> bool) {
        let _freed_without_the_lock = self.change(|entries| {
            let keys: Vec<K> = entries
                .by_key
                .iter()
                .filter(|(key, entry)| stale(key, &entry.value))
                .map(|(key, _)| key.clone())
                .collect();
            keys.iter().filter_map(|key| entries.take(key)).collect::<Vec<V>>()
        });
    }

    pub(crate) fn clear(&self) {
        let empty = Entries { by_key: HashMap::new(), weight: 0 };
        drop(self.change(|entries| std::mem::replace(entries, empty)));
    }

    fn change<T>(&self, how: impl FnOnce(&mut Entries<K, V>) -> T) -> T {
        how(&mut self.entries.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }
}

impl<K: Hash + Eq + Clone, V> Entries<K, V> {
    fn take(&mut self, key: &K) -> Option<V> {
        let entry = self.by_key.remove(key)?;
        self.weight -= entry.weight;
        Some(entry.value)
    }

    /// Takes values out, from the one whose last use is longest ago, until no more than `weight` is left.
    fn make_room(&mut self, weight: u64, left: &mut Vec<V>) {
        if self.weight <= weight {
            return;
        }
        let mut order: Vec<(u64, K)> = self
            .by_key
            .iter()
            .map(|(key, entry)| (entry.last_use.load(Ordering::Relaxed), key.clone()))
            .collect();
        order.sort_unstable_by_key(|(last_use, _)| *last_use);
        for (_, key) in order {
            if self.weight <= weight {
                return;
            }
            left.extend(self.take(&key));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    type Values = Weighed<&'static str, Arc<u64>>;
    /// A way of removing, and what it leaves.
    type Way = (fn(&Values), &'static [&'static str]);

    /// Room for ten; a value weighs what it says.
    fn ten() -> Values {
        Weighed::new(10, |value: &Arc<u64>| **value)
    }

    fn kept(values: &Values) -> Vec<&'static str> {
        let entries = values.entries.read().unwrap();
        assert_eq!(entries.weight, entries.by_key.values().map(|entry| *entry.value).sum::<u64>());
        let mut keys: Vec<_> = entries.by_key.keys().copied().collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn what_was_used_least_lately_leaves_and_is_freed_at_once() {
        let values = ten();
        let first = Arc::new(4);
        values.insert("a", Arc::clone(&first));
        values.insert("b", Arc::new(4));
        assert_eq!(Arc::strong_count(&first), 2);
        values.get(&"b");
        values.insert("c", Arc::new(4));
        assert_eq!(kept(&values), ["b", "c"]);
        assert_eq!(Arc::strong_count(&first), 1, "freed");
        values.get(&"b");
        values.insert("d", Arc::new(6));
        assert_eq!(kept(&values), ["b", "d"]);
        values.insert("e", Arc::new(10));
        assert_eq!(kept(&values), ["e"]);
    }

    #[test]
    fn value_that_is_put_in_again_weighs_once() {
        let values = ten();
        for weight in [4, 6, 10, 2] {
            values.insert("a", Arc::new(weight));
        }
        values.insert("b", Arc::new(8));
        assert_eq!(kept(&values), ["a", "b"]);
    }

    #[test]
    fn value_without_room_stays_out_and_takes_its_predecessor_along() {
        let values = ten();
        values.insert("a", Arc::new(1));
        values.insert("b", Arc::new(1));
        values.insert("a", Arc::new(11));
        assert_eq!(kept(&values), ["b"]);
        assert!(values.get(&"a").is_none());
    }

    #[test]
    fn each_way_of_removing_gives_its_room_back() {
        let ways: [Way; 3] = [
            (|values| values.remove(&"a"), &["b"]),
            (|values| values.remove_if(|key, _| *key == "b"), &["a"]),
            (Weighed::clear, &[]),
        ];
        for (way, expect) in ways {
            let values = ten();
            values.insert("a", Arc::new(5));
            values.insert("b", Arc::new(5));
            way(&values);
            assert_eq!(kept(&values), expect);
        }
    }
}
