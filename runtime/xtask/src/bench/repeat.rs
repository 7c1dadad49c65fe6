//! The same thing a number of times, from several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Does `what` exactly `count` times on `threads` threads; the first failure ends it.
pub(super) fn times(
    count: usize,
    threads: usize,
    what: impl Fn() -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    each(count, threads, |_| what())
}

/// Does `what` for each number below `count`.
pub(super) fn each(
    count: usize,
    threads: usize,
    what: impl Fn(usize) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            // A failure here ends the other threads too.
            what(number).inspect_err(|_| next.store(count, Ordering::Relaxed))?;
        }
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread of the bench panicked")))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{each, times};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn each_number_comes_once() {
        let sum = AtomicUsize::new(0);
        each(101, 4, |number| {
            sum.fetch_add(number, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        assert_eq!(sum.into_inner(), 5050);
    }

    #[test]
    fn a_failure_is_reported() {
        assert!(times(3, 2, || anyhow::bail!("no")).is_err());
    }
}
