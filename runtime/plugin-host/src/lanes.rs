//! Where guests run: at first on the worker that calls, and what needs long in the slow lane.
//!
//! A worker has requests of everybody to answer, so a guest may hold it for two slices. What is not done
//! then goes on in the slow lane (`slow_lane.rs`): so one tenant's guests cost the others neither their cores nor
//! their end.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::meter::Meter;
use crate::slow_lane::{SlowLane, woken};
use crate::usual::Usual;

/// A guest that used more than this without being done was made to yield at a tick, and needs long.
pub(crate) const QUICK: Duration = Duration::from_micros(200);

/// What a guest may use on a worker in slices each of which is quick, as those of one that waits for the host are.
const AT_MOST: Duration = Duration::from_millis(4);

/// A guest on its way to its end.
pub(crate) type Guest<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Which way a call goes.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    /// Where it goes on when it needs long.
    pub(crate) slow: &'a SlowLane,
    /// The turns of its tenant there.
    pub(crate) turns: &'a Arc<Semaphore>,
    /// Whether it goes there at once, since its like have needed long before.
    pub(crate) at_once: bool,
    /// What its like use.
    pub(crate) usual: &'a Usual,
}

/// Whether a guest goes on where it was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Here {
    /// Yes: nothing is known against it.
    ByTheWall,
    /// Once more. By the clock on the wall it needs long, but perhaps its thread only did not run: on a busy
    /// machine most that seem to need long are done in a moment, and in the slow lane they might never be. Its
    /// next slice is measured by the CPU time of the thread.
    ByCpu,
    /// No longer.
    No,
}

/// Runs a guest to its end and counts what it uses. Whoever drops this ends the guest, at its next tick at
/// the latest. `None` where there is no thread for it.
pub(crate) async fn run<T: Send + 'static>(
    meter: &Arc<Meter>,
    way: Way<'_>,
    mut guest: Guest<T>,
) -> Option<T> {
    let mut here = if way.at_once { Here::No } else { Here::ByTheWall };
    while here != Here::No {
        let before = meter.used();
        // Of a plugin of which nothing is known yet, what is learned from one call concerns all that come with it.
        let by_cpu = here == Here::ByCpu || way.usual.is_unknown();
        match poll_fn(|cx| Poll::Ready(meter.poll(by_cpu, || guest.as_mut().poll(cx)))).await {
            Poll::Ready(output) => return Some(output),
            Poll::Pending if meter.used().saturating_sub(before) < QUICK && meter.used() < AT_MOST => {
                woken().await;
            }
            Poll::Pending => {
                if by_cpu {
                    way.usual.suspect();
                }
                if here == Here::ByCpu {
                    here = Here::No;
                } else {
                    here = Here::ByCpu;
                    woken().await;
                }
            }
        }
    }
    way.slow.run(meter, way.turns, guest).await
}

#[cfg(test)]
mod tests {
    use std::mem;
    use std::pin::pin;
    use std::thread::{self, ThreadId};
    use std::time::Instant;

    use super::*;

    /// What a call needs to go its way.
    struct Lane {
        slow: SlowLane,
        turns: Arc<Semaphore>,
        usual: Usual,
    }

    impl Lane {
        /// For calls of a plugin of which nothing is known.
        fn unknown() -> Self {
            let (turns, usual) = (Arc::new(Semaphore::new(1)), Usual::new(Duration::from_millis(50)));
            Self { slow: SlowLane::default(), turns, usual }
        }

        /// For calls of a plugin that is quick.
        fn quick() -> Self {
            let lane = Self::unknown();
            lane.usual.learn(Duration::from_micros(10));
            lane
        }

        async fn run<T: Send + 'static>(
            &self,
            at_once: bool,
            guest: impl Future<Output = T> + Send + 'static,
        ) -> T {
            let way = Way { slow: &self.slow, turns: &self.turns, at_once, usual: &self.usual };
            run(&Meter::new(), way, Box::pin(guest)).await.unwrap()
        }

        /// Runs a guest that does this at each of so many polls; on which threads it was.
        async fn threads(
            &self,
            at_once: bool,
            polls: usize,
            mut at_each: impl FnMut(usize) + Send + 'static,
        ) -> Vec<ThreadId> {
            let mut seen = Vec::new();
            let guest = poll_fn(move |cx| {
                at_each(seen.len());
                seen.push(thread::current().id());
                cx.waker().wake_by_ref();
                if seen.len() == polls { Poll::Ready(mem::take(&mut seen)) } else { Poll::Pending }
            });
            self.run(at_once, guest).await
        }
    }

    /// Holds the core for so long.
    fn spin(time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {}
    }

    #[tokio::test]
    async fn what_is_done_quickly_stays_where_it_was_called() {
        let here = thread::current().id();
        assert_eq!(Lane::quick().threads(false, 3, |_| {}).await, [here; 3]);
    }

    #[tokio::test]
    async fn what_needs_long_leaves_after_its_second_slice() {
        let here = thread::current().id();
        for lane in [Lane::quick(), Lane::unknown()] {
            let seen = lane.threads(false, 5, |_| spin(Duration::from_millis(5))).await;
            assert_eq!(seen.iter().position(|thread| *thread != here), Some(2), "{seen:?}");
            assert!(!seen[2..].contains(&here), "{seen:?}");
        }
    }

    #[tokio::test]
    async fn first_slice_of_a_plugin_that_nobody_knows_warns_the_others() {
        for (lane, is_long) in [(Lane::unknown(), true), (Lane::quick(), false)] {
            // Never woken, so never in its second slice.
            let mut call = pin!(lane.run(
                false,
                poll_fn(|_| {
                    spin(Duration::from_millis(5));
                    Poll::<()>::Pending
                })
            ));
            assert!(poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await.is_pending());
            assert_eq!(lane.usual.is_long(), is_long);
        }
    }

    #[tokio::test]
    async fn guest_whose_thread_did_not_run_stays() {
        let here = thread::current().id();
        for (slices, polls) in [(1, 4), (3, 5)] {
            let sleep = move |poll| {
                if poll < slices {
                    thread::sleep(Duration::from_millis(3));
                }
            };
            assert_eq!(Lane::quick().threads(false, polls, sleep).await, vec![here; polls]);
        }
    }

    #[tokio::test]
    async fn many_quick_slices_are_long_together() {
        let here = thread::current().id();
        let seen = Lane::quick().threads(false, 100, |_| spin(Duration::from_micros(150))).await;
        assert!(seen.first() == Some(&here) && seen.last() != Some(&here));
    }

    #[tokio::test]
    async fn what_is_known_to_need_long_never_holds_the_worker() {
        let here = thread::current().id();
        assert!(!Lane::quick().threads(true, 2, |_| {}).await.contains(&here));
    }

    #[tokio::test]
    async fn lane_knows_whether_guests_are_in_it() {
        let lane = Lane::quick();
        for at_once in [true, false] {
            let guests = lane.slow.guests();
            assert_eq!(lane.run(at_once, async move { guests.any() }).await, at_once);
        }
        // The task leaves after it has answered.
        while lane.slow.guests().any() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn guest_whose_caller_is_gone_ends() {
        let lane = Lane::quick();
        let (ended, when_ended) = tokio::sync::oneshot::channel::<()>();
        let guest = async move {
            let _ended_with_me = ended;
            std::future::pending::<()>().await;
        };
        {
            let call = lane.run(true, guest);
            tokio::select! { biased; () = call => panic!("it never ends"), () = tokio::task::yield_now() => {} }
        }
        when_ended.await.unwrap_err();
    }
}
