//! The thread that writes: the only one that changes the file, with group commit.
//!
//! Durability costs one `fdatasync` per commit, so concurrent changes share one: the writer takes all
//! that is waiting, runs each inside its own savepoint, and commits once. A change that fails undoes
//! only itself. What may be lost by a power cut ([`Statement::may_be_lost`]) waits for the disk only where it shares its commit with
//! what may not. Tenants take turns, so that one tenant's flood delays nobody else's write by more than
//! one batch.
//!
//! It is a thread with a connection of its own, by rusqlite: sqlx runs each statement on a thread of its own, too, and
//! going there and back costs more than most statements do.

use std::cell::Cell;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{fmt, thread};

use primitives::TenantId;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::journal::{BOUNDS, Journal, finish};
use super::{BUSY, Waiting, bind};
use crate::apply::{ApplyError, Prepared};
use crate::changes::ChangeFeed;
use crate::statement::{Expect, Statement};
use crate::{Durability, StorageError};

/// Changes that one commit carries at most.
const BATCH: usize = 256;
/// A change of more statements is committed by itself: to keep what it may have to undo, savepoint by savepoint, costs more
/// than the commit that it would share.
const LARGE: usize = 256;
/// The setting that says whether a commit waits for the disk.
const SYNCHRONOUS: &str = "synchronous";
/// Statements that are kept compiled.
const STATEMENTS: usize = 128;
/// What the connection may keep of the file while it writes, in KiB (negative, as SQLite has it): a large batch that does not fit
/// writes its pages several times.
const BUSY_CACHE: i64 = -32_768;
/// After so long without a change the connection gives back what it kept, and brings the journal into the file.
const REST: Duration = Duration::from_secs(5);
/// What the journal keeps on disk when it begins anew, in bytes.
const JOURNAL: i64 = 16 << 20;

/// A change that waits to be written.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) prepared: Prepared,
    pub(super) done: oneshot::Sender<Result<u64, ApplyError>>,
}

impl Job {
    fn is_large(&self) -> bool {
        self.prepared.statements.len() > LARGE
    }

    fn shares_a_commit(&self, next: &Self) -> bool {
        !self.is_large() && !next.is_large()
    }
}

/// Opens the file and begins to write what comes.
pub(super) fn start(
    path: &Path,
    durability: Durability,
    jobs: mpsc::Receiver<Job>,
    waiting: Arc<Waiting>,
    feed: Arc<ChangeFeed>,
) -> Result<(), StorageError> {
    let writer = Writer::open(path, durability).map_err(|error| {
        StorageError::Unavailable(format!("{} cannot be opened for writing: {error}", path.display()))
    })?;
    // Whoever is told of changes may start tasks.
    let runtime = Handle::current();
    let writes = move || {
        let _context = runtime.enter();
        writer.write(&jobs, &waiting, &feed);
    };
    let started = thread::Builder::new().name("sqlite-writer".to_owned()).spawn(writes);
    started.map(drop).map_err(|error| StorageError::Unavailable(format!("no thread for the writer: {error}")))
}

struct Writer {
    connection: Connection,
    journal: Journal,
    durability: Durability,
    /// Whether a commit waits for the disk as the connection is now.
    waits: Cell<bool>,
    /// Whether something failed, and the journal may have a hole.
    failed: Cell<bool>,
    /// Whether the journal was emptied for that, and the disk need not know yet.
    is_emptied: Cell<bool>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer(…)")
    }
}

impl Writer {
    fn open(path: &Path, durability: Durability) -> Result<Self, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::None => "OFF",
        };
        connection.pragma_update(None, SYNCHRONOUS, synchronous)?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "cache_size", BUSY_CACHE)?;
        // What a savepoint may have to undo; a file would be written behind every change.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "journal_size_limit", JOURNAL)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let journal = Journal::open(path, (&connection, durability), BOUNDS)?;
        Ok(Self {
            connection,
            journal,
            durability,
            waits: Cell::new(durability == Durability::Full),
            failed: Cell::new(false),
            is_emptied: Cell::new(false),
        })
    }

    /// Sees to it that the next commit waits for the disk, or that it does not. What did not wait is on the disk with the
    /// next one that does, since the journal is one file; a power cut before that takes back whole commits, the last ones.
    fn wait_for_disk(&self, waits: bool) -> Result<(), rusqlite::Error> {
        if self.durability == Durability::Full && self.waits.replace(waits) != waits {
            self.connection.pragma_update(None, SYNCHRONOUS, if waits { "FULL" } else { "NORMAL" })?;
        }
        Ok(())
    }

    /// Ends when the last sender is gone and everything received is written.
    fn write(self, jobs: &mpsc::Receiver<Job>, waiting: &Waiting, feed: &ChangeFeed) {
        let mut backlog = VecDeque::new();
        loop {
            if backlog.is_empty() {
                match self.next(jobs) {
                    Some(job) => backlog.push_back(job),
                    None => break,
                }
            }
            backlog.extend(jobs.try_iter());
            let mut batch = take_turns(&mut backlog, BATCH);
            while let Some(together) = batch.chunk_by(Job::shares_a_commit).next().map(<[Job]>::len) {
                let jobs: Vec<Job> = batch.drain(..together).collect();
                let outcomes = self.commit(&jobs);
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    waiting.leave(&job.prepared.tenant);
                    if outcome.is_ok() {
                        feed.publish_own(&job.prepared);
                    }
                    // The caller may be gone; the change is written all the same.
                    job.done.send(outcome).ok();
                }
                self.tend_journal();
            }
        }
        self.journal.close();
        if let Err((_, error)) = self.connection.close() {
            tracing::error!(%error, "the database was not closed");
        }
    }

    /// Waits for the next change; `None` if there will be none.
    fn next(&self, jobs: &mpsc::Receiver<Job>) -> Option<Job> {
        match jobs.recv_timeout(REST) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => {
                self.rest();
                jobs.recv().ok()
            }
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Neither waits for anybody who reads.
    fn rest(&self) {
        let rests = finish(&self.connection).and_then(|()| self.execute("PRAGMA shrink_memory"));
        if let Err(error) = rests {
            tracing::debug!(%error, "the writer does not rest");
            self.failed.set(true);
        }
    }

    /// Between two commits, when whoever waited for the first was answered.
    fn tend_journal(&self) {
        if let Err(error) = self.journal.tend(&self.connection) {
            tracing::warn!(%error, "the journal was not brought into the file");
            self.failed.set(true);
        }
    }

    fn execute(&self, sql: &'static str) -> Result<(), rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        Ok(())
    }

    /// Attack: a disk fails to sync once, and forgets what it was to write (as Linux does), with commits in it that did not wait.
    /// What is committed behind them would be synced and still be lost, since a journal is read up to its first hole. So the
    /// journal is brought into the file, from what the kernel has, and emptied before anything else is written: the first part of an
    /// old journal over a newer file would be neither. The next commit waits for the disk, which then has that as well.
    fn mend(&self) -> Result<(), rusqlite::Error> {
        if !self.failed.get() {
            return Ok(());
        }
        // Beside somebody else who does the same it would fail.
        self.journal.settle();
        let is_busy: i64 =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_busy != 0 {
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None));
        }
        self.failed.set(false);
        self.is_emptied.set(true);
        Ok(())
    }

    /// Runs a batch in one transaction. Gives one outcome per job.
    fn commit(&self, batch: &[Job]) -> Vec<Result<u64, ApplyError>> {
        match self.commit_all(batch) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                // The transaction may or may not still be open (SQLite rolls back by itself when the disk is full).
                self.execute("ROLLBACK").ok();
                self.failed.set(true);
                tracing::error!(%error, "a batch of writes failed");
                let message = error.to_string();
                batch.iter().map(|_| Err(StorageError::Unavailable(message.clone()).into())).collect()
            }
        }
    }

    fn commit_all(&self, batch: &[Job]) -> Result<Vec<Result<u64, ApplyError>>, rusqlite::Error> {
        let mut outcomes = Vec::with_capacity(batch.len());
        self.mend()?;
        self.wait_for_disk(self.is_emptied.get() || batch.iter().any(|job| job.prepared.must_last()))?;
        self.execute("BEGIN IMMEDIATE")?;
        if let [alone] = batch {
            // Nobody else's change is to be kept, so the transaction itself is what is undone.
            let outcome = self.run(&alone.prepared)?;
            self.execute(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
            self.note_commit(outcome.is_ok());
            return Ok(vec![outcome]);
        }
        for job in batch {
            self.execute("SAVEPOINT change")?;
            let outcome = self.run(&job.prepared)?;
            if outcome.is_err() {
                self.execute("ROLLBACK TO change")?;
            }
            outcomes.push(outcome);
            self.execute("RELEASE change")?;
        }
        self.execute("COMMIT")?;
        self.note_commit(outcomes.iter().any(Result::is_ok));
        Ok(outcomes)
    }

    /// What changed nothing wrote nothing, and waited for nothing.
    fn note_commit(&self, has_written: bool) {
        if has_written {
            self.is_emptied.set(false);
        }
    }

    /// Runs one change's statements. The outer error is the database's, the inner one a missed guard.
    fn run(&self, prepared: &Prepared) -> Result<Result<u64, ApplyError>, rusqlite::Error> {
        let mut hit = 0;
        for (write, statement) in &prepared.statements {
            if let Err(error) = bind::check(&statement.args) {
                return Ok(Err(error.into()));
            }
            let rows = match self.run_statement(statement) {
                Ok(rows) => rows,
                Err(error) if is_taken_or_gone(&error) => {
                    return Ok(Err(ApplyError::Missed { write: *write }));
                }
                Err(error) => return Err(error),
            };
            if matches!(statement.expect, Expect::Rows(expected) if expected != rows) {
                return Ok(Err(ApplyError::Missed { write: *write }));
            }
            hit += rows;
        }
        Ok(Ok(hit))
    }

    /// Gives the rows that the statement changed.
    fn run_statement(&self, Statement { sql, args, .. }: &Statement) -> Result<u64, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        bind::bind(&mut statement, args)?;
        statement.raw_execute().map(|rows| rows as u64)
    }
}

/// A unique key is taken, or what a row refers to is gone.
fn is_taken_or_gone(error: &rusqlite::Error) -> bool {
    const CODES: [i32; 3] =
        [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ffi::SQLITE_CONSTRAINT_FOREIGNKEY];
    let cause = error.sqlite_error();
    cause.is_some_and(|cause| {
        cause.code == ErrorCode::ConstraintViolation && CODES.contains(&cause.extended_code)
    })
}

/// Takes up to `limit` jobs, one of each tenant in turn; the order within a tenant is kept.
fn take_turns(backlog: &mut VecDeque<Job>, limit: usize) -> Vec<Job> {
    if backlog.len() <= limit {
        return backlog.drain(..).collect();
    }
    let mut queues: Vec<(TenantId, VecDeque<Job>)> = Vec::new();
    for job in backlog.drain(..) {
        match queues.iter_mut().find(|(tenant, _)| *tenant == job.prepared.tenant) {
            Some((_, queue)) => queue.push_back(job),
            None => queues.push((job.prepared.tenant.clone(), VecDeque::from([job]))),
        }
    }
    let mut batch = Vec::with_capacity(limit);
    while batch.len() < limit && queues.iter().any(|(_, queue)| !queue.is_empty()) {
        let room = limit - batch.len();
        batch.extend(queues.iter_mut().filter_map(|(_, queue)| queue.pop_front()).take(room));
    }
    backlog.extend(queues.into_iter().flat_map(|(_, queue)| queue));
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(tenant: &str) -> Job {
        job_of(tenant, 1)
    }

    fn job_of(tenant: &str, statements: usize) -> Job {
        let tenant: TenantId = tenant.parse().unwrap();
        let mut prepared = Prepared::of_storage(vec![Statement::any("SELECT 1", Vec::new()); statements]);
        prepared.tenant = tenant;
        Job { prepared, done: oneshot::channel().0 }
    }

    #[test]
    fn flood_of_one_tenant_leaves_room_for_another() {
        let mut backlog: VecDeque<_> = (0..100).map(|_| job("loud")).collect();
        backlog.push_back(job("quiet"));
        let batch = take_turns(&mut backlog, 10);
        assert_eq!(batch.len(), 10);
        assert!(batch.iter().any(|job| job.prepared.tenant.as_str() == "quiet"));
        assert_eq!(backlog.len(), 91);
    }

    #[test]
    fn large_changes_are_committed_by_themselves() {
        let jobs = [1, LARGE, LARGE + 1, LARGE + 1, 1, 1].map(|statements| job_of("any", statements));
        let commits: Vec<usize> = jobs.chunk_by(Job::shares_a_commit).map(<[Job]>::len).collect();
        assert_eq!(commits, [2, 1, 1, 2]);
    }
}
