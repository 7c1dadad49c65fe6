//! `cargo xtask bench sessions`: how many sessions a node shows per second, by cookie and by token, and how long one takes
//! at half of that.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::time::Duration;

use super::database::{config, migrate};
use super::load::{self, Request};
use super::machine::cpu_time;
use super::open_loop::{self, Priority};
use super::ours::{PERSON, native_login};
use crate::loopback::{Answer, send};
use crate::node::{self, Node, Profile};
use crate::workspace;

const SECONDS: u32 = 10;
const RATE_BAR: f64 = 25_000.0;
const LATENCY_BAR: Duration = Duration::from_millis(5);

/// Where the sessions are kept.
#[derive(Debug, clap::Args)]
pub(crate) struct Database {
    /// `postgres://…` of an empty database; without it, SQLite
    #[arg(long)]
    storage: Option<String>,
}

/// Measures, and prints a row for each kind.
pub(super) fn run(database: &Database) -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench/sessions");
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    let storage = database.storage.as_ref().map(|url| config(url));
    let binary = node::build(Profile::Release)?;
    if let Some(storage) = &storage {
        migrate(&binary, &directory, storage)?;
    }
    let node = Node::start(&binary, &directory, &storage.unwrap_or_default())?;
    node.make_person("", PERSON.0, PERSON.1)?;
    println!(
        "| whoami by | per second | CPU each | p50 and p99 at half of it | bars |\n|---|---|---|---|---|"
    );
    let token = native_login(&node.public, PERSON.0, PERSON.1)?;
    measure(&node, "cookie", ("cookie", browser_login(&node.public, PERSON)?))?;
    measure(&node, "token", ("x-session-token", token))?;
    node.end()
}

fn measure(node: &Node, by: &str, proof: (&'static str, String)) -> anyhow::Result<()> {
    let request = Request {
        method: "GET",
        url: format!("{}/sessions/whoami", node.public),
        body: String::new(),
        headers: vec![proof, ("accept", "application/json".to_owned())],
    };
    load::run(&request, 3, None)?;
    let before = cpu_time(node.pid())?;
    let most = load::run(&request, SECONDS, None)?;
    let cpu = cpu_time(node.pid())?.saturating_sub(before) / u32::try_from(most.answers)?;
    let half =
        open_loop::run(&request, most.rate / 2.0, Duration::from_secs(SECONDS.into()), Priority::Ordinary)?;
    let (p50, p99) = (half.percentile(50), half.percentile(99));
    let met = if most.rate >= RATE_BAR && p99 < LATENCY_BAR { "met" } else { "MISSED" };
    println!("| {by} | {:.0} | {cpu:?} | {p50:?}, {p99:?} | {met} |", most.rate);
    Ok(())
}

/// Signs in as a page's script does, and returns the cookies that the browser then sends.
pub(super) fn browser_login(base: &str, (identifier, password): (&str, &str)) -> anyhow::Result<String> {
    let json_please = ("accept", "application/json");
    let begun = send("GET", &format!("{base}/self-service/login/browser"), &[json_please], b"")?;
    let flow = begun.json()?;
    let action = flow.pointer("/ui/action").and_then(Value::as_str).context("a flow without its action")?;
    let nodes = flow.pointer("/ui/nodes").and_then(Value::as_array).context("a flow without nodes")?;
    let csrf = nodes.iter().find(|node| node.pointer("/attributes/name") == Some(&json!("csrf_token")));
    let csrf = csrf.and_then(|node| node.pointer("/attributes/value")).context("a flow without its token")?;
    let form = json!({
        "method": "password",
        "identifier": identifier,
        "password": password,
        "csrf_token": csrf,
    });
    let cookies = begun.cookies.join("; ");
    let headers = [("content-type", "application/json"), json_please, ("cookie", cookies.as_str())];
    let answer: Answer = send("POST", action, &headers, &serde_json::to_vec(&form)?)?;
    answer.json()?;
    // The form's own is taken away by an empty one.
    let kept: Vec<_> = answer.cookies.into_iter().filter(|cookie| !cookie.ends_with('=')).collect();
    ensure!(!kept.is_empty(), "a sign-in without a cookie");
    Ok(kept.join("; "))
}
