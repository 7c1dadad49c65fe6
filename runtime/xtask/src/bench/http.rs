//! `cargo xtask bench http`: ours and `oidc-provider`, one after the other, alternating.
//!
//! Only one of them runs at a time. Each round starts it afresh, warms each request up, and measures it; medians
//! of the rounds are compared. The samples that the generator kept are verified after each run, tokens by a JOSE
//! library that is not ours.

use anyhow::Context;
use std::path::Path;
use std::process::Command;

use super::load::{self, Measured};
use super::oidc_provider::OidcProvider;
use super::ours::Ours;
use super::scenario::{Kind, Peer, SCENARIOS, check_samples, text};
use super::table::{Rounds, Row, render};
use super::{Settings, machine};
use crate::loopback::get_json;
use crate::{install, workspace};

/// What one side measured: for each kind, its rounds and the last latency.
type Side = Vec<(Kind, Rounds, Option<Measured>)>;

/// Measures, and prints the table.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    // Before anything is measured: the library that verifies tokens of either side is among them.
    install::node_packages(&workspace::root().join("tests/load/oidc-provider"))?;
    let facts = machine::facts();
    let built = if settings.oidc_provider_only { None } else { Some(Ours::build()?) };
    let (mut ours, mut theirs) = (empty(), empty());
    for round in 1..=settings.rounds {
        eprintln!("round {round} of {}", settings.rounds);
        if let Some(built) = &built {
            measure(Box::new(Ours::start(built, &directory)?), settings, &directory, &mut ours)?;
        }
        measure(Box::new(OidcProvider::start(&directory, None)?), settings, &directory, &mut theirs)?;
    }
    let rows: Vec<Row> = SCENARIOS
        .iter()
        .map(|scenario| Row {
            scenario: scenario.name,
            ours: rounds(&ours, scenario.kind),
            theirs: scenario.compared_with.map(|kind| rounds(&theirs, kind)).unwrap_or_default(),
            bar: scenario.bar,
            latency: latency(&ours, scenario.kind),
        })
        .collect();
    println!("{}\n", render(&rows));
    println!("{} rounds of {} s; every answer was a 200", settings.rounds, settings.seconds);
    println!("fdatasync p50 {} µs", machine::fdatasync_p50(&directory)?.as_micros());
    for fact in facts {
        println!("{fact}");
    }
    Ok(())
}

fn measure(
    peer: Box<dyn Peer>,
    settings: &Settings,
    directory: &Path,
    side: &mut Side,
) -> anyhow::Result<()> {
    let samples = directory.join("samples");
    for (kind, rounds, last) in side {
        let Some(request) = peer.request(*kind)? else { continue };
        load::run(&request, settings.warm_up, None)?;
        let _ = std::fs::remove_file(&samples);
        let measured = load::run(&request, settings.seconds, Some(&samples))?;
        eprintln!("  {kind:?}: {:.0}/s, p50 {} µs, p99 {} µs", measured.rate, measured.p50, measured.p99);
        let lines = std::fs::read_to_string(&samples).context("the samples")?;
        check_samples(*kind, &lines)?;
        if matches!(kind, Kind::ClientCredentials | Kind::ClientCredentialsWithPlugin) {
            verify_tokens(peer.issuer(*kind), &samples)?;
        }
        peer.check_after(*kind, measured.answers)?;
        rounds.0.push(measured.rate);
        *last = Some(measured);
    }
    peer.end()
}

/// Verifies the kept tokens against the issuer's published keys.
fn verify_tokens(issuer: &str, samples: &Path) -> anyhow::Result<()> {
    let discovery = get_json(&format!("{issuer}/.well-known/openid-configuration"))?;
    let mut verify = Command::new("node");
    verify.current_dir(workspace::root().join("tests/load/oidc-provider")).arg("verify.mjs").arg(samples);
    verify.args([issuer, &text(&discovery, "jwks_uri")?]);
    workspace::run(&mut verify)
}

fn empty() -> Side {
    SCENARIOS.iter().map(|scenario| (scenario.kind, Rounds::default(), None)).collect()
}

fn rounds(side: &Side, wanted: Kind) -> Rounds {
    let found = side.iter().find(|(kind, _, _)| *kind == wanted);
    found.map(|(_, rounds, _)| rounds.clone()).unwrap_or_default()
}

fn latency(side: &Side, wanted: Kind) -> Option<(u64, u64)> {
    let (_, _, last) = side.iter().find(|(kind, _, _)| *kind == wanted)?;
    last.map(|measured| (measured.p50, measured.p99))
}
