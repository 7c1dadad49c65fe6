//! What calls of a plugin use of CPU, by which the next one is judged before it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::lanes::QUICK;

/// A plugin whose calls use more than this starts in the slow lane.
const NEEDS_LONG: Duration = Duration::from_millis(2);

/// So many calls weigh as much as all that were before them.
const WEIGHT: u64 = 8;

/// A moving mean.
#[derive(Debug)]
pub(crate) struct Usual {
    nanos: AtomicU64,
    /// What a call may use.
    limit: Duration,
}

impl Usual {
    pub(crate) const fn new(limit: Duration) -> Self {
        Self { nanos: AtomicU64::new(0), limit }
    }

    /// What a call uses, over the last ones.
    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    /// Whether a call is likely to need long.
    pub(crate) fn is_long(&self) -> bool {
        self.cpu() >= NEEDS_LONG
    }

    /// Whether no call has taught anything yet.
    pub(crate) fn is_unknown(&self) -> bool {
        self.nanos.load(Ordering::Relaxed) == 0
    }

    /// Notes that a call runs on, as long as nothing else is known: the first one that ends below the bound shows
    /// otherwise.
    ///
    /// Attack: a guest that never ends, called for the first time by many at once. Nobody learns before one of them
    /// has ended, so all of them begin on the workers. Where something is known this does nothing, or one slow call
    /// would send the next ones to a lane that may get no core on a busy machine.
    pub(crate) fn suspect(&self) {
        let nanos = u64::try_from(NEEDS_LONG.as_nanos()).unwrap_or(u64::MAX);
        // Whoever was faster knows more.
        let _ = self.nanos.compare_exchange(0, nanos, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Learns from a call whose guest came to its end. Two at once may miss each other, which matters little.
    pub(crate) fn learn(&self, used: Duration) {
        let before = self.nanos.load(Ordering::Relaxed);
        let used = u64::try_from(used.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.store(before - before / WEIGHT + used / WEIGHT, Ordering::Relaxed);
    }

    /// Learns from a call that was given up.
    ///
    /// Attack: guests that never end, so many that each gets a little only, which look quick and begin on the
    /// workers for ever. What one needed nobody knows, so it counts as all that it might have used. One that
    /// hardly ran teaches nothing: whoever gives up waiting makes no plugin look slow or quick.
    pub(crate) fn learn_given_up(&self, used: Duration) {
        if used >= QUICK {
            self.learn(used.max(self.limit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_moves_with_what_ended() {
        let usual = Usual::new(Duration::from_millis(50));
        usual.learn(Duration::from_millis(80));
        assert_eq!(usual.cpu(), Duration::from_millis(10));
        usual.learn(Duration::from_millis(2));
        assert_eq!(usual.cpu(), Duration::from_millis(9));
        usual.learn(Duration::MAX);
        assert!(usual.cpu() > Duration::from_hours(24));
    }

    #[test]
    fn suspicion_of_an_unknown_plugin_lasts_until_a_call_ends_sooner() {
        let usual = Usual::new(Duration::from_millis(50));
        assert!(usual.is_unknown() && !usual.is_long());
        usual.suspect();
        assert!(!usual.is_unknown() && usual.is_long());
        usual.learn(Duration::from_micros(1_900));
        assert!(!usual.is_long());
        usual.suspect();
        assert!(!usual.is_long(), "something is known");
    }

    #[test]
    fn who_is_given_up_counts_as_its_limit_if_it_ran() {
        let usual = Usual::new(Duration::from_millis(80));
        usual.learn_given_up(QUICK);
        assert_eq!(usual.cpu(), Duration::from_millis(10));
        for hardly in [Duration::ZERO, QUICK.saturating_sub(Duration::from_nanos(1))] {
            usual.learn_given_up(hardly);
            assert_eq!(usual.cpu(), Duration::from_millis(10));
        }
    }
}
