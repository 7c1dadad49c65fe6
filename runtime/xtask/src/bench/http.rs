//! `cargo xtask bench http`: ours and `oidc-provider`, one after the other, alternating.
//!
//! Only one of them runs at a time. Each round starts it afresh, warms each request up, and measures it; medians
//! of the rounds are compared. The samples that the generator kept are verified after each run, tokens by a JOSE
//! library that is not ours.

use anyhow::{Context, ensure};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

use super::chains::{self, Chain, NONCE, Wire};
use super::database::{self, Database};
use super::load::{self, Measured, Request};
use super::oidc_provider::OidcProvider;
use super::ours::Ours;
use super::scenario::{Kind, Peer, SCENARIOS, Scenario, check_samples, text};
use super::spent::Spent;
use super::table::{Rounds, Row, render};
use super::{Settings, machine};
use crate::loopback::get_json;
use crate::{install, workspace};

/// What one side measured of one kind.
struct Entry {
    kind: Kind,
    rounds: Rounds,
    /// Of the last round.
    last: Option<Measured>,
    /// Of all rounds.
    spent: Spent,
}

/// How a kind is asked for.
enum Load {
    /// The same request again and again, from so many connections.
    Same(Request, usize),
    /// Requests that need the answer to the one before.
    Chains(Vec<Chain>),
}

/// Measures, and prints the table.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    // Before anything is measured: the library that verifies tokens of either side is among them.
    install::node_packages(&workspace::root().join("tests/load/oidc-provider"))?;
    let mut facts = machine::facts();
    if let Some(server) = &settings.storage {
        facts.push(database::facts(server)?);
    }
    let chosen: Vec<&Scenario> = SCENARIOS.iter().filter(|one| settings.has(one.name)).collect();
    ensure!(!chosen.is_empty(), "no scenario has that in its name");
    let built = if settings.oidc_provider_only { None } else { Some(Ours::build()?) };
    let mut ours = entries(chosen.iter().map(|one| one.kind));
    let mut theirs = entries(chosen.iter().filter_map(|one| one.compared_with));
    for round in 1..=settings.rounds {
        eprintln!("round {round} of {}", settings.rounds);
        if let Some(built) = &built {
            let named = settings.storage.as_ref();
            let database = named.map(|server| Database::create(server, &format!("{round}"))).transpose()?;
            let node = Ours::start_for_apps(built, &directory, database)?;
            measure(Box::new(node), settings, &directory, &mut ours)?;
        }
        measure(Box::new(OidcProvider::start(&directory, None)?), settings, &directory, &mut theirs)?;
    }
    let rows: Vec<Row> = chosen.iter().map(|one| row(one, &ours, &theirs, settings)).collect();
    println!("{}\n", render(&rows));
    println!("{} rounds of {} s; every answer was what it should be", settings.rounds, settings.seconds);
    println!("fdatasync p50 {} µs", machine::fdatasync_p50(&directory)?.as_micros());
    for fact in facts {
        println!("{fact}");
    }
    Ok(())
}

fn row(scenario: &Scenario, ours: &[Entry], theirs: &[Entry], settings: &Settings) -> Row {
    let mine = ours.iter().find(|entry| entry.kind == scenario.kind);
    let others = theirs.iter().find(|entry| Some(entry.kind) == scenario.compared_with);
    Row {
        scenario: scenario.name,
        ours: mine.map(|entry| entry.rounds.clone()).unwrap_or_default(),
        theirs: others.map(|entry| entry.rounds.clone()).unwrap_or_default(),
        bar: if settings.storage.is_some() { scenario.on_postgres } else { scenario.bar },
        latency: mine.and_then(|entry| entry.last).map(|measured| (measured.p50, measured.p99)),
        spent: mine.map(|entry| entry.spent).unwrap_or_default(),
        theirs_spent: others.map(|entry| entry.spent).unwrap_or_default(),
    }
}

fn measure(
    peer: Box<dyn Peer>,
    settings: &Settings,
    directory: &Path,
    side: &mut [Entry],
) -> anyhow::Result<()> {
    let samples = directory.join("samples");
    for entry in side {
        let kind = entry.kind;
        let Some(mut load) = Load::prepare(peer.as_ref(), kind)? else { continue };
        load.run(settings.warm_up, None)?;
        let _ = std::fs::remove_file(&samples);
        let before = peer.reading()?;
        let measured = load.run(settings.seconds, Some(&samples)).with_context(|| format!("{kind:?}"))?;
        let spent = before.until(&peer.reading()?, measured.answers);
        eprintln!(
            "  {kind:?}: {:.0}/s, p50 {} µs, p99 {} µs; commits / bytes / CPU µs each {}",
            measured.rate,
            measured.p50,
            measured.p99,
            spent.each()
        );
        let lines = std::fs::read_to_string(&samples).context("the samples")?;
        check_samples(kind, &lines)?;
        if kind.is_signed() {
            verify_tokens(peer.issuer(kind), &samples, kind)?;
        }
        if let Load::Same(request, _) = &load
            && kind == Kind::OpaqueToken
        {
            check_live(peer.as_ref(), request, &lines)?;
        }
        peer.check_after(kind, measured.answers)?;
        entry.rounds.0.push(measured.rate);
        entry.last = Some(measured);
        entry.spent.add(spent);
    }
    peer.end()
}

impl Load {
    /// Makes what a kind needs, or nothing where the provider has no such thing.
    fn prepare(peer: &dyn Peer, kind: Kind) -> anyhow::Result<Option<Self>> {
        if !kind.is_chain() {
            return Ok(peer.request(kind)?.map(|request| Self::Same(request, kind.connections())));
        }
        let browsers = peer.browsers(kind, kind.connections())?;
        if kind == Kind::Flow {
            return Ok(Some(Self::Chains(browsers.into_iter().map(Chain::Flow).collect())));
        }
        let chains = chains::runtime()?.block_on(async {
            let mut chains = Vec::with_capacity(browsers.len());
            for browser in browsers {
                let mut wire = Wire::open(&browser.app.authority).await?;
                chains.push(Chain::begin_refresh(browser, &mut wire).await?);
            }
            anyhow::Ok(chains)
        });
        Ok(Some(Self::Chains(chains?)))
    }

    fn run(&mut self, seconds: u32, samples: Option<&Path>) -> anyhow::Result<Measured> {
        match self {
            Self::Same(request, connections) => load::run_on(*connections, request, seconds, samples),
            Self::Chains(chains) => chains::run(chains, seconds, samples),
        }
    }
}

/// Verifies the kept tokens against the issuer's published keys.
fn verify_tokens(issuer: &str, samples: &Path, kind: Kind) -> anyhow::Result<()> {
    let discovery = get_json(&format!("{issuer}/.well-known/openid-configuration"))?;
    let mut verify = Command::new("node");
    verify.current_dir(workspace::root().join("tests/load/oidc-provider")).arg("verify.mjs").arg(samples);
    verify.args([issuer, &text(&discovery, "jwks_uri")?]);
    if kind == Kind::Flow {
        verify.args(["--nonce", NONCE]);
    }
    workspace::run(&mut verify)
}

/// Asks about tokens that were given under load, where all are kept, and about one that is given now.
fn check_live(peer: &dyn Peer, request: &Request, lines: &str) -> anyhow::Result<()> {
    let discovery =
        get_json(&format!("{}/.well-known/openid-configuration", peer.issuer(Kind::OpaqueToken)))?;
    let url = text(&discovery, "introspection_endpoint")?;
    let mut tokens = vec![request.access_token()?];
    if peer.keeps_all() {
        for line in lines.lines() {
            tokens.push(text(&serde_json::from_str(line)?, "access_token")?);
        }
    }
    for token in tokens {
        let asked = Request { url: url.clone(), body: format!("token={token}"), ..request.clone() };
        let said = asked.send()?;
        ensure!(
            said.get("active") == Some(&Value::Bool(true)),
            "a token that was given is not active: {said}"
        );
    }
    Ok(())
}

fn entries(kinds: impl Iterator<Item = Kind>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for kind in kinds {
        if !entries.iter().any(|entry| entry.kind == kind) {
            entries.push(Entry { kind, rounds: Rounds::default(), last: None, spent: Spent::default() });
        }
    }
    entries
}
