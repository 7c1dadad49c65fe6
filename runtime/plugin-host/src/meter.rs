//! What one call used: CPU, memory, host calls. CPU is what its future took while it was polled, less the
//! time in host calls.
//!
//! A call that answers in its first slice, as nearly all do, is measured by the clock on the wall, which
//! costs no system call. A guest that needs long is measured by the CPU time of its thread, so that it
//! does not pay for a machine that is busy with other things.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::engine::TICK;

/// Counts what one call uses. Shared by the future that is polled and the store that is inside it, and
/// read after either is gone.
///
/// A guest runs on one thread at a time, and only inside a poll; so relaxed atomics are enough.
#[derive(Debug)]
pub(crate) struct Meter {
    start: Instant,
    /// Nanoseconds of finished polls, less host calls.
    used: AtomicU64,
    /// The clock's nanoseconds at the beginning of the poll that runs, plus those of its host calls.
    polled_at: AtomicU64,
    /// Whether the poll that runs is measured by CPU time.
    by_cpu: AtomicBool,
    peak_memory: AtomicUsize,
    host_calls: AtomicU32,
}

impl Meter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            used: AtomicU64::new(0),
            polled_at: AtomicU64::new(0),
            by_cpu: AtomicBool::new(false),
            peak_memory: AtomicUsize::new(0),
            host_calls: AtomicU32::new(0),
        })
    }

    /// The time since it was made.
    pub(crate) fn age(&self) -> Duration {
        self.start.elapsed()
    }

    /// The largest linear memory, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        self.peak_memory.load(Ordering::Relaxed)
    }

    /// Notes how large a linear memory is about to be.
    pub(crate) fn count_memory(&self, bytes: usize) {
        self.peak_memory.fetch_max(bytes, Ordering::Relaxed);
    }

    /// How many host calls were made.
    pub(crate) fn host_calls(&self) -> u32 {
        self.host_calls.load(Ordering::Relaxed)
    }

    /// Counts a host call; says which one it is.
    pub(crate) fn count_host_call(&self) -> u32 {
        self.host_calls.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    fn clock(&self) -> u64 {
        if self.by_cpu.load(Ordering::Relaxed) {
            return thread_cpu();
        }
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// What the poll that runs took so far.
    ///
    /// By the clock on the wall, at most two ticks: a guest that runs meets the next tick and yields, so
    /// whatever exceeds that is time in which the thread did not run.
    fn running(&self) -> u64 {
        let ran = self.clock().saturating_sub(self.polled_at.load(Ordering::Relaxed));
        if self.by_cpu.load(Ordering::Relaxed) { ran } else { ran.min(FIRST_SLICE) }
    }

    /// What was used, up to now. Called from inside a poll.
    pub(crate) fn used_now(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed).saturating_add(self.running()))
    }

    /// What was used in finished polls.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.used.load(Ordering::Relaxed))
    }

    /// Runs a host call; its time does not count.
    pub(crate) fn uncounted<T>(&self, host_call: impl FnOnce() -> T) -> T {
        let before = self.clock();
        let result = host_call();
        // As if the poll had begun later by as much as the host call took.
        self.polled_at.fetch_add(self.clock().saturating_sub(before), Ordering::Relaxed);
        result
    }

    /// Runs one poll and counts what it takes: by the thread's CPU time, or by the clock on the wall.
    pub(crate) fn poll<T>(&self, by_cpu: bool, poll: impl FnOnce() -> T) -> T {
        self.by_cpu.store(by_cpu, Ordering::Relaxed);
        self.polled_at.store(self.clock(), Ordering::Relaxed);
        let result = poll();
        self.used.fetch_add(self.running(), Ordering::Relaxed);
        result
    }
}

/// Nanoseconds of CPU that this thread has used.
fn thread_cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(nanos.unwrap_or(0))
}

/// Two ticks, in nanoseconds.
const FIRST_SLICE: u64 = 2 * (TICK.subsec_nanos() as u64);

#[cfg(test)]
mod tests {
    use super::*;

    fn spin(time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {}
    }

    /// What so many polls used that do this, the first one measured by the clock on the wall.
    fn check(polls: u32, mut at_each: impl FnMut(&Meter)) -> Duration {
        let meter = Meter::new();
        for poll in 0..polls {
            meter.poll(poll > 0, || at_each(&meter));
            spin(Duration::from_millis(5));
        }
        meter.used()
    }

    #[test]
    fn host_calls_and_waiting_do_not_count() {
        let used = check(2, |meter| meter.uncounted(|| spin(Duration::from_millis(30))));
        assert!(used < Duration::from_millis(15), "{used:?}");
    }

    #[test]
    fn first_slice_costs_two_ticks_at_most_and_later_ones_what_they_take() {
        let used = check(1, |_| spin(Duration::from_millis(20)));
        assert_eq!(used, 2 * TICK);
        let cpu = || {
            let start = thread_cpu();
            while thread_cpu() - start < 10_000_000 {}
        };
        let used = check(3, |_| cpu());
        assert!(used >= Duration::from_millis(22), "{used:?}");
    }

    #[test]
    fn cpu_time_of_another_thread_is_not_the_guests() {
        let used = check(5, |_| {
            std::thread::spawn(|| spin(Duration::from_millis(10))).join().unwrap();
        });
        assert!(used < Duration::from_millis(10), "{used:?}");
    }
}
