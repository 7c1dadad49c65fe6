//! `cargo xtask bench import`: how many identities with hashed passwords a node takes in, per second.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::machine::cpu_time;
use super::repeat::each;
use crate::loopback::send;
use crate::node::{self, Node, Profile};
use crate::workspace;

/// Identities of one request: as many as the API takes.
const BATCH: usize = 1_000;
const BAR: f64 = 5_000.0;
/// Whoever imports sends so many requests at a time.
const CALLERS: usize = 2;

/// How many.
#[derive(Debug, clap::Args)]
pub(crate) struct Amount {
    /// Identities in all
    #[arg(long, default_value_t = 100_000)]
    pub(super) identities: usize,
}

/// Imports into an empty SQLite database, and says how fast its last tenth was, too.
pub(super) fn run(amount: &Amount) -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench/import");
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    let node = Node::start(&node::build(Profile::Release)?, &directory, "")?;
    let before = cpu_time(node.pid())?;
    let (whole, tail) = fill(&node, amount.identities)?;
    let cpu = cpu_time(node.pid())?.saturating_sub(before) / u32::try_from(amount.identities)?;
    println!(
        "{} identities with hashed passwords in requests of {BATCH}, {CALLERS} at a time: {whole:.0} per second, \
         {tail:.0} in the last tenth; {cpu:?} of CPU each",
        amount.identities
    );
    println!("bar {BAR:.0} per second: {}", if whole >= BAR { "met" } else { "MISSED" });
    let found = found_by_search(&node, amount.identities)?;
    println!("search finds the last of them {:.1} s later", found.as_secs_f64());
    node.end()
}

/// Imports so many, and gives the rate of all and of the last tenth.
pub(super) fn fill(node: &Node, identities: usize) -> anyhow::Result<(f64, f64)> {
    let batches = identities.div_ceil(BATCH);
    let began = Instant::now();
    let ends = Mutex::new(Vec::with_capacity(batches));
    each(batches, CALLERS, |number| {
        import_batch(node, number)?;
        ends.lock().unwrap_or_else(PoisonError::into_inner).push(began.elapsed());
        Ok(())
    })?;
    let mut ends = ends.into_inner().unwrap_or_else(PoisonError::into_inner);
    ends.sort_unstable();
    let tenth = (batches / 10).max(1);
    let since = batches.checked_sub(tenth + 1).and_then(|at| ends.get(at)).copied().unwrap_or_default();
    let last = ends.last().copied().unwrap_or_default();
    Ok((rate(batches, last), rate(tenth, last.saturating_sub(since))))
}

/// Waits until search finds the last: they are taken in the order of their ids, which is that of the import.
pub(super) fn found_by_search(node: &Node, identities: usize) -> anyhow::Result<Duration> {
    /// How often it is asked.
    const EVERY: Duration = Duration::from_millis(250);
    /// When it is given up.
    const MOST: Duration = Duration::from_hours(1);
    let began = Instant::now();
    let last = person_of(identities.div_ceil(BATCH) * BATCH - 1);
    let address = last.pointer("/traits/email").and_then(Value::as_str).context("an address")?;
    let url = format!("{}/admin/portcullis/v1/identities?address={address}", node.admin);
    while began.elapsed() < MOST {
        let answer = send("GET", &url, &[("authorization", &node.authorization())], b"")?.json()?;
        if answer.pointer("/identities/0").is_some() {
            return Ok(began.elapsed());
        }
        std::thread::sleep(EVERY);
    }
    anyhow::bail!("search does not find {address} after {} s", MOST.as_secs())
}

#[expect(clippy::cast_precision_loss, reason = "batches are few")]
fn rate(batches: usize, took: Duration) -> f64 {
    (batches * BATCH) as f64 / took.as_secs_f64()
}

fn import_batch(node: &Node, number: usize) -> anyhow::Result<()> {
    let patches: Vec<Value> =
        (number * BATCH..(number + 1) * BATCH).map(|person| json!({ "create": person_of(person) })).collect();
    let body = serde_json::to_vec(&json!({ "identities": patches }))?;
    let headers = [("content-type", "application/json"), ("authorization", &node.authorization())];
    let answer = send("PATCH", &format!("{}/admin/identities", node.admin), &headers, &body)?.json()?;
    let outcomes =
        answer.get("identities").and_then(Value::as_array).context("an answer without identities")?;
    let made = outcomes.iter().filter(|outcome| outcome.get("action") == Some(&json!("create"))).count();
    ensure!(made == BATCH, "{made} of {BATCH} were made: {:?}", outcomes.first());
    Ok(())
}

/// Somebody, told from others by a number.
pub(super) fn person_of(number: usize) -> Value {
    const FIRST: [&str; 16] = [
        "Ada", "Alan", "Barbara", "Charles", "Donald", "Edsger", "Frances", "Grace", "Hedy", "John", "Karen",
        "Leslie", "Margaret", "Niklaus", "Radia", "Tim",
    ];
    let first = FIRST.get(number % FIRST.len()).unwrap_or(&"Ada");
    let last = format!("Person{}", number / FIRST.len());
    json!({
        "schema_id": "default",
        "traits": {
            "email": format!("{}.{}.{number}@example.com", first.to_lowercase(), last.to_lowercase()),
            "name": { "first": first, "last": last },
        },
        "state": if number.is_multiple_of(1000) { "inactive" } else { "active" },
        "credentials": { "password": { "config": {
            "hashed_password": "$2b$12$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2",
        }}},
    })
}
