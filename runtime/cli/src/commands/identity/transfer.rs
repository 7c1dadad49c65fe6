//! `portcullis identity import` and `export`: accounts as JSON lines, a page at a time.

use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::{OfTenant, SEARCH};
use crate::api::{Api, of_tenant};
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_node;

/// Accounts in one request.
const BATCH: usize = 1_000;
/// Of these, with passwords that are still to be hashed.
const BATCH_PLAIN: usize = 200;
/// Bytes of one request.
const BATCH_BYTES: usize = 4 << 20;
/// A line that is longer is no account.
const LONGEST_LINE: u64 = 1 << 20;

/// `import`
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file; `-` is standard input. A line is what an account is made of, as the API has it, and may have its `id`
    file: PathBuf,
    #[command(flatten)]
    of: OfTenant,
    /// The line to begin with, where an earlier import has stopped
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    from_line: u64,
}

/// `export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    of: OfTenant,
    /// With the hashes of passwords, so that people can sign in elsewhere. Whoever has them can guess
    #[arg(long)]
    password_hashes: bool,
    /// With all credentials: password hashes, second factors, passkeys, links to providers and their tokens. Whoever has them can
    /// sign in as these people
    #[arg(long)]
    credentials: bool,
}

/// Lines on their way, each with its number.
#[derive(Default)]
struct Batch {
    patches: Vec<Value>,
    numbers: Vec<u64>,
    plain: usize,
    bytes: usize,
}

/// What came of an import.
#[derive(Default)]
struct Tally {
    made: u64,
    refused: u64,
}

impl Import {
    pub(super) fn run(&self, place: &Place) -> Result<(), Failure> {
        let mut lines: Box<dyn BufRead> = if self.file == Path::new("-") {
            Box::new(std::io::stdin().lock())
        } else {
            let file =
                File::open(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?;
            Box::new(BufReader::new(file))
        };
        let tally = with_node(place, async |mut api| self.import(&mut api, lines.as_mut()).await)?;
        println!("{} made, {} refused", tally.made, tally.refused);
        if tally.refused > 0 { Err(Failure::Reported(3)) } else { Ok(()) }
    }

    async fn import(&self, api: &mut Api, lines: &mut dyn BufRead) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        let mut batch = Batch::default();
        let mut number = 0;
        let mut line = String::new();
        loop {
            line.clear();
            let read = std::io::Read::take(&mut *lines, LONGEST_LINE).read_line(&mut line);
            let read = read.with_context(|| format!("line {} cannot be read", number + 1))?;
            if read == 0 {
                break;
            }
            number += 1;
            if read as u64 == LONGEST_LINE && !line.ends_with('\n') {
                self.send(api, &mut batch, &mut tally).await?;
                return Err(anyhow!("line {number} is longer than {LONGEST_LINE} bytes").into());
            }
            if number < self.from_line || line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str::<Map<String, Value>>(&line) {
                Ok(account) => batch.add(number, line.len(), account),
                Err(_) => tally.refuse(number, "is not a JSON object"),
            }
            if batch.is_full() {
                self.send(api, &mut batch, &mut tally).await?;
            }
        }
        self.send(api, &mut batch, &mut tally).await?;
        Ok(tally)
    }

    /// Sends what is gathered. If that fails, whoever imports learns where to go on.
    async fn send(&self, api: &mut Api, batch: &mut Batch, tally: &mut Tally) -> Result<(), Failure> {
        let Batch { patches, numbers, .. } = std::mem::take(batch);
        let Some(first) = numbers.first() else { return Ok(()) };
        let path = of_tenant(&self.of.tenant, &format!("{SEARCH}/import"));
        let sent = api.send(Method::POST, &path, Some(&json!({ "identities": patches }))).await;
        let stopped = |_: &Failure| eprintln!("stopped: go on with --from-line {first}");
        let answer = sent.inspect_err(stopped)?;
        let outcomes = answer.body.get("identities").and_then(Value::as_array);
        let outcomes = outcomes.context("the node answered no outcomes")?;
        for (number, outcome) in numbers.iter().zip(outcomes) {
            match outcome.pointer("/error/reason").and_then(Value::as_str) {
                None => tally.made += 1,
                Some(reason) => tally.refuse(*number, reason),
            }
        }
        Ok(())
    }
}

impl Batch {
    fn add(&mut self, number: u64, bytes: usize, mut account: Map<String, Value>) {
        let id = account.remove("id");
        let account = Value::Object(account);
        let plain = account.pointer("/credentials/password/config/password");
        self.plain += usize::from(plain.is_some());
        self.bytes += bytes;
        self.numbers.push(number);
        self.patches.push(json!({ "id": id, "create": account }));
    }

    fn is_full(&self) -> bool {
        self.patches.len() >= BATCH || self.plain >= BATCH_PLAIN || self.bytes >= BATCH_BYTES
    }
}

impl Tally {
    fn refuse(&mut self, number: u64, reason: &str) {
        self.refused += 1;
        eprintln!("line {number}: {reason}");
    }
}

impl Export {
    pub(super) fn run(&self, place: &Place) -> Result<(), Failure> {
        with_node(place, async |mut api| self.export(&mut api).await)
    }

    async fn export(&self, api: &mut Api) -> Result<(), Failure> {
        let Self { of, password_hashes, credentials } = self;
        let query = format!("password_hashes={password_hashes}&credentials={credentials}");
        let first = of_tenant(&of.tenant, &format!("{SEARCH}/export?{query}"));
        let mut path = first.clone();
        let mut out = std::io::stdout().lock();
        loop {
            let answer = api.send(Method::GET, &path, None).await?.body;
            let lines =
                answer.get("identities").and_then(Value::as_array).context("the node answered no list")?;
            for line in lines {
                writeln!(out, "{line}")?;
            }
            match answer.get("next_page_token").and_then(Value::as_str) {
                Some(token) => path = format!("{first}&page_token={token}"),
                None => return Ok(out.flush()?),
            }
        }
    }
}
