//! How much CPU a guest used: what its future took while it was polled, less the time in host calls.
//!
//! A call that answers in its first slice, as nearly all do, is measured by the clock on the wall, which
//! costs no system call. A guest that needs long is measured by the CPU time of its thread, so that it
//! does not pay for a machine that is busy with other things.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::engine::TICK;

/// Counts the CPU of one call. Shared by the future that is polled and the store that is inside it.
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
}

impl Meter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            used: AtomicU64::new(0),
            polled_at: AtomicU64::new(0),
            by_cpu: AtomicBool::new(false),
        })
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

    fn poll<T>(&self, by_cpu: bool, poll: impl FnOnce() -> T) -> T {
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

/// A guest that used more than this in one go was made to yield at a tick, and needs long.
const QUICK: Duration = Duration::from_micros(200);

/// Where guests that need long take turns, so that they leave the workers to everybody else: one guest of
/// a tenant at a time, a few of the node. A turn ends when the guest yields, at the next tick, and the
/// longest waiting one is next. So one tenant's guests never keep another's from their end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlowLane<'a> {
    pub(crate) tenant: &'a Semaphore,
    pub(crate) node: &'a Semaphore,
}

impl SlowLane<'_> {
    /// Waits for a turn. The semaphores are never closed; if they were, there would be nothing to wait for.
    async fn turn(&self) -> (Option<SemaphorePermit<'_>>, Option<SemaphorePermit<'_>>) {
        (self.tenant.acquire().await.ok(), self.node.acquire().await.ok())
    }
}

/// Polls `future` to its end and counts what its polls take. After its first slice it takes turns.
pub(crate) async fn metered<F: Future>(meter: &Meter, lane: SlowLane<'_>, future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        let quick = meter.used() < QUICK;
        let turn = if quick { None } else { Some(lane.turn().await) };
        let polled = poll_fn(|cx| Poll::Ready(meter.poll(!quick, || future.as_mut().poll(cx)))).await;
        drop(turn);
        match polled {
            Poll::Ready(output) => return output,
            Poll::Pending => woken().await,
        }
    }
}

/// Waits until the task is woken. Whatever was polled before has its waker.
async fn woken() {
    let mut asleep = false;
    poll_fn(|_| if mem::replace(&mut asleep, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    fn spin(time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {}
    }

    /// Polls a guest to its end that does this at each poll, and says what it used.
    fn check(polls: u32, mut at_each: impl FnMut(&Meter)) -> Duration {
        let meter = Meter::new();
        let (tenant, node) = (Semaphore::new(1), Semaphore::new(1));
        let lane = SlowLane { tenant: &tenant, node: &node };
        let (inner, mut left) = (Arc::clone(&meter), polls);
        let guest = poll_fn(|_| {
            at_each(&inner);
            left -= 1;
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        });
        let mut metered = pin!(metered(&meter, lane, guest));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 1..polls {
            assert!(metered.as_mut().poll(&mut cx).is_pending());
            spin(Duration::from_millis(5));
        }
        assert!(metered.as_mut().poll(&mut cx).is_ready());
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
