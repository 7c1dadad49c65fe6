//! `cargo xtask bench login`: what it costs to sign in with a password, besides the hash.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::machine::cpu_time;
use super::ours::{Ours, PERSON};
use super::repeat::times;
use super::scenario::{Peer as _, text};
use crate::loopback::{Answer, Connection};
use crate::workspace;

/// Sign-ins of each kind.
const LOGINS: u32 = 2_000;
/// How many people come before the first of them goes on: a node does not keep a connection for ever on which nothing is said.
const AT_ONCE: u32 = 250;
/// How many sign in at a time: alone, and as on a node that has something to do.
const AT_A_TIME: [usize; 2] = [1, 16];
/// Of the login alone.
const BAR: Duration = Duration::from_millis(1);
/// Of all three: the form, the login, and who it is.
const BAR_OF_ALL: Duration = Duration::from_micros(1_500);

const JSON: (&str, &str) = ("accept", "application/json");

/// Whoever signs in, and what the next step needs of the one before.
#[derive(Default)]
struct Person {
    /// Opened for the form.
    connection: Option<Connection>,
    action: String,
    csrf_token: String,
    /// The cookies of a browser.
    cookies: String,
    /// The session of an application.
    session: String,
}

/// A step of a sign-in at the node of an address.
type Step = fn(&str, &mut Person) -> anyhow::Result<()>;

/// Somebody's own program.
struct Program {
    name: &'static str,
    steps: [Step; 3],
}

const PROGRAMS: [Program; 2] = [
    Program { name: "a browser", steps: [browser_form, browser_login, browser_whoami] },
    Program { name: "an application", steps: [native_form, native_login, native_whoami] },
];

/// Measures the node's CPU time for forms, logins whose hash costs next to nothing, and questions who it is, each kind apart
/// from the others. Everybody has a connection of their own, for all three.
pub(super) fn run() -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    let ours = Ours::start_with_cheap_hashes(&Ours::build()?, &directory)?;
    ours.make_person()?;
    println!("{LOGINS} sign-ins of each kind, with a hash of 8 KiB and one iteration; CPU of each:");
    for program in &PROGRAMS {
        for at_a_time in AT_A_TIME {
            let [form, login, whoami] = measure(&ours, program, at_a_time)?;
            let all = form + login + whoami;
            println!(
                "{}, {at_a_time} at a time: form {form:?}, login {login:?}, whoami {whoami:?}; together {all:?}",
                program.name
            );
            println!("  bar {BAR:?} for the login: {}", said(login <= BAR));
            println!("  bar {BAR_OF_ALL:?} for all: {}", said(all <= BAR_OF_ALL));
        }
    }
    Box::new(ours).end()
}

fn said(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}

fn measure(ours: &Ours, program: &Program, at_a_time: usize) -> anyhow::Result<[Duration; 3]> {
    let mut took = [Duration::ZERO; 3];
    for _ in 0..LOGINS / AT_ONCE {
        let mut waiting: Vec<Person> = (0..AT_ONCE).map(|_| Person::default()).collect();
        for (step, took) in program.steps.iter().zip(&mut took) {
            let before = cpu_time(ours.pid())?;
            waiting = all_go(waiting, at_a_time, |person| step(ours.base(), person))?;
            *took += cpu_time(ours.pid())?.saturating_sub(before);
        }
    }
    Ok(took.map(|all| all / LOGINS))
}

/// Everybody's step; who took it, in some order.
fn all_go(
    waiting: Vec<Person>,
    at_a_time: usize,
    step: impl Fn(&mut Person) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<Vec<Person>> {
    let (count, waiting, done) = (waiting.len(), Mutex::new(waiting), Mutex::new(Vec::new()));
    times(count, at_a_time, || {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut person = next.context("nobody is left")?;
        step(&mut person)?;
        done.lock().unwrap_or_else(PoisonError::into_inner).push(person);
        Ok(())
    })?;
    Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Person {
    fn ask(&mut self, url: &str, header: (&str, &str)) -> anyhow::Result<Answer> {
        let connection = self.connection.as_mut().context("no connection")?;
        connection.send("GET", url, &[JSON, header], b"")
    }

    fn submit(&mut self, form: &Value) -> anyhow::Result<Answer> {
        // A native application's form takes no cookies, not even none.
        let cookies = (!self.cookies.is_empty()).then_some(("cookie", self.cookies.as_str()));
        let headers: Vec<_> =
            [JSON, ("content-type", "application/json")].into_iter().chain(cookies).collect();
        let connection = self.connection.as_mut().context("no connection")?;
        connection.send("POST", &self.action, &headers, &serde_json::to_vec(form)?)
    }

    fn begin(&mut self, url: &str) -> anyhow::Result<Value> {
        self.connection = Some(Connection::open(url)?);
        let answer = self.ask(url, ("user-agent", "bench"))?;
        let flow = answer.json()?;
        let action = flow.pointer("/ui/action").and_then(Value::as_str);
        action.context("a form without its action")?.clone_into(&mut self.action);
        self.cookies = answer.cookies.join("; ");
        Ok(flow)
    }
}

/// A browser's, with a script that asks for JSON: it keeps the form as a cookie.
fn browser_form(base: &str, person: &mut Person) -> anyhow::Result<()> {
    let flow = person.begin(&format!("{base}/self-service/login/browser"))?;
    let nodes = flow.pointer("/ui/nodes").and_then(Value::as_array).context("a form without nodes")?;
    let of_token = |node: &&Value| node.pointer("/attributes/name").is_some_and(|name| name == "csrf_token");
    let token = nodes.iter().find(of_token).and_then(|node| node.pointer("/attributes/value"));
    token.and_then(Value::as_str).context("a form without its token")?.clone_into(&mut person.csrf_token);
    Ok(())
}

fn browser_login(_: &str, person: &mut Person) -> anyhow::Result<()> {
    let answer = person.submit(&json!({
        "method": "password", "identifier": PERSON.0, "password": PERSON.1, "csrf_token": person.csrf_token,
    }))?;
    answer.json()?.get("session").context("an answer without a session")?;
    person.cookies = answer.cookies.join("; ");
    Ok(())
}

fn browser_whoami(base: &str, person: &mut Person) -> anyhow::Result<()> {
    let cookies = std::mem::take(&mut person.cookies);
    is_somebody(&person.ask(&format!("{base}/sessions/whoami"), ("cookie", &cookies))?)
}

/// A native application's: the form is a row.
fn native_form(base: &str, person: &mut Person) -> anyhow::Result<()> {
    person.begin(&format!("{base}/self-service/login/api")).map(drop)
}

fn native_login(_: &str, person: &mut Person) -> anyhow::Result<()> {
    let form = json!({ "method": "password", "identifier": PERSON.0, "password": PERSON.1 });
    person.session = text(&person.submit(&form)?.json()?, "session_token")?;
    Ok(())
}

fn native_whoami(base: &str, person: &mut Person) -> anyhow::Result<()> {
    let session = std::mem::take(&mut person.session);
    is_somebody(&person.ask(&format!("{base}/sessions/whoami"), ("x-session-token", &session))?)
}

fn is_somebody(answer: &Answer) -> anyhow::Result<()> {
    ensure!(answer.status == 200, "whoami: status {}", answer.status);
    Ok(())
}
