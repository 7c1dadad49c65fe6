//! Chains from threads that mostly sleep: what is made before a measurement, and requests at a fixed rate.

use anyhow::Context;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Chain, Wire, runtime};
use crate::bench::open_loop::{CONNECTIONS, Latencies, on_threads, pace};

/// Does `work` for each number below `count`, over so many connections at a time; the first failure ends it.
pub(in crate::bench) fn each_on_wires<T: Send>(
    authority: &str,
    (count, connections): (usize, u32),
    work: impl AsyncFn(usize, &mut Wire) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let one = |_| -> anyhow::Result<Vec<T>> {
        runtime()?.block_on(async {
            let mut wire = Wire::open(authority).await?;
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(done);
                }
                // A failure here ends the other connections too.
                let failed = || next.store(count, Ordering::Relaxed);
                let made = work(number, &mut wire).await.inspect_err(|_| failed());
                done.push(made.with_context(|| format!("number {number}"))?);
            }
        })
    };
    Ok(on_threads(connections, one)?.into_iter().flatten().collect())
}

/// Goes on with chains by turns, `rate` steps a second in all, whether or not the server keeps up. Each latency counts from the
/// time at which its step was due.
///
/// Each connection has some of the chains for itself, so that none is under way twice.
pub(in crate::bench) fn paced(chains: &mut [Chain], rate: f64, time: Duration) -> anyhow::Result<Latencies> {
    let share = chains.len().div_ceil(usize::try_from(CONNECTIONS)?).max(1);
    let parts: Vec<_> = chains.chunks_mut(share).map(|part| Mutex::new(Some(part))).collect();
    pace(u32::try_from(parts.len())?, rate, time, |number| {
        let part = parts.get(usize::try_from(number)?).context("a part of the chains")?;
        let part = part.lock().unwrap_or_else(PoisonError::into_inner).take();
        let part = part.context("chains that nobody else has")?;
        let runtime = runtime()?;
        let mut wire = runtime.block_on(Wire::open(part.first().context("a chain")?.authority()))?;
        let mut turn = 0;
        Ok(move || {
            let next = (turn + 1) % part.len();
            let chain = part.get_mut(turn).context("a chain")?;
            turn = next;
            runtime.block_on(chain.step(&mut wire)).map(drop)
        })
    })
}
