//! `cargo xtask bench hook`: the span of a hook call in real requests, at half of the rate that the node can do.

use std::time::Duration;

use super::ours::Ours;
use super::scenario::{Kind, Peer};
use super::{load, open_loop};
use crate::workspace;

const TIME: Duration = Duration::from_secs(20);
/// Microseconds.
const BARS: [(u64, f64); 2] = [(50, 12.0), (99, 40.0)];

/// Measures, and prints the quantiles.
pub(super) fn run() -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    let ours = Ours::start(&Ours::build()?, &directory)?;
    let Some(request) = ours.request(Kind::ClientCredentialsWithPlugin)? else { return Ok(()) };
    let most = load::run(&request, 5, None)?.rate;
    let before = ours.hook_calls()?;
    let latencies = open_loop::run(&request, most / 2.0, TIME)?;
    let calls = ours.hook_calls()?.since(&before);
    println!("{:.0} requests a second are half of what it can do", most / 2.0);
    println!(
        "{} requests, p50 {:?}, p99 {:?} from the time they were due",
        latencies.count(),
        latencies.percentile(50),
        latencies.percentile(99)
    );
    println!("hook calls: {calls}");
    for (percent, bar) in BARS {
        let met = calls.at_most(percent).is_some_and(|bound| bound <= bar);
        println!("bar p{percent} {bar} µs: {}", if met { "met" } else { "MISSED" });
    }
    Box::new(ours).end()
}
