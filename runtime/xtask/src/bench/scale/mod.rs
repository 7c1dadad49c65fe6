//! `cargo xtask bench scale`: whether tokens, look-ups and lists take as long among very many as among few.
//!
//! Two databases have the same clients and tokens, which are real and asked about; one has very many others beside them.
//! A node stands on each, and they are asked by turns, each for some seconds, at a fixed low rate: what differs is what a request
//! takes, and neither what it waits for nor what else the machine does meanwhile. More is asked about than a node keeps in
//! memory.
//!
//! What was written is brought from the journal into the file while a turn lasts, which is long enough for that, or before the
//! other side goes on: else each would pay for the other.

mod asked;
mod bulk;
mod held;

use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use self::asked::{Asked, Question};
use self::held::Held;
use super::chains::{Chain, paced};
use super::open_loop::{CONNECTIONS, Latencies};
use super::spent::Journal;
use crate::node::{self, Node, Profile};
use crate::{install, workspace};

/// How much longer than among few anything may take.
const BAR: f64 = 1.2;
/// Clients and tokens that are asked about, in a node's directory.
const ASKED: &str = "asked.json";
/// Turns that write are so many times longer: long enough for the journal to be brought into the file.
const WRITES: u32 = 3;
/// How long the clean-up may take for what has expired.
const CLEAN_UP: Duration = Duration::from_mins(10);
/// A turn is so many pieces, between which the other side has one of its own: whatever the machine does meanwhile, it does to both.
const PIECES: u32 = 4;
/// How long a node that has nothing to write may take until its journal is in the file.
const REST: Duration = Duration::from_mins(1);
/// Pages of a journal that hold nobody up on their way into the file.
const FEW_PAGES: u32 = 128;

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
    /// How many turns each side has with each question
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of each turn; three times as many where it writes
    #[arg(long, default_value_t = 8)]
    seconds: u32,
    /// Asks what has these words in its name, and nothing else
    #[arg(long, value_name = "WORDS", default_value = "")]
    only: String,
    /// Seconds of load before each turn
    #[arg(long, default_value_t = 2)]
    warm_up: u32,
    /// Makes the databases there, in a directory that does not exist yet, and leaves them; several gigabytes. Those that are
    /// there are measured again
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
}

/// A database, and what is known of it.
struct Side {
    name: &'static str,
    /// The node's directory.
    home: PathBuf,
    clients: Vec<Asked>,
}

/// What one question took on one side, a turn each.
type Turns = Vec<Latencies>;

/// Makes both databases, or takes those that are there, and measures them by turns.
pub(super) fn run(size: &Size) -> anyhow::Result<()> {
    ensure!((2..=size.clients).contains(&size.asked), "at least 2 and at most all clients are asked about");
    install::debian_packages(&[install::SQLITE, install::VMTOUCH])?;
    let binary = node::build(Profile::Release)?;
    // Removed with this, however it ends.
    let temporary;
    let directory = if let Some(directory) = &size.keep {
        directory.as_path()
    } else {
        let target = workspace::target_directory().join("bench");
        std::fs::create_dir_all(&target)?;
        temporary = tempfile::Builder::new().prefix("scale-").tempdir_in(target)?;
        temporary.path()
    };
    let mut sides = if directory.join("many").join(ASKED).exists() {
        [Side::kept("few", directory)?, Side::kept("many", directory)?]
    } else {
        std::fs::create_dir_all(directory)?;
        make(size, &binary, directory)?
    };
    let measured = measure(&mut sides, &binary, size)?;
    report(&measured);
    for side in &sides {
        println!("{}: {:.2} GB", side.name, gigabytes(&side.file())?);
    }
    println!(
        "{} turns for each, of {} s and of {} s where it writes, at a fixed rate; every answer was what it should be",
        size.rounds,
        size.seconds,
        size.seconds * WRITES
    );
    Ok(())
}

impl Side {
    /// What was made there before.
    fn kept(name: &'static str, directory: &Path) -> anyhow::Result<Self> {
        let home = directory.join(name);
        let asked = std::fs::read(home.join(ASKED)).with_context(|| home.display().to_string())?;
        Ok(Self { name, home, clients: serde_json::from_slice(&asked)? })
    }

    /// Writes down what is asked about: its secrets are nowhere else, and each refresh token is good for one turn.
    fn keep(&self) -> anyhow::Result<()> {
        Ok(std::fs::write(self.home.join(ASKED), serde_json::to_vec(&self.clients)?)?)
    }

    fn file(&self) -> PathBuf {
        self.home.join("data/portcullis.db")
    }

    /// Of its journal.
    fn index(&self) -> PathBuf {
        self.home.join("data/portcullis.db-shm")
    }
}

/// Makes the database with few, a copy of it, and all the others in the copy.
fn make(size: &Size, binary: &Path, directory: &Path) -> anyhow::Result<[Side; 2]> {
    let (few, many) = (directory.join("few"), directory.join("many"));
    let node = Node::start(binary, &few, "")?;
    let began = Instant::now();
    let mut clients = asked::make_clients(&node, size.asked)?;
    asked::give_refresh_tokens(&node, &mut clients)?;
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
    let sides = [
        Side { name: "few", home: few, clients: clients.clone() },
        Side { name: "many", home: many, clients },
    ];
    let [few, many] = &sides;

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
    few.keep()?;
    many.keep()?;
    Ok(sides)
}

/// Starts a node on each, and asks everything of both, by turns.
fn measure(sides: &mut [Side; 2], binary: &Path, size: &Size) -> anyhow::Result<Vec<(Question, [Turns; 2])>> {
    let files = [sides[0].file(), sides[1].file()];
    let _held = Held::of(&[&files[0], &files[1]])?;
    let mut nodes = Vec::new();
    for side in &mut *sides {
        let node = Node::start(binary, &side.home, "")?;
        // Before anything is measured, the clean-up has done what there is to do.
        clean_up(side)?;
        asked::give_own_tokens(&node, &mut side.clients)?;
        let began = Instant::now();
        let pages = asked::pages(&node)?;
        println!("{}: all clients are listed in {:.1} s", side.name, began.elapsed().as_secs_f64());
        nodes.push((node, pages));
    }
    let mut measured = Question::ALL.map(|question| (question, [Turns::new(), Turns::new()]));
    for round in 1..=size.rounds {
        eprintln!("round {round} of {}", size.rounds);
        for (question, turns) in measured.iter_mut().filter(|(one, _)| one.name().contains(&size.only)) {
            let mut asking = Vec::new();
            for (side, (node, pages)) in sides.iter().zip(&nodes) {
                asking.push(Asking::begin(side, node, pages, *question, size)?);
            }
            for _ in 0..PIECES {
                asking.iter_mut().try_for_each(Asking::ask)?;
            }
            for ((side, asking), turns) in sides.iter_mut().zip(asking).zip(turns) {
                turns.push(asking.end(side)?);
            }
        }
    }
    nodes.into_iter().try_for_each(|(node, _)| node.end())?;
    Ok(measured.into())
}

/// A turn of one side with one question.
struct Asking {
    name: &'static str,
    index: PathBuf,
    question: Question,
    piece: Duration,
    chains: Vec<Chain>,
    /// How far the first of them has gone round.
    gone: usize,
    begun: Journal,
    turn: Latencies,
}

impl Asking {
    /// Warms up.
    fn begin(
        side: &Side,
        node: &Node,
        pages: &[String],
        question: Question,
        size: &Size,
    ) -> anyhow::Result<Self> {
        let chains = asked::chains(node, &side.clients, pages, question)?;
        ensure!(!chains.is_empty(), "{}: nothing is there to ask for", question.name());
        let seconds = if question.writes() { size.seconds * WRITES } else { size.seconds };
        let index = side.index();
        let begun = Journal::read(&index)?;
        let piece = Duration::from_secs(seconds.into()) / PIECES;
        let mut asking = Self {
            name: side.name,
            index,
            question,
            piece,
            chains,
            gone: 0,
            begun,
            turn: Latencies::default(),
        };
        asking.pace(Duration::from_secs(size.warm_up.into()))?;
        Ok(asking)
    }

    /// Goes on where the last piece ended, with those that were not asked about yet.
    fn pace(&mut self, time: Duration) -> anyhow::Result<Latencies> {
        let asked = paced(&mut self.chains, self.question.rate(), time)?;
        let steps = asked.count() / usize::try_from(CONNECTIONS)?;
        let around = steps % self.chains.len();
        self.chains.rotate_left(around);
        self.gone += around;
        rest(self.name, &self.index)?;
        Ok(asked)
    }

    fn ask(&mut self) -> anyhow::Result<()> {
        let piece = self.pace(self.piece)?;
        self.turn.extend(piece);
        Ok(())
    }

    fn end(mut self, side: &mut Side) -> anyhow::Result<Latencies> {
        let (middle, high) = (self.turn.percentile(50), self.turn.percentile(99));
        let begun_anew = Journal::read(&self.index)?.beginnings.wrapping_sub(self.begun.beginnings);
        eprintln!(
            "  {}, {}: p50 {middle:?}, p99 {high:?}; its journal began anew {begun_anew} times",
            self.name,
            self.question.name()
        );
        if self.question == Question::Refresh {
            let gone = self.gone % self.chains.len();
            self.chains.rotate_right(gone);
            asked::keep(&mut side.clients, self.chains);
            side.keep()?;
        }
        Ok(self.turn)
    }
}

/// Waits until next to nothing is left that was written and is not in the file.
fn rest(name: &str, index: &Path) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let left = Journal::read(index)?.left;
        if left <= FEW_PAGES {
            return Ok(());
        }
        ensure!(began.elapsed() < REST, "{name}: {left} pages of the journal are still not in the file");
        std::thread::sleep(Duration::from_millis(100));
    }
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

/// The median of the turns, and of how many times longer than the turn before it each turn among many took.
fn report(measured: &[(Question, [Turns; 2])]) {
    println!(
        "| what is asked for, a second | among few: p50, p99 | among many | times (of each turn) | bar {BAR} times |"
    );
    println!("|---|---|---|---|---|");
    for (question, [few, many]) in measured.iter().filter(|(_, [few, _])| !few.is_empty()) {
        let [middle, high] = [50, 99].map(|percent| {
            let times = |(few, many): (&Latencies, &Latencies)| {
                many.percentile(percent).as_secs_f64() / few.percentile(percent).as_secs_f64()
            };
            let mut times: Vec<f64> = few.iter().zip(many).map(times).collect();
            times.sort_by(f64::total_cmp);
            times
        });
        let middle_of = |times: &[f64]| times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
        let each = |times: &[f64]| times.iter().map(|one| format!("{one:.2}")).collect::<Vec<_>>().join(" ");
        let met = if middle_of(&middle) <= BAR && middle_of(&high) <= BAR { "met" } else { "MISSED" };
        println!(
            "| {}, {} | {:?}, {:?} | {:?}, {:?} | **{:.2}** ({}), **{:.2}** ({}) | {met} |",
            question.name(),
            question.rate(),
            median(few, 50),
            median(few, 99),
            median(many, 50),
            median(many, 99),
            middle_of(&middle),
            each(&middle),
            middle_of(&high),
            each(&high),
        );
    }
}

/// The median of the turns' quantiles.
fn median(turns: &Turns, percent: usize) -> Duration {
    let mut all: Vec<Duration> = turns.iter().map(|turn| turn.percentile(percent)).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a file is far below 2^52 bytes")]
fn gigabytes(file: &Path) -> anyhow::Result<f64> {
    Ok(std::fs::metadata(file).with_context(|| file.display().to_string())?.len() as f64 / 1e9)
}

#[cfg(test)]
mod tests;
