//! `cargo xtask bench search`: how long a search takes among many identities.

use anyhow::Context;
use serde_json::Value;
use std::time::{Duration, Instant};

use super::import::{Amount, fill, found_by_search, person_of};
use crate::loopback::{Answer, send};
use crate::node::{self, Node, Profile};
use crate::workspace;

const QUESTIONS: usize = 400;
const BAR: Duration = Duration::from_millis(20);

/// A kind of question: what it asks about the person of a number.
type Question = (&'static str, fn(&Person) -> String);

/// What is known of somebody.
struct Person {
    email: String,
    first: String,
    last: String,
}

const KINDS: &[Question] = &[
    ("an address", |one| format!("address={}", one.email)),
    ("a trait of one", |one| format!("trait.name.last={}&trait.name.first={}", one.last, one.first)),
    ("a trait of many", |one| format!("trait.name.first={}", one.first)),
    ("a word of one", |one| format!("text={}", one.email)),
    ("the beginning of a word of everybody", |_| "text=exam".to_owned()),
    ("words and a state", |one| format!("text={}+example&state=inactive", one.first)),
    ("a state that few have", |_| "state=inactive".to_owned()),
    ("a state that most have", |_| "state=active&schema=default".to_owned()),
    ("common things that nobody has together", |_| "trait.name.first=ada&trait.name.last=none".to_owned()),
];

/// Imports so many and asks; each question on a connection of its own.
pub(super) fn run(amount: &Amount) -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench/search");
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    let node = Node::start(&node::build(Profile::Release)?, &directory, "")?;
    let (whole, tail) = fill(&node, amount.identities)?;
    println!("{} identities: {whole:.0} imported per second, {tail:.0} in the last tenth", amount.identities);
    let found = found_by_search(&node, amount.identities)?;
    println!("search finds the last of them {:.1} s later", found.as_secs_f64());
    println!("| what is asked for | p50 | p99 | bar {BAR:?} |\n|---|---|---|---|");
    for (name, question) in KINDS {
        let mut took = Vec::with_capacity(QUESTIONS);
        for number in 0..QUESTIONS {
            let person = known(number * 7919 % amount.identities.max(1))?;
            took.push(ask(&node, &question(&person))?);
        }
        took.sort_unstable();
        let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
        let met = if at(99) <= BAR { "met" } else { "MISSED" };
        println!("| {name} | {:?} | {:?} | {met} |", at(50), at(99));
    }
    node.end()
}

fn known(number: usize) -> anyhow::Result<Person> {
    let person = person_of(number);
    let text = |place: &str| -> anyhow::Result<String> {
        Ok(person.pointer(place).and_then(Value::as_str).context("a person without it")?.to_owned())
    };
    Ok(Person {
        email: text("/traits/email")?,
        first: text("/traits/name/first")?,
        last: text("/traits/name/last")?,
    })
}

fn ask(node: &Node, query: &str) -> anyhow::Result<Duration> {
    let url = format!("{}/admin/portcullis/v1/identities?page_size=50&{query}", node.admin);
    let authorization = node.authorization();
    let began = Instant::now();
    let answer: Answer = send("GET", &url, &[("authorization", &authorization)], b"")?;
    let took = began.elapsed();
    answer.json().map(|_| took)
}
