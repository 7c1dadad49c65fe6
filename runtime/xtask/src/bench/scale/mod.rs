//! `cargo xtask bench scale`: whether tokens, look-ups and lists take as long among very many as among few.
//!
//! Two databases have the same clients and tokens, which are real and asked about; one has very many others beside them.
//! Nodes on the one and on the other are measured by turns, at a fixed low rate, so that what differs is what a request
//! takes and not what it waits for. More is asked about than a node keeps in memory.

mod asked;
mod bulk;

use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use self::asked::{Asked, Question};
use super::chains::paced;
use super::open_loop::Latencies;
use crate::node::{self, Node, Profile};
use crate::{install, workspace};

/// How much longer than among few anything may take.
const BAR: f64 = 1.2;
/// How long the clean-up may take for what has expired.
const CLEAN_UP: Duration = Duration::from_mins(10);

/// How much there is, and how long it is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Size {
    /// Clients of the large database
    #[arg(long, default_value_t = 1_000_000)]
    clients: usize,
    /// Refresh tokens of the large database, ten to a grant
    #[arg(long, default_value_t = 10_000_000)]
    refresh_tokens: u64,
    /// Clients that are asked about, there in both databases; every second has a refresh token and an opaque one
    #[arg(long, default_value_t = 20_000)]
    asked: usize,
    /// How many times each side is started and measured
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Seconds of load before each measurement
    #[arg(long, default_value_t = 3)]
    warm_up: u32,
    /// Makes the databases there, in a directory that does not exist yet, and leaves them; several gigabytes
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
}

/// A database, and what is known of it.
struct Side {
    name: &'static str,
    /// The node's directory.
    home: PathBuf,
    clients: Vec<Asked>,
    pages: Vec<String>,
    measured: Vec<(Question, Latencies)>,
}

/// Makes both databases, and measures them by turns.
pub(super) fn run(size: &Size) -> anyhow::Result<()> {
    ensure!((2..=size.clients).contains(&size.asked), "at least 2 and at most all clients are asked about");
    install::debian_packages(&[install::SQLITE])?;
    let binary = node::build(Profile::Release)?;
    // Removed with this, however it ends.
    let temporary;
    let directory = if let Some(directory) = &size.keep {
        std::fs::create_dir(directory).with_context(|| directory.display().to_string())?;
        directory.as_path()
    } else {
        let target = workspace::target_directory().join("bench");
        std::fs::create_dir_all(&target)?;
        temporary = tempfile::Builder::new().prefix("scale-").tempdir_in(target)?;
        temporary.path()
    };
    let (few, many) = make(size, &binary, directory)?;
    let mut sides = [few, many];
    for round in 1..=size.rounds {
        eprintln!("round {round} of {}", size.rounds);
        for side in &mut sides {
            measure(side, &binary, size)?;
        }
    }
    let [few, many] = &sides;
    report(few, many);
    for side in &sides {
        println!("{}: {:.2} GB", side.name, gigabytes(&side.file())?);
    }
    println!(
        "{} rounds of {} s at a fixed rate; every answer was what it should be",
        size.rounds, size.seconds
    );
    Ok(())
}

impl Side {
    fn new(name: &'static str, home: PathBuf, clients: Vec<Asked>) -> Self {
        let measured = Question::ALL.map(|question| (question, Latencies::default()));
        Self { name, home, clients, pages: Vec::new(), measured: measured.into() }
    }

    fn file(&self) -> PathBuf {
        self.home.join("data/portcullis.db")
    }
}

/// Makes the database with few, a copy of it, and all the others in the copy.
fn make(size: &Size, binary: &Path, directory: &Path) -> anyhow::Result<(Side, Side)> {
    let (few, many) = (directory.join("few"), directory.join("many"));
    let node = Node::start(binary, &few, "")?;
    let began = Instant::now();
    let mut clients = asked::make_clients(&node, size.asked)?;
    asked::give_tokens(&node, &mut clients)?;
    // One that was rotated is the model of all that were.
    let mut chains = asked::chains(&node, &clients, &[], Question::Refresh)?;
    paced(&mut chains, 100.0, Duration::from_secs(1))?;
    asked::keep(&mut clients, chains);
    node.end()?;
    println!(
        "{} clients that are asked about, with tokens: {:.0} s",
        size.asked,
        began.elapsed().as_secs_f64()
    );
    workspace::run(Command::new("cp").arg("-a").args([&few, &many]))?;
    let (few, many) = (Side::new("few", few, clients.clone()), Side::new("many", many, clients));

    let began = Instant::now();
    let node = Node::start(binary, &many.home, "")?;
    asked::make_clients(&node, size.clients - size.asked)?;
    node.end()?;
    println!("{} clients in all, over HTTP: {:.0} s", size.clients, began.elapsed().as_secs_f64());
    let began = Instant::now();
    bulk::fill(&many.file(), size.refresh_tokens)?;
    println!(
        "{} refresh tokens with {} grants, by SQL: {:.0} s; {:.2} GB",
        size.refresh_tokens,
        size.refresh_tokens / bulk::TOKENS,
        began.elapsed().as_secs_f64(),
        gigabytes(&many.file())?
    );
    Ok((few, many))
}

/// Starts a node on one of them, and asks everything.
fn measure(side: &mut Side, binary: &Path, size: &Size) -> anyhow::Result<()> {
    let node = Node::start(binary, &side.home, "")?;
    if side.pages.is_empty() {
        // The first time: before anything is measured, the clean-up has done what there is to do.
        clean_up(side)?;
        let began = Instant::now();
        side.pages = asked::pages(&node)?;
        println!("{}: all clients are listed in {:.1} s", side.name, began.elapsed().as_secs_f64());
    }
    for (question, latencies) in &mut side.measured {
        let mut chains = asked::chains(&node, &side.clients, &side.pages, *question)?;
        ensure!(!chains.is_empty(), "{}: nothing is there to ask for", question.name());
        paced(&mut chains, question.rate(), Duration::from_secs(size.warm_up.into()))?;
        let measured = paced(&mut chains, question.rate(), Duration::from_secs(size.seconds.into()))?;
        eprintln!(
            "  {}, {}: p50 {:?}, p99 {:?}",
            side.name,
            question.name(),
            measured.percentile(50),
            measured.percentile(99)
        );
        latencies.extend(measured);
        if *question == Question::Refresh {
            asked::keep(&mut side.clients, chains);
        }
    }
    node.end()
}

/// Waits until nothing is left that has expired.
fn clean_up(side: &Side) -> anyhow::Result<()> {
    let expired =
        "oauth2_refresh_tokens WHERE expires_at <= CAST(strftime('%s', 'now') AS INTEGER) * 1000000";
    let (file, began) = (side.file(), Instant::now());
    let found = bulk::count(&file, expired)?;
    let mut left = found;
    while left > 0 {
        ensure!(began.elapsed() < CLEAN_UP, "{left} of {found} expired refresh tokens are still there");
        std::thread::sleep(Duration::from_millis(500));
        left = bulk::count(&file, expired)?;
    }
    let took = began.elapsed().as_secs_f64();
    println!(
        "{}: {found} expired refresh tokens left within {took:.0} s; {} clients and {} refresh tokens are there",
        side.name,
        bulk::count(&file, "oauth2_clients")?,
        bulk::count(&file, "oauth2_refresh_tokens")?
    );
    Ok(())
}

fn report(few: &Side, many: &Side) {
    println!("| what is asked for, a second | among few: p50, p99 | among many | times | bar {BAR} times |");
    println!("|---|---|---|---|---|");
    for ((question, few), (_, many)) in few.measured.iter().zip(&many.measured) {
        let ratio = |percent| many.percentile(percent).as_secs_f64() / few.percentile(percent).as_secs_f64();
        let (middle, high) = (ratio(50), ratio(99));
        let met = if middle <= BAR && high <= BAR { "met" } else { "MISSED" };
        println!(
            "| {}, {} | {:?}, {:?} | {:?}, {:?} | {middle:.2}, {high:.2} | {met} |",
            question.name(),
            question.rate(),
            few.percentile(50),
            few.percentile(99),
            many.percentile(50),
            many.percentile(99)
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "a file is far below 2^52 bytes")]
fn gigabytes(file: &Path) -> anyhow::Result<f64> {
    Ok(std::fs::metadata(file).with_context(|| file.display().to_string())?.len() as f64 / 1e9)
}

#[cfg(test)]
mod tests;
