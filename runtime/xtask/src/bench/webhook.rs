//! `cargo xtask bench webhook`: a claim that a plugin maps, against the same mapping by a webhook on loopback.
//!
//! The webhook is as cheap as one can be: a connection that stays open, a client that only writes and reads bytes, no
//! TLS, no signature, a server that does nothing else.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::load::Request;
use super::open_loop::Connection;
use crate::loopback::free_port;
use crate::node::{self, Profile};
use crate::server::Server;
use crate::{install, workspace};

const ROUNDS: usize = 3;
const CALLS: u32 = 5_000;
/// The least ratio that is expected.
const EXPECTED: f64 = 20.0;

pub(super) fn run() -> anyhow::Result<()> {
    install::debian_packages(&[install::NODE])?;
    let binary = node::build(Profile::Release)?;
    let place = tempfile::tempdir()?;
    let project = plugin(&binary, place.path())?;
    let port = free_port()?;
    let mut command = Command::new("node");
    let script = workspace::root().join("tests/load/webhook.mjs");
    command.arg(script).arg(port.to_string()).env("NODE_ENV", "production");
    let mut server = Server::start("webhook", &mut command, &place.path().join("webhook.log"))?;
    let body =
        r#"{"client":"web","grant_type":"authorization_code","scopes":["openid"],"subject":{"id":"ada"}}"#;
    let request = Request {
        method: "POST",
        url: format!("http://127.0.0.1:{port}/"),
        body: body.to_owned(),
        headers: vec![("content-type", "application/json".to_owned())],
    };
    server.wait_until(|| Connection::open(&request).is_ok(), Duration::from_secs(10))?;
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (hook, webhook) = (call_plugin(&binary, &project)?, call_webhook(&request)?);
        println!("round {round}: p50 {hook:.1} µs by the plugin, {webhook:.1} µs by the webhook");
        ratios.push(webhook / hook);
    }
    server.end()?;
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios.get(ROUNDS / 2).copied().context("no round")?;
    let verdict = if ratio >= EXPECTED { "met" } else { "MISSED" };
    println!("ratio {ratio:.1} (median of {ROUNDS}), at least {EXPECTED} expected: {verdict}");
    Ok(())
}

/// A project in Rust, as `plugin new` makes it, built.
fn plugin(binary: &Path, place: &Path) -> anyhow::Result<std::path::PathBuf> {
    let command = |directory: &Path, arguments: &[&str]| {
        let mut command = Command::new(binary);
        workspace::forget_cargo(&mut command);
        command.arg("plugin").args(arguments).current_dir(directory).stdout(Stdio::null());
        command.env("CARGO_TARGET_DIR", workspace::target_directory().join("projects"));
        command
    };
    workspace::run(&mut command(place, &["new", "plan", "--language", "rust", "--hook", "token"]))?;
    let project = place.join("plan");
    workspace::run(&mut command(&project, &["build"]))?;
    ensure!(fs::exists(project.join("build/plan.wasm"))?, "nothing was built");
    Ok(project)
}

/// Microseconds of the median call, through the real host.
fn call_plugin(binary: &Path, project: &Path) -> anyhow::Result<f64> {
    let mut bench = Command::new(binary);
    bench.args(["plugin", "bench", "--json", "--calls", &CALLS.to_string()]).current_dir(project);
    let figures = bench.output()?;
    ensure!(figures.status.success(), "bench: {}", String::from_utf8_lossy(&figures.stderr));
    let figures: Value = serde_json::from_slice(&figures.stdout)?;
    figures.get("p50_us").and_then(Value::as_f64).context("no p50_us")
}

/// Microseconds of the median call, one after the other.
fn call_webhook(request: &Request) -> anyhow::Result<f64> {
    let mut connection = Connection::open(request)?;
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let start = Instant::now();
        let status = connection.exchange()?;
        times.push(start.elapsed());
        ensure!(status == 200, "status {status}");
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).context("no call")?;
    Ok(median.as_secs_f64() * 1e6)
}
