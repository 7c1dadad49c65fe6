//! `cargo xtask bench webhook`: a claim that a plugin maps, against the same mapping by a webhook on loopback.
//!
//! Both do the same work: from what is asked, as values, to claims that were checked. The plugin is called by the real
//! host. The webhook is called as a server calls one that is written in Rust, too: a pool of connections that stay open, a
//! deadline, a bounded answer, JSON both ways. It is a service of its own in Node.js that parses, answers and logs a line
//! for each request. What makes webhooks slower yet is left out in its favour: TLS, signatures, a network, a database.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::loopback::free_port;
use crate::node::{self, Profile};
use crate::server::Server;
use crate::{install, workspace};

const ROUNDS: usize = 3;
const CALLS: u32 = 5_000;
/// The least ratio that is expected.
const EXPECTED: f64 = 20.0;
/// How long a webhook may take, and how large its answer may be: usual bounds, which it keeps.
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_BYTES: usize = 64 << 10;

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
    server.wait_until(|| TcpStream::connect(("127.0.0.1", port)).is_ok(), Duration::from_secs(10))?;
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (hook, webhook) = (call_plugin(&binary, &project)?, call_webhook(&Caller::new(port)?)?);
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

/// What a service is asked for.
#[derive(Debug, Serialize)]
struct Asked<'a> {
    client: &'a str,
    grant_type: &'a str,
    scopes: &'a [&'a str],
    subject: Subject<'a>,
}

#[derive(Debug, Serialize)]
struct Subject<'a> {
    id: &'a str,
}

/// What it answers.
#[derive(Debug, Deserialize)]
struct Answered {
    issue: Claims,
}

#[derive(Debug, Deserialize)]
struct Claims {
    id_token: Map<String, Value>,
    access_token: Map<String, Value>,
}

/// What a server has that calls webhooks: connections that stay open, and only so much patience.
struct Caller {
    client: Client<HttpConnector, Full<Bytes>>,
    url: Uri,
}

impl Caller {
    fn new(port: u16) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, url: format!("http://127.0.0.1:{port}/claims").parse()? })
    }

    async fn ask(&self, asked: &Asked<'_>) -> anyhow::Result<Answered> {
        let request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(serde_json::to_vec(asked)?))?;
        let answered = async {
            let answer = self.client.request(request).await?;
            ensure!(answer.status() == StatusCode::OK, "status {}", answer.status());
            let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
            body.map_err(|error| anyhow!(error))
        };
        let body = tokio::time::timeout(PATIENCE, answered).await.context("no answer in time")??;
        Ok(serde_json::from_slice(&body.to_bytes())?)
    }
}

/// Microseconds of the median call, one after the other.
fn call_webhook(caller: &Caller) -> anyhow::Result<f64> {
    let asked = Asked {
        client: "web",
        grant_type: "authorization_code",
        scopes: &["openid"],
        subject: Subject { id: "ada" },
    };
    let mut times = Vec::new();
    // As `plugin bench` has it: one thread, which runs nothing else.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for _ in 0..CALLS {
            let start = Instant::now();
            let Answered { issue } = caller.ask(&asked).await?;
            times.push(start.elapsed());
            let plan = |claims: &Map<String, Value>| claims.get("plan").is_some_and(|plan| plan == "team");
            ensure!(plan(&issue.id_token) && plan(&issue.access_token), "another answer: {issue:?}");
        }
        Ok(())
    })?;
    times.sort_unstable();
    let median = times.get(times.len() / 2).context("no call")?;
    Ok(median.as_secs_f64() * 1e6)
}
