//! What an answer costs beside time: commits, bytes that are written, and CPU.
//!
//! A commit is a transaction that wrote something and waited until it was durable. On SQLite the index of the journal counts
//! them; on PostgreSQL each takes a transaction id, and the bytes are those of the write-ahead log.

use anyhow::{Context, ensure};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// What had been spent at some time.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    /// Of the process that is measured.
    pub(super) cpu: Duration,
    /// Of each process of the database, if it is another's.
    pub(super) database: Vec<(u32, Duration)>,
    /// Bytes that went to the disk.
    pub(super) bytes: u64,
    /// Nothing where data is in memory.
    pub(super) commits: Option<u64>,
}

/// What was spent on some operations.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    operations: u64,
    cpu: Duration,
    database: Duration,
    bytes: u64,
    commits: Option<u64>,
}

impl Reading {
    /// Returns what was spent since `self` was read, on so many operations.
    pub(super) fn until(&self, later: &Self, operations: u64) -> Spent {
        let before = |pid: u32| self.database.iter().find(|(known, _)| *known == pid).map(|(_, cpu)| *cpu);
        // A process that was not there before has spent all of it meanwhile.
        let database =
            later.database.iter().map(|(pid, cpu)| cpu.saturating_sub(before(*pid).unwrap_or_default()));
        Spent {
            operations,
            cpu: later.cpu.saturating_sub(self.cpu),
            database: database.sum(),
            bytes: later.bytes.saturating_sub(self.bytes),
            commits: later.commits.zip(self.commits).map(|(later, before)| later.saturating_sub(before)),
        }
    }
}

impl Spent {
    /// Adds another run's.
    pub(super) fn add(&mut self, other: Self) {
        self.commits = if self.operations == 0 {
            other.commits
        } else {
            self.commits.zip(other.commits).map(|(one, two)| one + two)
        };
        self.operations += other.operations;
        self.cpu += other.cpu;
        self.database += other.database;
        self.bytes += other.bytes;
    }

    /// Shows what one operation took: commits, bytes and microseconds of CPU, those of the database apart.
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
    pub(super) fn each(&self) -> String {
        if self.operations == 0 {
            return "–".to_owned();
        }
        let operations = self.operations as f64;
        let commits =
            self.commits.map_or("–".to_owned(), |commits| format!("{:.3}", commits as f64 / operations));
        let bytes = self.bytes as f64 / operations;
        let microseconds = |cpu: Duration| cpu.as_secs_f64() * 1e6 / operations;
        let mut text = format!("{commits} / {bytes:.0} / {:.1}", microseconds(self.cpu));
        if !self.database.is_zero() {
            let _ = write!(text, " + {:.1}", microseconds(self.database));
        }
        text
    }
}

/// What the index of an SQLite journal (mode WAL) says (`…-shm`; <https://sqlite.org/walformat.html>, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Journal {
    /// Transactions, ever.
    pub(super) commits: u32,
    /// Pages that are not in the file yet.
    pub(super) left: u32,
    /// Goes up by one each time that the journal begins anew.
    pub(super) beginnings: u32,
}

impl Journal {
    /// Reads a header that is there twice, and behind it how many pages were brought into the file.
    pub(super) fn read(index: &Path) -> anyhow::Result<Self> {
        /// Bytes of the header, and of its copy.
        const HEADER: usize = 48;
        /// With the number behind both.
        const ALL: usize = 2 * HEADER + 4;
        /// Looks, since the file is read while it changes.
        const LOOKS: usize = 1_000;
        for _ in 0..LOOKS {
            let bytes = first_bytes::<ALL>(index).with_context(|| index.display().to_string())?;
            if bytes.get(..HEADER) != bytes.get(HEADER..2 * HEADER) {
                continue;
            }
            let number = |at: usize| -> anyhow::Result<[u8; 4]> {
                bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).context("a short header")
            };
            let native = |at: usize| number(at).map(u32::from_ne_bytes);
            let (commits, pages, in_file) = (native(8)?, native(16)?, native(2 * HEADER)?);
            ensure!(commits > 0, "{}: no commit is counted", index.display());
            // The salt is copied as the journal has it, with its first byte first.
            let beginnings = number(32).map(u32::from_be_bytes)?;
            return Ok(Self { commits, left: pages.saturating_sub(in_file), beginnings });
        }
        anyhow::bail!("{} is never read whole", index.display())
    }
}

fn first_bytes<const COUNT: usize>(path: &Path) -> std::io::Result<[u8; COUNT]> {
    use std::io::Read as _;
    let mut bytes = [0; COUNT];
    std::fs::File::open(path)?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cpu: u64, database: &[(u32, u64)], bytes: u64, commits: Option<u64>) -> Reading {
        let millis = Duration::from_millis;
        let database = database.iter().map(|(pid, cpu)| (*pid, millis(*cpu))).collect();
        Reading { cpu: millis(cpu), database, bytes, commits }
    }

    #[test]
    fn what_was_spent_is_divided_by_what_was_done() {
        let before = reading(100, &[(1, 50), (2, 7)], 1_000, Some(10));
        let after = reading(110, &[(1, 60), (3, 5)], 11_000, Some(30));
        let mut spent = before.until(&after, 100);
        assert_eq!(spent.each(), "0.200 / 100 / 100.0 + 150.0");
        spent.add(spent);
        assert_eq!(spent.each(), "0.200 / 100 / 100.0 + 150.0");
        let mut sum = Spent::default();
        assert_eq!(sum.each(), "–");
        sum.add(reading(0, &[], 0, None).until(&reading(1, &[], 0, None), 10));
        assert_eq!(sum.each(), "– / 0 / 100.0");
    }

    #[test]
    fn index_of_the_journal_says_what_was_committed_and_what_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let index = directory.path().join("x.db-shm");
        let mut header = [0_u8; 48];
        header.get_mut(8..12).unwrap().copy_from_slice(&258_u32.to_ne_bytes());
        header.get_mut(16..20).unwrap().copy_from_slice(&1_000_u32.to_ne_bytes());
        header.get_mut(32..36).unwrap().copy_from_slice(&[0, 0, 1, 2]);
        let in_file = 400_u32.to_ne_bytes();
        std::fs::write(&index, [&header[..], &header, &in_file].concat()).unwrap();
        let said = Journal { commits: 258, left: 600, beginnings: 258 };
        assert_eq!(Journal::read(&index).unwrap(), said);
        // Its copy is of another moment.
        std::fs::write(&index, [&header[..], &[0; 48], &in_file].concat()).unwrap();
        assert!(Journal::read(&index).is_err());
    }
}
