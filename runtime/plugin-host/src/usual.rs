//! What calls of a plugin use of CPU, by which the next one is judged before it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So many calls weigh as much as all that were before them.
const WEIGHT: u64 = 8;

/// A moving mean, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Usual(AtomicU64);

impl Usual {
    /// What a call uses, over the last ones.
    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    /// Learns from a call. Two at once may miss each other, which matters little. One whose guest never ran
    /// teaches nothing: else whoever gives up waiting makes a slow plugin look quick.
    pub(crate) fn learn(&self, used: Duration) {
        if used.is_zero() {
            return;
        }
        let before = self.0.load(Ordering::Relaxed);
        let used = u64::try_from(used.as_nanos()).unwrap_or(u64::MAX);
        self.0.store(before - before / WEIGHT + used / WEIGHT, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_moves_with_what_ran_and_not_with_what_never_did() {
        let usual = Usual::default();
        usual.learn(Duration::from_millis(80));
        assert_eq!(usual.cpu(), Duration::from_millis(10));
        usual.learn(Duration::ZERO);
        assert_eq!(usual.cpu(), Duration::from_millis(10));
        usual.learn(Duration::from_millis(2));
        assert_eq!(usual.cpu(), Duration::from_millis(9));
        usual.learn(Duration::MAX);
        assert!(usual.cpu() > Duration::from_hours(24));
    }
}
