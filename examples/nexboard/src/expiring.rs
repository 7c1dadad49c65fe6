//! A map that a flood cannot grow: entries expire, and the oldest make room for the newest.

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, VecDeque};

/// Values under random keys. Every entry lives equally long, so that the order of insertion is the order of expiry.
#[derive(Debug)]
pub(crate) struct Expiring<V> {
    lifetime: TimeDelta,
    capacity: usize,
    values: HashMap<String, (DateTime<Utc>, V)>,
    /// Keys in the order of insertion; those that were removed stay here until they expire or are swept.
    order: VecDeque<(DateTime<Utc>, String)>,
}

impl<V> Expiring<V> {
    pub(crate) fn new(lifetime: TimeDelta, capacity: usize) -> Self {
        Self { lifetime, capacity, values: HashMap::new(), order: VecDeque::new() }
    }

    /// Stores `value` under a key that was not used before, and says when it ends.
    pub(crate) fn insert(&mut self, key: String, value: V, now: DateTime<Utc>) -> DateTime<Utc> {
        self.make_room(now);
        let ends = now + self.lifetime;
        self.order.push_back((ends, key.clone()));
        self.values.insert(key, (ends, value));
        ends
    }

    pub(crate) fn find(&self, key: &str, now: DateTime<Utc>) -> Option<&V> {
        self.values.get(key).filter(|(ends, _)| now < *ends).map(|(_, value)| value)
    }

    /// Takes the value out, so that the key works once.
    pub(crate) fn consume(&mut self, key: &str, now: DateTime<Utc>) -> Option<V> {
        self.values.remove(key).filter(|(ends, _)| now < *ends).map(|(_, value)| value)
    }

    fn make_room(&mut self, now: DateTime<Utc>) {
        while let Some((ends, key)) = self.order.front() {
            if now < *ends && self.values.len() < self.capacity {
                break;
            }
            self.values.remove(key);
            self.order.pop_front();
        }
        // Keys that were consumed long before they expire must not pile up either.
        if self.order.len() > 2 * self.capacity {
            self.order.retain(|(_, key)| self.values.contains_key(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn map() -> Expiring<u32> {
        Expiring::new(TimeDelta::seconds(10), 3)
    }

    #[test]
    fn an_entry_ends_with_its_lifetime() {
        let mut map = map();
        assert_eq!(map.insert("a".into(), 1, at(0)), at(10));
        assert_eq!(map.find("a", at(9)), Some(&1));
        assert_eq!(map.find("a", at(10)), None);
        assert_eq!(map.consume("a", at(10)), None);
    }

    #[test]
    fn a_consumed_key_is_gone() {
        let mut map = map();
        map.insert("a".into(), 1, at(0));
        assert_eq!(map.consume("a", at(1)), Some(1));
        assert_eq!(map.consume("a", at(1)), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut map = map();
        for (second, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
            map.insert(key.into(), 1, at(i64::try_from(second).unwrap()));
        }
        assert_eq!(map.find("a", at(4)), None);
        assert!(["b", "c", "d"].iter().all(|key| map.find(key, at(4)).is_some()));
    }

    #[test]
    fn keys_that_are_consumed_at_once_leave_nothing_behind() {
        let mut map = map();
        for key in 0..1000 {
            map.insert(key.to_string(), 1, at(0));
            map.consume(&key.to_string(), at(0));
        }
        assert!(map.values.is_empty() && map.order.len() <= 7);
    }
}
