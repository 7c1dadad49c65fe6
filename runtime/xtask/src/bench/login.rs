//! `cargo xtask bench login`: what a login with a password costs besides its hash.

use anyhow::Context;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::machine::cpu_time;
use super::ours::{Ours, PERSON};
use super::repeat::times;
use super::scenario::Peer as _;
use crate::loopback::{get_json, post_json};
use crate::workspace;

const LOGINS: u32 = 2_000;
const BAR: Duration = Duration::from_millis(1);

/// Measures the node's CPU time for logins whose hash costs next to nothing, one after the other, each over a
/// connection of its own; and, apart from that, for the flows in which they happen.
pub(super) fn run() -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    let ours = Ours::start_with_cheap_hashes(&Ours::build()?, &directory)?;
    ours.make_person()?;
    let base = ours.base();
    let actions = Mutex::new(Vec::new());
    let begin = || -> anyhow::Result<()> {
        let flow = get_json(&format!("{base}/self-service/login/api"))?;
        let action =
            flow.pointer("/ui/action").and_then(Value::as_str).context("a flow without its action")?;
        actions.lock().unwrap_or_else(PoisonError::into_inner).push(action.to_owned());
        Ok(())
    };
    let form = json!({ "method": "password", "identifier": PERSON.0, "password": PERSON.1 });
    let login = || -> anyhow::Result<()> {
        let action =
            actions.lock().unwrap_or_else(PoisonError::into_inner).pop().context("no flow is left")?;
        let answer = post_json(&action, &[], &form)?;
        answer.get("session_token").context("an answer without a session token").map(drop)
    };
    let flow = cpu_of_each(&ours, begin)?;
    let login = cpu_of_each(&ours, login)?;
    println!(
        "{LOGINS} logins: {login:?} of CPU each, with a hash of 8 KiB and one iteration; the flow {flow:?}"
    );
    println!("bar {BAR:?}: {}", if login <= BAR { "met" } else { "MISSED" });
    Box::new(ours).end()
}

fn cpu_of_each(ours: &Ours, what: impl Fn() -> anyhow::Result<()> + Sync) -> anyhow::Result<Duration> {
    let before = cpu_time(ours.pid())?;
    times(LOGINS as usize, 1, what)?;
    Ok(cpu_time(ours.pid())?.saturating_sub(before) / LOGINS)
}
