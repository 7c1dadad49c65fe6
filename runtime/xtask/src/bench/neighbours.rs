//! `cargo xtask bench neighbours`: what a tenant with a hostile plugin costs the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ours::Ours;
use super::scenario::{Kind, Peer};
use super::{load, open_loop};
use crate::workspace;

const TIME: Duration = Duration::from_mins(1);
/// More than a tenant may run at once, so that its places are always taken.
const HOSTILE_CONNECTIONS: u32 = 32;
const BAR: f64 = 1.5;

/// Measures another tenant's latency at a quarter of its highest rate, alone and beside a guest that never ends.
pub(super) fn run() -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    let ours = Ours::start_beside_hostile(&Ours::build()?, &directory)?;
    let Some(request) = ours.request(Kind::ClientCredentials)? else { return Ok(()) };
    let hostile = ours.hostile_request()?;
    let rate = load::run(&request, 10, None)?.rate / 4.0;
    let alone = open_loop::run(&request, rate, TIME)?.percentile(99);
    let stop = AtomicBool::new(false);
    let (beside, calls) = std::thread::scope(|scope| {
        let hammering = scope.spawn(|| open_loop::hammer(&hostile, HOSTILE_CONNECTIONS, &stop));
        let beside = open_loop::run(&request, rate, TIME);
        stop.store(true, Ordering::Relaxed);
        (beside, hammering.join())
    });
    let beside = beside?.percentile(99);
    let calls = calls.map_err(|_| anyhow::anyhow!("the hostile thread panicked"))??;
    println!("{rate:.0} requests a second for {} s: p99 {alone:?} alone", TIME.as_secs());
    println!("p99 {beside:?} beside a guest that never ends ({calls} of its calls were answered)");
    let ratio = beside.as_secs_f64() / alone.as_secs_f64();
    println!("ratio {ratio:.2}, bar {BAR}: {}", if ratio <= BAR { "met" } else { "MISSED" });
    Box::new(ours).end()
}
