//! How much CPU a guest used: the time that its future was polled, less the time in host calls.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts the CPU of one call. Shared by the future that is polled and the store that is inside it.
///
/// A guest runs on one thread at a time, and only inside a poll; so relaxed atomics are enough.
#[derive(Debug)]
pub(crate) struct Meter {
    start: Instant,
    /// Nanoseconds of finished polls, less host calls.
    used: AtomicU64,
    /// Nanoseconds from `start` to the beginning of the poll that runs.
    polled_at: AtomicU64,
}

impl Meter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), used: AtomicU64::new(0), polled_at: AtomicU64::new(0) })
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// What was used, up to now. Called from inside a poll.
    pub(crate) fn used_now(&self) -> Duration {
        let running = self.elapsed().saturating_sub(self.polled_at.load(Ordering::Relaxed));
        Duration::from_nanos(self.used.load(Ordering::Relaxed).saturating_add(running))
    }

    /// What was used in finished polls.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }

    /// Runs a host call; its time does not count.
    pub(crate) fn uncounted<T>(&self, host_call: impl FnOnce() -> T) -> T {
        let before = self.elapsed();
        let result = host_call();
        // As if the poll had begun later by as much as the host call took.
        self.polled_at.fetch_add(self.elapsed().saturating_sub(before), Ordering::Relaxed);
        result
    }
}

/// Polls `future` to its end and counts what its polls take.
pub(crate) async fn metered<F: Future>(meter: &Meter, future: F) -> F::Output {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        meter.polled_at.store(meter.elapsed(), Ordering::Relaxed);
        let polled = future.as_mut().poll(cx);
        let ran = meter.elapsed().saturating_sub(meter.polled_at.load(Ordering::Relaxed));
        meter.used.fetch_add(ran, Ordering::Relaxed);
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use super::*;

    #[test]
    fn host_calls_and_waiting_do_not_count() {
        let meter = Meter::new();
        let spin = |time: Duration| {
            let start = Instant::now();
            while start.elapsed() < time {}
        };
        let inner = Arc::clone(&meter);
        let mut polls = 0;
        let mut metered = pin!(metered(
            &meter,
            std::future::poll_fn(move |_| {
                polls += 1;
                inner.uncounted(|| spin(Duration::from_millis(30)));
                if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
            }),
        ));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(metered.as_mut().poll(&mut cx).is_pending());
        spin(Duration::from_millis(30));
        assert!(metered.as_mut().poll(&mut cx).is_ready());
        assert!(meter.used() < Duration::from_millis(15), "{:?}", meter.used());
    }
}
