//! `cargo xtask bench hook`: the span of a hook call in real requests, at half of the rate that the node can do.

use anyhow::Context;
use std::time::Duration;

use super::hook_calls::HookCalls;
use super::open_loop::Priority;
use super::ours::Ours;
use super::scenario::{Kind, Peer};
use super::{cores, load, open_loop};
use crate::workspace;

const TIME: Duration = Duration::from_secs(20);
/// Microseconds.
const BARS: [(u64, f64); 2] = [(50, 12.0), (99, 40.0)];

/// Measures, and prints the quantiles: with the load generator on the node's cores, there also at low priority, then
/// with a core that is the node's alone. The bars are for the latter: the span of a call that loses its core in the
/// middle says when it got it back.
pub(super) fn run() -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    let built = Ours::build()?;
    println!("the load generator on the node's cores:");
    measure(Ours::start(&built, &directory)?, Priority::Ordinary)?;
    println!("the same, where it stops no worker in the middle of a call:");
    measure(Ours::start(&built, &directory)?, Priority::Low)?;
    println!("a core for the node, the others for the load generator:");
    let calls = cores::apart(|| Ours::start(&built, &directory), |ours| measure(ours, Priority::Ordinary))?;
    for (percent, bar) in BARS {
        let met = calls.at_most(percent).is_some_and(|bound| bound <= bar);
        println!("bar p{percent} {bar} µs: {}", if met { "met" } else { "MISSED" });
    }
    Ok(())
}

fn measure(ours: Ours, priority: Priority) -> anyhow::Result<HookCalls> {
    let request = ours.request(Kind::ClientCredentialsWithPlugin)?.context("no such request")?;
    let most = load::run(&request, 5, None)?.rate;
    let before = ours.hook_calls()?;
    let latencies = open_loop::run(&request, most / 2.0, TIME, priority)?;
    let calls = ours.hook_calls()?.since(&before);
    println!("  {:.0} requests a second are half of what it can do", most / 2.0);
    println!(
        "  {} requests, p50 {:?}, p99 {:?} from the time they were due",
        latencies.count(),
        latencies.percentile(50),
        latencies.percentile(99)
    );
    println!("  hook calls: {calls}");
    Box::new(ours).end()?;
    Ok(calls)
}
