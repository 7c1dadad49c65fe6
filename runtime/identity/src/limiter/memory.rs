//! Counts of one node.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use moka::sync::Cache;
use primitives::Timestamp;

use super::bucket::{Bucket, Verdict};
use super::{Attempts, Counted, LimitKey, LimitReached, NotCounted};

/// Counts in memory, for one node.
///
/// Bounded: of more keys than it holds it forgets the least used, which an attacker would have to pay
/// with as many addresses.
#[derive(Debug)]
pub struct AttemptsInMemory {
    buckets: Cache<LimitKey, Arc<Mutex<Bucket>>>,
}

/// Why memory refuses an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub(super) limit: LimitReached,
    /// Whether it is the first that is refused.
    pub(super) begins: bool,
}

impl From<Refusal> for NotCounted {
    fn from(refusal: Refusal) -> Self {
        refusal.limit.into()
    }
}

impl AttemptsInMemory {
    /// Counts at most `capacity` keys at a time.
    pub fn new(capacity: u64) -> Self {
        Self {
            buckets: Cache::builder().max_capacity(capacity).time_to_idle(Duration::from_hours(1)).build(),
        }
    }

    /// Runs `change` on the bucket.
    fn with<T>(&self, key: &LimitKey, change: impl FnOnce(&mut Bucket) -> T) -> T {
        // Of a bucket that is not there all that matters is that it is full.
        let unused = || Arc::new(Mutex::new(Bucket::full(Timestamp::from_micros(0))));
        let bucket = self.buckets.get_with_by_ref(key, unused);
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut bucket)
    }

    pub(super) fn take(&self, counted: &Counted, now: Timestamp) -> Result<(), Refusal> {
        self.with(&counted.key, |bucket| {
            let begins = match bucket.take(&counted.allowance, 1, now) {
                Verdict::Counted(left) => {
                    *bucket = left;
                    return Ok(());
                }
                Verdict::BeginsToRefuse(left) => {
                    *bucket = left;
                    true
                }
                Verdict::Refused => false,
            };
            Err(Refusal { limit: LimitReached { retry_after: bucket.retry_after(now) }, begins })
        })
    }

    pub(super) fn put_back(&self, counted: &Counted) {
        self.with(&counted.key, |bucket| bucket.full_at = bucket.full_at.before(counted.allowance.step));
    }

    /// Puts back what was taken of an attempt that a later count refuses.
    pub(super) fn put_back_refused<'a>(&self, earlier: impl Iterator<Item = &'a Counted>) {
        earlier.filter(|counted| counted.key.is_put_back()).for_each(|counted| self.put_back(counted));
    }

    /// Refuses what is known to be refused, and counts nothing.
    pub(super) fn check(&self, key: &LimitKey, now: Timestamp) -> Result<(), LimitReached> {
        self.with(key, |bucket| {
            let retry_after = bucket.retry_after(now);
            if now < bucket.locked_until { Err(LimitReached { retry_after }) } else { Ok(()) }
        })
    }

    /// Takes the place of what is known of a bucket.
    pub(super) fn remember(&self, key: &LimitKey, known: Bucket) {
        self.with(key, |bucket| *bucket = known);
    }
}

impl Attempts for AttemptsInMemory {
    fn count_all(&self, counts: Vec<Counted>, now: Timestamp) -> BoxFuture<'_, Result<(), NotCounted>> {
        let refuse = |(n, counted): (usize, &Counted)| Some((n, self.take(counted, now).err()?));
        let refused = counts.iter().enumerate().find_map(refuse);
        if let Some((n, _)) = refused {
            self.put_back_refused(counts.iter().take(n));
        }
        let counted: Result<(), NotCounted> = refused.map_or(Ok(()), |(_, refusal)| Err(refusal.into()));
        Box::pin(std::future::ready(counted))
    }

    fn forgive_all(&self, counts: Vec<Counted>, _: Timestamp) -> BoxFuture<'_, ()> {
        for counted in &counts {
            self.put_back(counted);
        }
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use primitives::TenantId;

    use super::*;
    use crate::settings::Rate;

    const RATE: Rate = Rate { burst: 3, refill_seconds: 10 };

    fn key(name: &str) -> LimitKey {
        LimitKey::Identifier(TenantId::default_tenant(), name.to_owned())
    }

    fn count(attempts: &AttemptsInMemory, name: &str, at: i64) -> bool {
        attempts.count(key(name), RATE, Timestamp::from_seconds(at)).now_or_never().unwrap().is_ok()
    }

    #[test]
    fn burst_then_one_per_refill() {
        let attempts = AttemptsInMemory::new(100);
        let answers: Vec<bool> =
            [0, 0, 0, 0, 9, 10, 10, 20].iter().map(|at| count(&attempts, "a", *at)).collect();
        assert_eq!(answers, [true, true, true, false, false, true, false, true]);
        assert!(count(&attempts, "b", 0), "another key has its own count");
    }

    #[test]
    fn success_is_forgiven() {
        let attempts = AttemptsInMemory::new(100);
        for _ in 0..50 {
            assert!(count(&attempts, "a", 0));
            attempts.forgive(key("a"), RATE, Timestamp::from_seconds(0)).now_or_never();
        }
    }

    #[test]
    fn refusal_says_when_to_come_back() {
        let attempts = AttemptsInMemory::new(100);
        let now = Timestamp::from_seconds(0);
        let counted: Vec<_> =
            (0..4).map(|_| attempts.count(key("a"), RATE, now).now_or_never().unwrap()).collect();
        assert_eq!(counted.last(), Some(&Err(LimitReached { retry_after: Duration::from_secs(10) }.into())));
    }
}
