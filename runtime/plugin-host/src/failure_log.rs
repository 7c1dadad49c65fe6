//! How much the failures of a tenant's plugins may write to the node's log.
//!
//! Attack: a plugin that always fails and is called all the time, which fills the operator's disk and hides in its
//! lines whatever else happens. So a tenant has so many lines a second; the others are counted, as they are in the
//! metrics.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The failures of a tenant's plugins that are logged in a second.
const LINES: u32 = 10;

/// The lines of one tenant.
#[derive(Debug)]
pub(crate) struct FailureLog(Mutex<Second>);

/// What was logged since a second began.
#[derive(Debug)]
struct Second {
    began: Instant,
    lines: u32,
    left_out: u64,
}

impl FailureLog {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Second { began: Instant::now(), lines: 0, left_out: 0 }))
    }

    /// Whether a failure is logged now; if so, how many before it were not.
    pub(crate) fn admit(&self, now: Instant) -> Option<u64> {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(second.began) >= Duration::from_secs(1) {
            (second.began, second.lines) = (now, 0);
        }
        if second.lines == LINES {
            second.left_out += 1;
            return None;
        }
        second.lines += 1;
        Some(std::mem::take(&mut second.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_second_are_bounded_and_the_others_counted() {
        let (log, start) = (FailureLog::new(), Instant::now());
        let at = |millis| log.admit(start + Duration::from_millis(millis));
        let all = |millis: u64, failures: u64| (0..failures).filter_map(|_| at(millis)).collect::<Vec<_>>();
        assert_eq!(all(1, 25), [0; 10]);
        assert_eq!(all(900, 5), [0; 0]);
        assert_eq!(all(2_000, 2), [20, 0]);
        assert_eq!(all(4_000, 1), [0]);
    }
}
