//! `cargo xtask bench enumeration`: whether the time of an answer tells who has an account.
//!
//! Asked of requests that differ in nothing but whether the address is somebody's, in an order that is drawn for each pair,
//! each over a connection of its own. The medians must lie within two in a hundred of each other. What is within chance is
//! no difference: a form tells where the interval that resampling gives lies outside of the bar as a whole. Where a part
//! of it does nothing is known, and what is not known has not passed.
//!
//! Hashes are cheap here. One of the default takes so many milliseconds that it would hide all else; that there is one for
//! everybody is what `runtime/identity/tests/it/enumeration.rs` tests.

mod difference;
mod forms;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use self::difference::{Difference, Draws, Verdict};
use self::forms::{FORMS, Form, KEYS, TENANTS};
use crate::loopback::{get_json, post_json, send};
use crate::node::{self, Node, Profile};
use crate::workspace;

/// The most that the medians may differ, in hundredths of that of nobody.
const BAR: f64 = 2.0;
/// How many have an account, and how many addresses of nobody are asked for: one alone would be in every cache.
const PEOPLE: usize = 64;

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    /// Asked of requests for each form
    #[arg(long, default_value_t = Self::default().pairs)]
    pairs: usize,
    /// What the order within the pairs is drawn with
    #[arg(long, default_value_t = Self::default().seed)]
    seed: u64,
    /// Only forms with this in their names, such as `code`
    #[arg(long, default_value = "")]
    only: String,
}

impl Default for Asked {
    fn default() -> Self {
        Self { pairs: 10_000, seed: 1, only: String::new() }
    }
}

/// Measures each form; fails if one of them tells, or if it is not known of one whether it does.
pub(crate) fn run(amount: &Asked) -> anyhow::Result<()> {
    ensure!(amount.pairs > 0, "nothing would be measured");
    let directory = workspace::target_directory().join("bench/enumeration");
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    let node = Node::start(&node::build(Profile::Release)?, &directory, &forms::configuration())?;
    for tenant in TENANTS {
        for number in 0..PEOPLE {
            make_person(&node, tenant, number)?;
        }
    }
    let mut draws = Draws::new(amount.seed);
    let (mut tell, mut open) = (Vec::new(), Vec::new());
    for form in FORMS.iter().filter(|form| form.name.contains(&amount.only)) {
        let times = measure(&node, form, amount.pairs, &mut draws)?;
        let difference = Difference::of(&times, &mut draws).context("nothing was measured")?;
        let verdict = difference.verdict(BAR);
        println!("{}: {} pairs, {difference}: {verdict}", form.name, times.len());
        match verdict {
            Verdict::Met => {}
            Verdict::Missed => tell.push(form.name),
            Verdict::Open => open.push(form.name),
        }
    }
    node.end()?;
    ensure!(tell.is_empty(), "the time of an answer tells who has an account: {}", tell.join(", "));
    ensure!(open.is_empty(), "more pairs, or a quieter machine, would tell of: {}", open.join(", "));
    Ok(())
}

/// Somebody's address, and nobody's: of one length, and with the same letters.
fn addresses(number: usize) -> (String, String) {
    let number = number % PEOPLE;
    (format!("mina-{number:03}@bench.example"), format!("nima-{number:03}@bench.example"))
}

/// Makes somebody with a password, and with a security key where keys sign in alone.
fn make_person(node: &Node, tenant: &str, number: usize) -> anyhow::Result<()> {
    let keys = if tenant == KEYS { vec![forms::security_key(number)?] } else { Vec::new() };
    let person = json!({
        "schema_id": "default",
        "traits": { "email": addresses(number).0 },
        "credentials": {
            "password": { "config": { "password": "moss-covered lantern 71" } },
            "webauthn": { "config": { "credentials": keys } },
        },
    });
    let identities = format!("{}/t/{tenant}/admin/identities", node.admin);
    post_json(&identities, &[("authorization", &node.authorization())], &person).map(drop)
}

/// The times of pairs: with an account, and without.
fn measure(
    node: &Node,
    form: &Form,
    pairs: usize,
    draws: &mut Draws,
) -> anyhow::Result<Vec<(Duration, Duration)>> {
    let base = format!("{}/t/{}", node.public, form.tenant);
    let pair = |number: usize| {
        let (somebody, nobody) = addresses(number);
        let ask = |address: &str| asked(&base, form, address);
        if draws.coin() {
            let known = ask(&somebody)?;
            return Ok((known, ask(&nobody)?));
        }
        let unknown = ask(&nobody)?;
        Ok((ask(&somebody)?, unknown))
    };
    (0..pairs).map(pair).collect()
}

/// How long a form takes to answer; that it begins is not measured.
fn asked(base: &str, form: &Form, address: &str) -> anyhow::Result<Duration> {
    let flow = get_json(&format!("{base}/self-service/{}/api", form.kind))?;
    let action = flow.pointer("/ui/action").and_then(Value::as_str).context("a flow without its action")?;
    let (_, flow) = action.split_once('?').context("an action without its flow")?;
    // The node listens at this address, also for the tenant that has a name.
    let action = format!("{base}/self-service/{}?{flow}", form.kind);
    let body = serde_json::to_vec(&(form.body)(address))?;
    let headers = [("content-type", "application/json"), ("accept", "application/json")];
    let started = Instant::now();
    let answer = send("POST", &action, &headers, &body)?;
    let took = started.elapsed();
    let text = String::from_utf8_lossy(&answer.body);
    ensure!(matches!(answer.status, 200 | 400), "{}: status {}: {text}", form.name, answer.status);
    // What was refused for another reason would be measured as if it were this.
    ensure!(text.contains(form.says), "{}: the form does not say `{}`: {text}", form.name, form.says);
    Ok(took)
}
