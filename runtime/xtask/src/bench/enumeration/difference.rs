//! How far two medians are apart, and how sure that is.
//!
//! The interval is the bootstrap's by percentiles (Efron, 1979): the pairs are drawn again, with replacement, and the
//! middle 95 in a hundred of the differences that come of it are where the difference lies. Whole pairs are drawn: the two
//! times of a pair share what the machine was doing.

use std::fmt;
use std::time::Duration;

/// How often the pairs are drawn again.
const RESAMPLES: usize = 1_000;
/// What lies outside of the interval on each side: one part of this many.
const TAIL: usize = 40;

/// How far the median with an account is from the one without, in hundredths of that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Difference {
    known: Duration,
    unknown: Duration,
    percent: f64,
    /// The ends of the interval.
    low: f64,
    high: f64,
}

/// What follows of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The whole interval is within the bar.
    Met,
    /// The whole interval is outside of it: there is a difference.
    Missed,
    /// Part of it is: more pairs would tell.
    Open,
}

impl Difference {
    /// Of pairs: with an account, and without. None of no pairs, or of an answer that took no time.
    pub(super) fn of(pairs: &[(Duration, Duration)], draws: &mut Draws) -> Option<Self> {
        let (mut known, mut unknown): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let (of_known, of_unknown) = (median(&mut known)?, median(&mut unknown)?);
        let mut drawn = Vec::with_capacity(RESAMPLES);
        for _ in 0..RESAMPLES {
            for (to_known, to_unknown) in known.iter_mut().zip(&mut unknown) {
                (*to_known, *to_unknown) = *pairs.get(draws.below(pairs.len()))?;
            }
            drawn.push(apart(median(&mut known)?, median(&mut unknown)?)?);
        }
        drawn.sort_unstable_by(f64::total_cmp);
        let cut = drawn.len() / TAIL;
        let (low, high) = (*drawn.get(cut)?, *drawn.iter().rev().nth(cut)?);
        let percent = apart(of_known, of_unknown)?;
        Some(Self { known: of_known, unknown: of_unknown, percent, low, high })
    }

    /// Whether it is at most so many hundredths, to either side.
    pub(super) fn verdict(self, bar: f64) -> Verdict {
        if -bar <= self.low && self.high <= bar {
            Verdict::Met
        } else if self.high < -bar || bar < self.low {
            Verdict::Missed
        } else {
            Verdict::Open
        }
    }
}

fn apart(known: Duration, unknown: Duration) -> Option<f64> {
    let unknown = Some(unknown.as_secs_f64()).filter(|seconds| *seconds > 0.0)?;
    Some((known.as_secs_f64() / unknown - 1.0) * 100.0)
}

fn median(times: &mut [Duration]) -> Option<Duration> {
    let middle = times.len() / 2;
    (!times.is_empty()).then(|| *times.select_nth_unstable(middle).1)
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, unknown, percent, low, high } = self;
        write!(
            f,
            "medians {known:.1?} with an account and {unknown:.1?} without: {percent:+.2} %, surely ({low:+.2} to {high:+.2}) %"
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
            Self::Open => "open, more pairs would tell",
        })
    }
}

/// Numbers that look drawn, and are the same for the same seed (`SplitMix64`; Steele, Lea and Flood, 2014).
#[derive(Debug)]
pub(super) struct Draws(u64);

impl Draws {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) const fn coin(&mut self) -> bool {
        self.next() >> 63 == 1
    }

    /// A number below another one, which is not zero.
    fn below(&mut self, end: usize) -> usize {
        // The upper bits of a product: as even as 64 bits are for so few.
        let product = u128::from(self.next()) * end as u128;
        usize::try_from(product >> 64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs about a millisecond: the known ones by so many hundredths slower, each with noise of five hundredths.
    fn pairs(count: usize, slower: f64) -> Vec<(Duration, Duration)> {
        let mut draws = Draws::new(7);
        let mut noisy = |micros: f64| {
            let noise = f64::from(u32::try_from(draws.below(1_000)).unwrap()) / 10_000.0 - 0.05;
            Duration::from_secs_f64(micros * (1.0 + noise) / 1e6)
        };
        (0..count).map(|_| (noisy(1_000.0 * (1.0 + slower / 100.0)), noisy(1_000.0))).collect()
    }

    fn check(count: usize, slower: f64, expect: Verdict) {
        let found = Difference::of(&pairs(count, slower), &mut Draws::new(1)).unwrap();
        assert_eq!(found.verdict(2.0), expect, "{count} pairs, {slower} %: {found}");
        assert!(found.low <= found.percent && found.percent <= found.high, "{found}");
    }

    #[test]
    fn difference_is_told_from_noise() {
        check(1_000, 0.0, Verdict::Met);
        check(1_000, 1.0, Verdict::Met);
        check(1_000, 4.0, Verdict::Missed);
        check(1_000, -4.0, Verdict::Missed);
        check(1_000, 2.0, Verdict::Open);
        check(10, 0.0, Verdict::Open);
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        assert_eq!(Difference::of(&[], &mut Draws::new(1)), None);
        assert_eq!(Difference::of(&[(Duration::from_secs(1), Duration::ZERO)], &mut Draws::new(1)), None);
    }

    #[test]
    fn what_is_drawn_is_even() {
        let mut draws = Draws::new(3);
        let mut seen = [0; 5];
        (0..10_000).for_each(|_| seen[draws.below(5)] += 1);
        assert!(seen.iter().all(|count| (1_800..2_200).contains(count)), "{seen:?}");
        let heads = (0..10_000).filter(|_| draws.coin()).count();
        assert!((4_800..5_200).contains(&heads), "{heads}");
    }
}
