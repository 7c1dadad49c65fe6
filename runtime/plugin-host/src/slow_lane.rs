//! The slow lane: threads of low priority, which the system lets run when no worker wants the core. Guests there yield
//! at every epoch, those of one tenant take turns, and the lane's threads go round the tenants.
//!
//! On a machine whose cores other programs keep busy such threads hardly run, and whatever fails closed would refuse
//! what it should allow. So a guest whose thread is not let run goes on in a second lane, which gets a little of a core
//! whoever else wants it.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::num::NonZeroU64;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::setpriority_process;
use rustix::thread::set_current_timer_slack;
use thread_priority::ThreadPriority;
use thread_priority::unix::{
    NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::lanes::Guest;
use crate::meter::Meter;
use crate::slow_guests::SlowGuests;

/// What the lane runs at.
const IDLE: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);

/// The nice value of the second lane: a tenth of a core beside one thread of ordinary priority.
const NICE: i32 = 10;

/// How long a thread of the lane sleeps between two slices.
///
/// A core that runs out of work takes some from one where work waits (Linux, `sched_balance_newidle`), but one that
/// turns to the slow lane does not count as out of work. So requests wait behind a busy worker, for a whole slice of
/// the scheduler, unless the lane leaves its core for a moment.
const REST: Duration = Duration::from_micros(10);

/// A guest starves whose threads lost more time than this, and so many times what it used.
const LOST: Duration = Duration::from_millis(20);
const LOST_TIMES: u32 = 10;

/// For so long after a guest starved, others need not find out for themselves.
const STARVES_FOR: Duration = Duration::from_secs(10);

/// The threads of guests that need long, started with the first of them.
#[derive(Debug, Default)]
pub(crate) struct SlowLane {
    idle: Threads,
    nice: Threads,
    guests: SlowGuests,
    starved: Mutex<Option<Instant>>,
}

impl SlowLane {
    /// How many guests are in it.
    pub(crate) fn guests(&self) -> SlowGuests {
        self.guests.clone()
    }

    /// Runs a guest to its end. `None` where the system has no thread for it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        meter: &Arc<Meter>,
        turns: &Arc<Semaphore>,
        mut guest: Guest<T>,
    ) -> Option<T> {
        let turned = |guest, may_starve| {
            let (entered, meter, turns) = (self.guests.enter(), Arc::clone(meter), Arc::clone(turns));
            async move {
                // As long as the guest is there, which may be longer than its caller.
                let _entered = entered;
                in_turns(&meter, &turns, guest, may_starve).await
            }
        };
        if !self.starved_lately() {
            match on(self.idle.get(give_way)?, turned(guest, false)).await? {
                Ok(output) => return Some(output),
                Err(starving) => guest = starving,
            }
            *self.starved.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        on(self.nice.get(|| setpriority_process(None, NICE).map_err(io::Error::from))?, turned(guest, true))
            .await?
            .ok()
    }

    fn starved_lately(&self) -> bool {
        let starved = *self.starved.lock().unwrap_or_else(PoisonError::into_inner);
        starved.is_some_and(|starved| starved.elapsed() < STARVES_FOR)
    }
}

/// Lets this thread run when nobody else wants its core. Not by `nice` alone: the system takes a core with an
/// idle thread (`SCHED_IDLE`) for a free one, and one with a nice thread for a busy one, where it wakes no worker.
fn give_way() -> io::Result<()> {
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, IDLE).map_err(io::Error::other)
}

/// Threads on half of the cores.
#[derive(Debug, Default)]
struct Threads(OnceLock<Option<Runtime>>);

impl Threads {
    /// Starts them, each with this priority, unless they run; nothing where the system has no thread to give.
    fn get(&self, priority: fn() -> io::Result<()>) -> Option<&Runtime> {
        let start = || {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)))
                .thread_name("plugin-slow")
                .on_thread_start(move || {
                    // Else a rest takes as much longer as the system likes, 50 µs by default.
                    let prompt = set_current_timer_slack(NonZeroU64::new(1)).map_err(io::Error::from);
                    if let Err(error) = prompt.and_then(|()| priority()) {
                        tracing::warn!(%error, "guests that need long run at ordinary priority");
                    }
                })
                .enable_time()
                .build()
                .inspect_err(|error| tracing::error!(%error, "no thread for guests that need long"))
                .ok()
        };
        self.0.get_or_init(start).as_ref()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // The last handle to the host may go inside a runtime, where nothing may wait for threads.
        if let Some(runtime) = self.0.take().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// Runs a guest slice by slice, in turns with the others of its tenant; gives it back where it starves, unless it may.
async fn in_turns<T: Send + 'static>(
    meter: &Meter,
    turns: &Semaphore,
    mut guest: Guest<T>,
    may_starve: bool,
) -> Result<T, Guest<T>> {
    let (mut lost, entered_with) = (Duration::ZERO, meter.used());
    loop {
        // Never closed; if it were, there would be nothing to wait for.
        let turn = turns.acquire().await.ok();
        let (start, before) = (Instant::now(), meter.used());
        let polled = poll_fn(|cx| Poll::Ready(meter.poll(true, || guest.as_mut().poll(cx)))).await;
        drop(turn);
        match polled {
            Poll::Ready(output) => return Ok(output),
            Poll::Pending => thread::sleep(REST),
        }
        lost += start.elapsed().saturating_sub(meter.used().saturating_sub(before));
        if !may_starve && lost > LOST.max(meter.used().saturating_sub(entered_with) * LOST_TIMES) {
            return Err(guest);
        }
        woken().await;
    }
}

/// Runs a task on these threads to its end; whoever drops this ends it.
async fn on<T: Send + 'static>(
    runtime: &Runtime,
    task: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let mut running = Aborted(runtime.spawn(task));
    match pin!(&mut running.0).await {
        Ok(output) => Some(output),
        Err(error) => error.try_into_panic().map_or(None, |panic| resume_unwind(panic)),
    }
}

/// A task that ends with its handle.
struct Aborted<T>(JoinHandle<T>);

impl<T> Drop for Aborted<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits until the task is woken. Whatever was polled before has its waker.
pub(crate) async fn woken() {
    let mut asleep = false;
    poll_fn(|_| if mem::replace(&mut asleep, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use thread_priority::unix::thread_schedule_policy;

    use super::*;

    fn is_idle() -> bool {
        thread_schedule_policy().unwrap() == IDLE
    }

    async fn run<T: Send + 'static>(lane: &SlowLane, guest: impl Future<Output = T> + Send + 'static) -> T {
        lane.run(&Meter::new(), &Arc::new(Semaphore::new(1)), Box::pin(guest)).await.unwrap()
    }

    #[tokio::test]
    async fn lane_gives_way_to_everything_else() {
        assert!(run(&SlowLane::default(), async { is_idle() }).await);
        assert!(!is_idle(), "the caller keeps its own");
    }

    const SLICES: usize = 100;

    /// A guest that needs so many slices of half a millisecond of CPU; in how many of them its thread was an idle one.
    async fn idle_slices(lane: &SlowLane) -> usize {
        let (mut slices, mut idle) = (0, 0);
        let meter = Meter::new();
        let own = Arc::clone(&meter);
        let guest = poll_fn(move |cx| {
            let before = own.used_now();
            while own.used_now().saturating_sub(before) < Duration::from_micros(500) {}
            slices += 1;
            idle += usize::from(is_idle());
            cx.waker().wake_by_ref();
            if slices == SLICES { Poll::Ready(idle) } else { Poll::Pending }
        });
        lane.run(&meter, &Arc::new(Semaphore::new(1)), Box::pin(guest)).await.unwrap()
    }

    /// Whoever panics leaves no thread behind.
    struct Done<'a>(&'a AtomicBool);

    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn guest_that_starves_gets_a_little_of_a_core() {
        let (lane, done) = (SlowLane::default(), AtomicBool::new(false));
        let threads = 2 * thread::available_parallelism().unwrap().get();
        let (first, second) = thread::scope(|scope| {
            let _done = Done(&done);
            for _ in 0..threads {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let calls = scope.spawn(move || {
                runtime.block_on(async { (idle_slices(&lane).await, idle_slices(&lane).await) })
            });
            calls.join().unwrap()
        });
        assert!(first < SLICES, "it went on elsewhere");
        assert_eq!(second, 0, "the next one knows");
    }
}
