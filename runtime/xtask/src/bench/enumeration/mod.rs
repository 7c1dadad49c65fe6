//! `cargo xtask bench enumeration`: whether the time of an answer tells who has an account.
//!
//! Pairs of requests that differ in nothing but whether the address is somebody's, the one first and the other first in
//! turn, each over a connection of its own. The medians must lie within two in a hundred of each other.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use super::ours::{Ours, PERSON};
use super::scenario::Peer as _;
use crate::loopback::{get_json, send};
use crate::workspace;

/// As long as [`PERSON`]'s, and nobody's.
const NOBODY: &str = "xench@bench.example";
/// The most that the medians may differ, in hundredths of the lesser.
const BAR: f64 = 2.0;

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Pairs {
    /// Pairs of requests for each form
    #[arg(long, default_value_t = 10_000)]
    pairs: u32,
}

/// A form: the path at which it begins, what it is called here, and what is submitted for an address.
struct Form(&'static str, &'static str, fn(&str) -> Value);

const FORMS: [Form; 6] = [
    Form(
        "registration",
        "registration with a password",
        |email| json!({ "method": "password", "password": "battery staple 9", "traits": { "email": email } }),
    ),
    Form(
        "registration",
        "registration with a code",
        |email| json!({ "method": "code", "traits": { "email": email } }),
    ),
    Form(
        "login",
        "login with a password",
        |email| json!({ "method": "password", "identifier": email, "password": "not the one at all" }),
    ),
    Form("login", "login with a code", |email| json!({ "method": "code", "identifier": email })),
    Form("recovery", "recovery", |email| json!({ "method": "code", "email": email })),
    Form("verification", "verification", |email| json!({ "method": "code", "email": email })),
];

/// Measures each form.
pub(super) fn run(amount: &Pairs) -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    let ours = Ours::start_mitigating(&Ours::build()?, &directory)?;
    ours.make_person()?;
    ensure!(NOBODY.len() == PERSON.0.len(), "the two addresses are of one length");
    for Form(kind, name, body) in FORMS {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for number in 0..amount.pairs {
            let somebody = |times: &mut Vec<Duration>| -> anyhow::Result<()> {
                times.push(asked(ours.base(), kind, &body(PERSON.0))?);
                Ok(())
            };
            let nobody = |times: &mut Vec<Duration>| -> anyhow::Result<()> {
                times.push(asked(ours.base(), kind, &body(NOBODY))?);
                Ok(())
            };
            if number.is_multiple_of(2) {
                somebody(&mut known)?;
                nobody(&mut unknown)?;
            } else {
                nobody(&mut unknown)?;
                somebody(&mut known)?;
            }
        }
        let (known, unknown) = (median(known)?, median(unknown)?);
        let (less, more) = (known.min(unknown), known.max(unknown));
        let apart = (more.as_secs_f64() / less.as_secs_f64() - 1.0) * 100.0;
        let verdict = if apart <= BAR { "met" } else { "MISSED" };
        println!(
            "{name}: {} pairs, medians {known:?} with an account and {unknown:?} without, {apart:.2} % apart: {verdict}",
            amount.pairs
        );
    }
    Box::new(ours).end()
}

/// How long a form takes to answer; that it begins is not measured.
fn asked(base: &str, kind: &str, body: &Value) -> anyhow::Result<Duration> {
    let flow = get_json(&format!("{base}/self-service/{kind}/api"))?;
    let action = flow.pointer("/ui/action").and_then(Value::as_str).context("a flow without its action")?;
    let body = serde_json::to_vec(body)?;
    let headers = [("content-type", "application/json"), ("accept", "application/json")];
    let started = Instant::now();
    let answer = send("POST", action, &headers, &body)?;
    let took = started.elapsed();
    ensure!(
        matches!(answer.status, 200 | 400),
        "{kind}: status {}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    Ok(took)
}

fn median(mut times: Vec<Duration>) -> anyhow::Result<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied().context("nothing was measured")
}
