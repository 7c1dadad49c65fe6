//! A process that writes and says so, and the look at what it left behind.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use identity::limiter::bucket::Allowance;
use identity::limiter::shared::{Buckets as _, Take};
use oauth2::lineage::Mark;
use oauth2::ports::TokenRepository as _;
use oauth2::write::Write;
use portcullis_storage::{Durability, Location, MasterKey, OpenOptions, Storage, StorageError};
use primitives::rng::SeededRng;
use primitives::time::FixedClock;
use primitives::{Actor, AuditEvent, Change, KeyedHash, TenantId, Timestamp};

const DIRECTORY: &str = "DURABILITY_DIRECTORY";
const FIRST: &str = "DURABILITY_FIRST";
const UNSYNCED: &str = "DURABILITY_UNSYNCED";
const COUNTS: &str = "DURABILITY_COUNTS";
const WEIGHT: &str = "DURABILITY_WEIGHT";
/// The test below, by the name under which it is started.
const NAME: &str = "writer::acknowledged_writes_are_there";
/// Writes that are under way at once, so that they share commits.
const AT_ONCE: usize = 8;
/// Bytes of a heavy write: a thousand of them are a journal that is brought into the file.
pub(crate) const HEAVY: usize = 64 << 10;
/// Heavy writes after which whoever waits for something waits in vain.
pub(crate) const MOST_HEAVY: usize = 6_000;

/// How a writer runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setting {
    /// The number of its first write.
    pub(crate) first: u64,
    /// Whether SQLite is told not to sync.
    pub(crate) unsynced: bool,
    /// Whether it counts attempts and writes nothing else.
    pub(crate) counts: bool,
    /// Bytes that each of its writes has besides.
    pub(crate) weight: usize,
    /// Whether root's right to pass by file modes is taken from it.
    pub(crate) bound_by_modes: bool,
    /// Further environment.
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

/// A writer that runs.
pub(crate) struct Writer {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) said: Said,
}

/// What a writer has said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) acknowledged: BTreeSet<u64>,
    pub(crate) refused: BTreeSet<u64>,
    /// Attempts that were counted.
    pub(crate) counted: BTreeSet<u64>,
    /// Why the database could not be opened.
    pub(crate) failed: Option<String>,
}

impl Writer {
    /// Starts this binary as a writer to a database in `directory`.
    pub(crate) fn start(directory: &Path, setting: Setting) -> Self {
        let binary = std::env::current_exe().unwrap();
        let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        let mut command = if setting.bound_by_modes && is_root {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set", "-dac_override"]).arg(binary);
            command
        } else {
            Command::new(binary)
        };
        command.args(["--exact", NAME]).env(DIRECTORY, directory).env(FIRST, setting.first.to_string());
        command.env(WEIGHT, setting.weight.to_string());
        if setting.unsynced {
            command.env(UNSYNCED, "1");
        }
        if setting.counts {
            command.env(COUNTS, "1");
        }
        command.envs(setting.environment);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, said: Said::default() }
    }

    /// Listens until `enough` holds or the writer ends.
    pub(crate) fn listen(&mut self, enough: impl Fn(&Said) -> bool) {
        while !enough(&self.said) {
            let Some(Ok(line)) = self.lines.next() else { return };
            if let Some((_, number)) = line.rsplit_once("acknowledged ") {
                self.said.acknowledged.insert(number.parse().unwrap());
            } else if let Some((_, number)) = line.rsplit_once("counted ") {
                self.said.counted.insert(number.parse().unwrap());
            } else if let Some((_, number)) = line.rsplit_once("refused ") {
                self.said.refused.insert(number.parse().unwrap());
            } else if let Some((_, why)) = line.rsplit_once("failed: ") {
                self.said.failed = Some(why.to_owned());
            }
        }
    }

    /// Ends it without warning and hears what it had still said.
    pub(crate) fn kill(mut self) -> Said {
        self.child.kill().unwrap();
        self.listen(|_| false);
        self.child.wait().unwrap();
        self.said
    }
}

/// The database of a writer.
fn database(directory: &Path) -> Location {
    Location::Sqlite(directory.join("test.db"))
}

async fn open(directory: &Path, seed: u64, durability: Durability) -> Result<Storage, StorageError> {
    Storage::migrate(&database(directory)).await?;
    let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
    let options = OpenOptions { durability, ..OpenOptions::default() };
    let rng = Arc::new(SeededRng::new(seed));
    Storage::open_with(&database(directory), &MasterKey::new([7; 32]), clock, rng, options).await
}

fn change(number: u64, weight: usize) -> Change<Write> {
    let expires_at = Timestamp::from_seconds(1_900_000_000);
    let event = AuditEvent::new("test.written", Actor::System, "jwt", &number);
    Change::new(TenantId::default_tenant())
        .write(Write::RevokeJwt { jti: number.to_string(), expires_at })
        .audit(event.with("load", &"x".repeat(weight)))
}

/// An attempt at what is this number's alone.
fn attempt(number: u64) -> Take {
    let bucket = KeyedHash(number.to_be_bytes().to_vec());
    let hour = Duration::from_hours(1);
    let allowance = Allowance { burst: 5, step: hour, longest_wait: Duration::ZERO };
    Take { tenant: TenantId::default_tenant(), bucket, count: 1, allowance }
}

/// Those of the attempts that a database knows of. Opening it must succeed.
pub(crate) async fn counted(directory: &Path, attempts: &BTreeSet<u64>) -> BTreeSet<u64> {
    let storage = open(directory, u64::MAX, Durability::Full).await.unwrap();
    let mut known = BTreeSet::new();
    for number in attempts {
        let Take { tenant, bucket, .. } = attempt(*number);
        if storage.find_bucket(&tenant, &bucket).await.unwrap().is_some() {
            known.insert(*number);
        }
    }
    known
}

/// The writes that a database holds. Opening it must succeed, and every change in it must be whole.
pub(crate) async fn held(directory: &Path) -> BTreeSet<u64> {
    let storage = open(directory, u64::MAX, Durability::Full).await.unwrap();
    let tenant = TenantId::default_tenant();
    let mut held = BTreeSet::new();
    let mut below = None;
    loop {
        let page = storage.list_audit_records(&tenant, below, 500).await.unwrap();
        let Some(last) = page.last() else { break };
        below = Some(last.position());
        for record in &page {
            let written = [Mark::of_signed(&record.target_id)];
            let whole = storage.is_any_revoked(&tenant, &written).await.unwrap();
            assert!(whole, "half of change {} is there", record.target_id);
            held.insert(record.target_id.parse().unwrap());
        }
    }
    held
}

/// Asserts that what was acknowledged is there, and what was refused is not.
pub(crate) async fn check(directory: &Path, said: &Said) {
    let held = held(directory).await;
    let lost: Vec<_> = said.acknowledged.difference(&held).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let kept: Vec<_> = said.refused.intersection(&held).collect();
    assert!(kept.is_empty(), "refused and there: {kept:?}");
}

fn say(text: &str) {
    // Nobody listens any more: then there is nothing left to do either.
    writeln!(std::io::stdout().lock(), "{text}").unwrap();
}

/// Writes until it is killed. Says of each write whether it was acknowledged.
async fn write_on(directory: &Path) {
    let [first, weight] = [FIRST, WEIGHT].map(|name| std::env::var_os(name).unwrap().into_string().unwrap());
    let (first, weight): (u64, usize) = (first.parse().unwrap(), weight.parse().unwrap());
    let [unsynced, counts] = [UNSYNCED, COUNTS].map(|name| std::env::var_os(name).is_some());
    let durability = if unsynced { Durability::None } else { Durability::Full };
    let storage = match open(directory, first, durability).await {
        Ok(storage) => storage,
        Err(error) => return say(&format!("failed: {error}")),
    };
    stream::iter(first..)
        .for_each_concurrent(AT_ONCE, |number| {
            let storage = &storage;
            async move {
                let now = Timestamp::from_seconds(1_800_000_000);
                if let Ok(None) = storage.take(&[attempt(number)], &[], now).await {
                    say(&format!("counted {number}"));
                }
                if counts {
                    return;
                }
                let outcome = storage.apply(change(number, weight)).await;
                let word = if outcome.is_ok() { "acknowledged" } else { "refused" };
                say(&format!("{word} {number}"));
            }
        })
        .await;
}

/// The writer, when it is told where to write; by itself a test of a life without accidents.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_are_there() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return write_on(&PathBuf::from(directory)).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path(), 1, Durability::Full).await.unwrap();
    for number in 0..20 {
        storage.apply(change(number, 0)).await.unwrap();
    }
    assert_eq!(held(directory.path()).await, (0..20).collect());
}
