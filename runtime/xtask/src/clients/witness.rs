//! What stands between a suite and its node: it forwards every request, and holds every answer against the contract, and
//! with the body that led to it against the node's own document.
//!
//! An answer is recorded before its client has it, so that what is counted when a suite has ended is all of it. Connections
//! are not kept: an answer ends where its connection does, and no framing has to be understood to forward it.

use anyhow::{Context, bail};
use contract::{Answer, Contract, ContractError, Own, Sent};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::loopback::{free_port, parse, unchunk};
use crate::node::Door;
use crate::workspace;

/// The suite whose requests have to see every answer of the list.
const COMPLETE: &str = "ory-client";

/// The largest head of a request.
const LARGEST_HEAD: usize = 64 * 1024;

/// How long a client may take to send a request's head.
const PATIENCE: Duration = Duration::from_mins(1);

/// Most violations that are shown.
const MOST_SHOWN: usize = 40;

/// The witness of one node.
#[derive(Debug)]
pub(crate) struct Witness {
    held_against: Arc<HeldAgainst>,
    record: Arc<Record>,
    /// Open as long as it lives.
    _gates: [Gate; 2],
}

/// What answers are held against.
#[derive(Debug)]
struct HeldAgainst {
    contract: Contract,
    own: Own,
}

/// What was seen.
#[derive(Debug, Default)]
struct Record {
    seen: Mutex<BTreeSet<(String, u16)>>,
    violations: Mutex<BTreeSet<String>>,
}

impl Witness {
    /// Stands before two listeners, and says which ports they have; `None` where there is no description, which under CI
    /// is an error. `documents` is what the node's listeners say of themselves.
    pub(crate) fn begin(documents: &[&str]) -> anyhow::Result<Option<(Self, (Door, Door))>> {
        let contract = match Contract::load(&workspace::root()) {
            Ok(contract) => contract,
            Err(missing @ ContractError::Missing { .. }) if !workspace::under_ci() => {
                eprintln!("contract: not checked: {missing}");
                return Ok(None);
            }
            Err(error) => return Err(error).context("contract"),
        };
        let own = Own::parse(documents).context("our own document")?;
        let held_against = Arc::new(HeldAgainst { contract, own });
        let record = Arc::new(Record::default());
        let gate = || Gate::open(Arc::clone(&held_against), Arc::clone(&record));
        let ((public, public_door), (admin, admin_door)) = (gate()?, gate()?);
        let gates = [public, admin];
        Ok(Some((Self { held_against, record, _gates: gates }, (public_door, admin_door))))
    }

    /// The same as [`Self::check_seen`]; after the suite that has to be complete, it also fails with what was not seen.
    pub(super) fn check(&self, suite: &str) -> anyhow::Result<()> {
        self.check_seen()?;
        let seen = self.record.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if suite == COMPLETE {
            let lines = self.held_against.contract.unaccounted(&seen);
            if !lines.is_empty() {
                bail!("{} and what was seen differ:\n  {}", contract::LIST, lines.join("\n  "));
            }
        }
        Ok(())
    }

    /// Fails with every answer that broke the contract.
    pub(super) fn check_seen(&self) -> anyhow::Result<()> {
        let violations = self.record.violations.lock().unwrap_or_else(PoisonError::into_inner);
        if !violations.is_empty() {
            let shown: Vec<&str> = violations.iter().take(MOST_SHOWN).map(String::as_str).collect();
            bail!("{} answers are not as described:\n  {}", violations.len(), shown.join("\n  "));
        }
        let seen = self.record.seen.lock().unwrap_or_else(PoisonError::into_inner);
        println!("contract: answers of {} kinds, all as described", seen.len());
        Ok(())
    }
}

/// A port that forwards.
#[derive(Debug)]
struct Gate {
    port: u16,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gate {
    fn open(held_against: Arc<HeldAgainst>, record: Arc<Record>) -> anyhow::Result<(Self, Door)> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let door = Door { port: listener.local_addr()?.port(), behind: free_port()? };
        let closing = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&closing);
        let thread = std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if until.load(Ordering::Acquire) {
                    return;
                }
                let (held_against, record) = (Arc::clone(&held_against), Arc::clone(&record));
                std::thread::spawn(move || forward(client, door.behind, &held_against, &record));
            }
        });
        Ok((Self { port: door.port, closing, thread: Some(thread) }, door))
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        // The thread waits for a connection.
        let here = SocketAddr::from(([127, 0, 0, 1], self.port));
        if TcpStream::connect(here).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// One connection, one request. A client that goes away has gone away.
fn forward(mut client: TcpStream, port: u16, held_against: &HeldAgainst, record: &Record) {
    let Some(bytes) = exchange(&mut client, port, held_against, record) else { return };
    let _ = client.write_all(&bytes);
    let _ = client.shutdown(Shutdown::Write);
}

/// Sends a request on, and returns the answer, recorded; `None` where one of the two ends hung up.
fn exchange(
    client: &mut TcpStream,
    port: u16,
    held_against: &HeldAgainst,
    record: &Record,
) -> Option<Vec<u8>> {
    client.set_read_timeout(Some(PATIENCE)).ok()?;
    let (head, begun) = read_head(client)?;
    let request = Request::parse(&head)?;
    let mut node = TcpStream::connect(("127.0.0.1", port)).ok()?;
    node.write_all(&[request.forwarded.as_bytes(), &begun].concat()).ok()?;
    // The body, while the answer may come already: a refused upload is answered before it is whole.
    let (from, to) = (client.try_clone().ok()?, node.try_clone().ok()?);
    let sent = Arc::new(Mutex::new(begun));
    let kept = Arc::clone(&sent);
    std::thread::spawn(move || copy(from, to, &kept));
    let mut bytes = Vec::new();
    node.read_to_end(&mut bytes).ok()?;
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
    request.record(&sent, &bytes, held_against, record);
    Some(bytes)
}

/// Sends on what comes, and keeps it first: what the node has read is kept when it answers.
fn copy(mut from: TcpStream, mut to: TcpStream, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer) {
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { return };
        kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(part);
        if to.write_all(part).is_err() {
            return;
        }
    }
}

/// The head of a request, and what came behind it.
fn read_head(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).ok()?, rest));
        }
        let read = client.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(buffer.get(..read)?);
        if bytes.len() > LARGEST_HEAD {
            return None;
        }
    }
}

/// The name of a header, from its line.
fn name(line: &str) -> String {
    line.split(':').next().unwrap_or_default().to_ascii_lowercase()
}

/// A request on its way.
#[derive(Debug)]
struct Request {
    method: String,
    /// Without the query.
    path: String,
    accept: String,
    content_type: String,
    /// Whether its body comes in chunks.
    is_chunked: bool,
    /// Its head as the node gets it.
    forwarded: String,
}

impl Request {
    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.trim_end().split("\r\n");
        let first = lines.next()?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let headers: Vec<&str> = lines.filter(|line| name(line) != "connection").collect();
        let value = |wanted: &str| {
            let line = headers.iter().find(|line| name(line) == wanted);
            line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim()).to_owned()
        };
        Some(Self {
            method,
            path,
            accept: value("accept"),
            content_type: value("content-type"),
            is_chunked: value("transfer-encoding").eq_ignore_ascii_case("chunked"),
            forwarded: format!("{first}\r\n{}\r\nconnection: close\r\n\r\n", headers.join("\r\n")),
        })
    }

    /// Holds the answer to it, and its body, against what they are held against.
    fn record(&self, sent: &[u8], bytes: &[u8], held_against: &HeldAgainst, record: &Record) {
        let mut violations = record.violations.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = format!("{} {}", self.method, self.path);
        let answer = match parse(bytes) {
            Ok(answer) => answer,
            Err(error) => {
                violations.insert(format!("{shown}: {error}"));
                return;
            }
        };
        let answer = Answer {
            method: &self.method,
            path: &self.path,
            accept: &self.accept,
            status: answer.status,
            content_type: &answer.content_type,
            body: &answer.body,
        };
        let whole = if self.is_chunked { unchunk(sent).ok() } else { None };
        let sent = Sent { content_type: &self.content_type, body: whole.as_deref().unwrap_or(sent) };
        let own = held_against.own.check(&answer, sent);
        let checked = held_against.contract.check(&answer);
        let both = [(&own, "our own document: "), (&checked, "")];
        for (checked, by) in both.into_iter().filter_map(|(checked, by)| Some((checked.as_ref()?, by))) {
            for violation in &checked.violations {
                violations
                    .insert(format!("{} {} ({shown}): {by}{violation}", checked.operation, checked.status));
            }
        }
        let mut seen = record.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(checked.map(|checked| (checked.operation, checked.status)));
    }
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn a_request_goes_on_without_its_connection() {
        let head =
            "GET /a/b?c=d HTTP/1.1\r\nHost: x:1\r\nConnection: keep-alive\r\nACCEPT: text/html, */*\r\n\r\n";
        let request = Request::parse(head).unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/a/b"));
        assert_eq!((request.accept.as_str(), request.content_type.as_str()), ("text/html, */*", ""));
        assert!(!request.is_chunked);
        let forwarded =
            "GET /a/b?c=d HTTP/1.1\r\nHost: x:1\r\nACCEPT: text/html, */*\r\nconnection: close\r\n\r\n";
        assert_eq!(request.forwarded, forwarded);
    }
}
