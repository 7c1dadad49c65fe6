//! `cargo xtask bench neighbours`: what a tenant with a hostile plugin costs the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::load::Request;
use super::open_loop::{Latencies, Priority};
use super::ours::Ours;
use super::scenario::{Kind, Peer};
use super::{load, open_loop};
use crate::workspace;

/// Each lasts as long alone as beside the guest, which makes a minute of each.
const ROUNDS: u32 = 6;
const TIME: Duration = Duration::from_secs(10);
/// More than a tenant may run at once, so that its places are always taken.
const HOSTILE_CONNECTIONS: u32 = 32;
const BAR: f64 = 1.5;

/// Measures another tenant's latency at a quarter of its highest rate, alone and beside a guest that never ends, by
/// turns: a machine that is slow for some seconds is slow for both.
pub(super) fn run() -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    let ours = Ours::start_beside_hostile(&Ours::build()?, &directory)?;
    let Some(request) = ours.request(Kind::ClientCredentials)? else { return Ok(()) };
    let hostile = ours.hostile_request()?;
    let rate = load::run(&request, 10, None)?.rate / 4.0;
    let (mut alone, mut beside, mut calls) = (Latencies::default(), Latencies::default(), 0);
    for round in 1..=ROUNDS {
        let first = open_loop::run(&request, rate, TIME, Priority::Ordinary)?;
        let (second, answered) = run_beside(&request, &hostile, rate)?;
        println!("round {round}: p99 {:?} alone, {:?} beside", first.percentile(99), second.percentile(99));
        alone.extend(first);
        beside.extend(second);
        calls += answered;
    }
    let seconds = (TIME * ROUNDS).as_secs();
    let (alone, beside) = (alone.percentile(99), beside.percentile(99));
    println!("{rate:.0} requests a second, {seconds} s each: p99 {alone:?} alone");
    println!("p99 {beside:?} beside a guest that never ends ({calls} of its calls were answered)");
    let ratio = beside.as_secs_f64() / alone.as_secs_f64();
    println!("ratio {ratio:.2}, bar {BAR}: {}", if ratio <= BAR { "met" } else { "MISSED" });
    Box::new(ours).end()
}

/// The same while the hostile guest is called; and how many of its calls were answered.
fn run_beside(request: &Request, hostile: &Request, rate: f64) -> anyhow::Result<(Latencies, u64)> {
    let stop = AtomicBool::new(false);
    let (beside, calls) = std::thread::scope(|scope| {
        let hammering = scope.spawn(|| open_loop::hammer(hostile, HOSTILE_CONNECTIONS, &stop));
        let beside = open_loop::run(request, rate, TIME, Priority::Ordinary);
        stop.store(true, Ordering::Relaxed);
        (beside, hammering.join())
    });
    let calls = calls.map_err(|_| anyhow::anyhow!("the hostile thread panicked"))??;
    Ok((beside?, calls))
}
