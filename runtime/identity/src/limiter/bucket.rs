//! What is left of a count, and what an attempt makes of it. The same in memory and in the database.
//!
//! A generic cell rate algorithm: the instant at which the bucket is full again says how many attempts are left. Beside it
//! stands how often it refused since it was last full, by which it refuses twice as long each time.
//!
//! Attack: somebody fills the bucket of another's identifier so that they cannot sign in. They could keep it full before
//! there was a back-off, too; the back-off ends by itself, at its longest after
//! [`LimitSettings::longest_wait_seconds`](crate::settings::LimitSettings::longest_wait_seconds).

use std::time::Duration;

use primitives::Timestamp;

use crate::settings::Rate;

/// How many attempts a bucket holds, and how it fills again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Attempts in a row; 0 refuses all.
    pub burst: u32,
    /// After how long one more is allowed; nothing refuses none.
    pub step: Duration,
    /// The longest that it refuses everything for having refused before; nothing for a bucket without back-off.
    pub longest_wait: Duration,
}

impl Allowance {
    /// An allowance without back-off.
    pub fn new(rate: Rate) -> Self {
        let step = Duration::from_secs(u64::from(rate.refill_seconds));
        Self { burst: rate.burst, step, longest_wait: Duration::ZERO }
    }

    /// With a back-off that doubles up to `seconds`.
    #[must_use]
    pub fn backing_off(self, seconds: u32) -> Self {
        Self { longest_wait: Duration::from_secs(u64::from(seconds)), ..self }
    }

    /// How far from full a bucket may be.
    pub fn depth(&self) -> Duration {
        self.step.saturating_mul(self.burst)
    }
}

/// A bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// When it is full again.
    pub full_at: Timestamp,
    /// How often it began to refuse since it was last full.
    pub refusals: u32,
    /// Until when it refuses everything.
    pub locked_until: Timestamp,
}

/// What a bucket makes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It counts; this is left.
    Counted(Bucket),
    /// It is the first that is refused; this is to be remembered.
    BeginsToRefuse(Bucket),
    /// It is refused like others before; nothing changes.
    Refused,
}

impl Bucket {
    /// One that nobody has taken from.
    pub const fn full(now: Timestamp) -> Self {
        Self { full_at: now, refusals: 0, locked_until: now }
    }

    /// Takes so many attempts from it, at least one and at most its burst.
    pub fn take(self, allowance: &Allowance, count: u32, now: Timestamp) -> Verdict {
        if now < self.locked_until {
            return Verdict::Refused;
        }
        let wanted = allowance.step.saturating_mul(count);
        let next = self.full_at.max(now).after(wanted);
        let missing = next.since(now).saturating_sub(allowance.depth());
        if missing.is_zero() {
            let refusals = if self.full_at <= now { 0 } else { self.refusals };
            return Verdict::Counted(Self { full_at: next, refusals, locked_until: self.locked_until });
        }
        // The first time it refuses for as long as it would anyway.
        let times = 1_u32 << self.refusals.min(30);
        let backed_off = allowance.step.saturating_mul(times).min(allowance.longest_wait);
        let locked_until = now.after(missing.max(backed_off));
        // So many are allowed when that is over, and the next ones by the rate.
        let others = allowance.depth().saturating_sub(wanted);
        Verdict::BeginsToRefuse(Self {
            full_at: self.full_at.max(locked_until.after(others)),
            refusals: self.refusals.saturating_add(1),
            locked_until,
        })
    }

    /// After how long it takes an attempt again: a second at least, in which clients count.
    pub fn retry_after(&self, now: Timestamp) -> Duration {
        self.locked_until.since(now).max(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, refill_seconds: 10 };

    /// Takes at each instant; for how long each one was refused.
    fn refused_for(allowance: &Allowance, instants: &[i64]) -> Vec<Option<u64>> {
        let mut bucket = Bucket::full(Timestamp::from_seconds(0));
        let mut take = |at: &i64| {
            let now = Timestamp::from_seconds(*at);
            match bucket.take(allowance, 1, now) {
                Verdict::Counted(left) => {
                    bucket = left;
                    None
                }
                Verdict::BeginsToRefuse(left) => {
                    bucket = left;
                    Some(bucket.retry_after(now).as_secs())
                }
                Verdict::Refused => Some(bucket.retry_after(now).as_secs()),
            }
        };
        instants.iter().map(&mut take).collect()
    }

    #[test]
    fn each_refusal_lasts_twice_as_long_up_to_the_longest() {
        let allowance = Allowance::new(RATE).backing_off(50);
        let found = refused_for(&allowance, &[0, 0, 0, 0, 9, 10, 10, 29, 30, 30, 70, 70, 120, 120]);
        let expected = [
            (None, 3),
            (Some(10), 1),
            (Some(1), 1),
            (None, 1),
            (Some(20), 1),
            (Some(1), 1),
            (None, 1),
            (Some(40), 1),
            (None, 1),
            (Some(50), 1),
            (None, 1),
            (Some(50), 1),
        ];
        let expected: Vec<Option<u64>> =
            expected.into_iter().flat_map(|(wait, times)| std::iter::repeat_n(wait, times)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn without_back_off_a_refusal_lasts_until_the_next_attempt_is_due() {
        let found = refused_for(&Allowance::new(RATE), &[0, 0, 0, 0, 10, 10, 20, 20, 25]);
        let expected = [None, None, None, Some(10), None, Some(10), None, Some(10), Some(5)];
        assert_eq!(found, expected);
    }

    #[test]
    fn bucket_that_was_full_again_has_forgotten_its_refusals() {
        let allowance = Allowance::new(RATE).backing_off(1_000);
        let quiet = [0, 0, 0, 0, 10, 10, 60, 60, 60, 60];
        let found = refused_for(&allowance, &quiet);
        assert_eq!(found.last(), Some(&Some(10)), "as at first: {found:?}");
    }

    #[test]
    fn hundred_refusals_overflow_nothing() {
        let allowance =
            Allowance::new(Rate { burst: u32::MAX, refill_seconds: u32::MAX }).backing_off(u32::MAX);
        let full = Bucket {
            full_at: Timestamp::from_micros(i64::MAX),
            refusals: u32::MAX,
            ..Bucket::full(Timestamp::from_micros(0))
        };
        let now = Timestamp::from_micros(1);
        assert!(matches!(full.take(&allowance, 1, now), Verdict::Counted(_) | Verdict::BeginsToRefuse(_)));
        let none = Allowance::new(Rate { burst: 0, refill_seconds: 1 });
        assert!(matches!(Bucket::full(now).take(&none, 1, now), Verdict::BeginsToRefuse(_)));
    }
}
