//! How many guests are in the slow lane: whoever looks at them sleeps while there are none.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

/// How many guests are in the slow lane, and whom the first one wakes.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlowGuests(Arc<Guests>);

#[derive(Debug, Default)]
struct Guests {
    count: AtomicUsize,
    wakes: OnceLock<Thread>,
}

impl SlowGuests {
    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        self.0.count.load(Ordering::SeqCst) > 0
    }

    /// Has this thread woken whenever guests come.
    pub(crate) fn wake(&self, thread: Thread) {
        // Set once, by the one ticker that there is.
        let _ = self.0.wakes.set(thread);
    }

    /// Counts one until it leaves.
    pub(crate) fn enter(&self) -> Entered {
        if self.0.count.fetch_add(1, Ordering::SeqCst) == 0
            && let Some(thread) = self.0.wakes.get()
        {
            thread.unpark();
        }
        Entered(self.clone())
    }
}

/// A guest is in the slow lane.
#[derive(Debug)]
pub(crate) struct Entered(SlowGuests);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.count.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// How long somebody waits whom nobody wakes.
    const FOREVER: Duration = Duration::from_mins(1);

    #[test]
    fn first_guest_wakes_whoever_looks_at_them() {
        let guests = SlowGuests::default();
        let looking = guests.clone();
        let (found_none, told) = mpsc::channel();
        let looker = thread::spawn(move || {
            found_none.send(!looking.any()).unwrap();
            let began = Instant::now();
            // May return by itself; what it waits for is what counts.
            while !looking.any() && began.elapsed() < FOREVER {
                thread::park_timeout(FOREVER);
            }
            began.elapsed() < FOREVER
        });
        guests.wake(looker.thread().clone());
        // It sleeps now, or is about to: it has looked when there were none.
        assert!(told.recv().unwrap());
        let (first, second) = (guests.enter(), guests.enter());
        assert!(looker.join().unwrap(), "nobody woke it");
        drop(first);
        assert!(guests.any());
        drop(second);
        assert!(!guests.any());
    }
}
