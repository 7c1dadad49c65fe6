//! SQLite: one writer with group commit, a few readers.
//!
//! Durability costs one `fdatasync` per commit, so concurrent changes share one: the writer takes all
//! that is waiting, runs each inside its own savepoint, and commits once. A change that fails undoes
//! only itself. Tenants take turns, so that one tenant's flood delays nobody else's write by more than
//! one batch.

mod readers;

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use primitives::TenantId;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use self::readers::Readers;
use crate::apply::{ApplyError, Prepared};
use crate::changes::ChangeFeed;
use crate::row::Row;
use crate::statement::{Expect, Statement, Value};
use crate::{Durability, StorageError};

/// Changes that one commit carries at most.
const BATCH: usize = 256;
/// Changes of one tenant that may wait; more are refused, so that memory stays bounded.
const WAITING_PER_TENANT: usize = 1024;
/// What each connection keeps of the file, in KiB (negative, as SQLite has it). The system's own cache
/// holds the rest, and counts for nobody.
const PAGE_CACHE: &str = "-1024";

#[derive(Debug)]
pub(crate) struct Sqlite {
    readers: Readers,
    queue: mpsc::UnboundedSender<Job>,
    waiting: Arc<Waiting>,
}

#[derive(Debug)]
struct Job {
    prepared: Prepared,
    done: oneshot::Sender<Result<u64, ApplyError>>,
}

/// The connection options that readers, writer and migrations share.
fn options(path: &Path, durability: Durability) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match durability {
            Durability::Full => SqliteSynchronous::Full,
            Durability::None => SqliteSynchronous::Off,
        })
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", PAGE_CACHE)
        .disable_statement_logging()
}

/// A connection that can write. Of a file or a directory that cannot be written to SQLite takes note at
/// the first write only (`BEGIN IMMEDIATE` is none), so there is one here that is taken back: the
/// operator learns of it at once, with the path.
pub(crate) async fn connect(path: &Path, durability: Durability) -> Result<SqliteConnection, StorageError> {
    let open = async {
        let mut connection = options(path, durability).connect().await?;
        connection.execute("BEGIN IMMEDIATE").await?;
        connection.execute("PRAGMA user_version = 0").await?;
        connection.execute("ROLLBACK").await?;
        sync_directory(path).await?;
        Ok(connection)
    };
    open.await.map_err(|error: sqlx::Error| {
        StorageError::Unavailable(format!("{} cannot be opened for writing: {error}", path.display()))
    })
}

/// Attack: the journal with which SQLite made the file was removed, but the removal never reached the disk;
/// after a power cut it rolls the database back to when it was empty. SQLite syncs a directory only when
/// it adds to it.
async fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    tokio::fs::File::open(directory.unwrap_or(Path::new("."))).await?.sync_all().await
}

impl Sqlite {
    pub(crate) async fn open(
        path: &Path,
        durability: Durability,
        feed: Arc<ChangeFeed>,
    ) -> Result<Self, StorageError> {
        let writer = connect(path, durability).await?;
        let readers = Readers::new(options(path, durability).pragma("query_only", "1"));
        let (queue, jobs) = mpsc::unbounded_channel();
        let waiting = Arc::new(Waiting::default());
        tokio::spawn(write(writer, jobs, waiting.clone(), feed));
        Ok(Self { readers, queue, waiting })
    }

    pub(crate) async fn find_one(
        &self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StorageError> {
        Ok(self.readers.find_one(sql, arguments(args)?).await?.map(Row::Sqlite))
    }

    pub(crate) async fn list(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StorageError> {
        let rows = self.readers.list(sql, arguments(args)?).await?;
        Ok(rows.into_iter().map(Row::Sqlite).collect())
    }

    pub(crate) async fn apply(&self, prepared: Prepared) -> Result<u64, ApplyError> {
        if !self.waiting.enter(&prepared.tenant) {
            return Err(
                StorageError::Unavailable("too many writes of this tenant are waiting".to_owned()).into()
            );
        }
        let (done, outcome) = oneshot::channel();
        let gone = || StorageError::Unavailable("the writer has ended".to_owned());
        self.queue.send(Job { prepared, done }).map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }
}

/// How many changes of each tenant wait.
#[derive(Debug, Default)]
struct Waiting(Mutex<HashMap<TenantId, usize>>);

impl Waiting {
    fn enter(&self, tenant: &TenantId) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(tenant.clone()).or_default();
        let admitted = *count < WAITING_PER_TENANT;
        *count += usize::from(admitted);
        admitted
    }

    fn leave(&self, tenant: &TenantId) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(tenant);
            }
        }
    }
}

/// The writer: ends when the last sender is gone and everything received is written.
async fn write(
    mut connection: SqliteConnection,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    waiting: Arc<Waiting>,
    feed: Arc<ChangeFeed>,
) {
    let mut backlog = VecDeque::new();
    loop {
        if backlog.is_empty() {
            match jobs.recv().await {
                Some(job) => backlog.push_back(job),
                None => break,
            }
        }
        while let Ok(job) = jobs.try_recv() {
            backlog.push_back(job);
        }
        let batch = take_turns(&mut backlog, BATCH);
        let outcomes = commit(&mut connection, &batch).await;
        for (job, outcome) in batch.into_iter().zip(outcomes) {
            waiting.leave(&job.prepared.tenant);
            if outcome.is_ok() {
                feed.publish_own(&job.prepared);
            }
            // The caller may be gone; the change is written all the same.
            job.done.send(outcome).ok();
        }
    }
    connection.close().await.ok();
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

/// Runs a batch in one transaction. Gives one outcome per job.
async fn commit(connection: &mut SqliteConnection, batch: &[Job]) -> Vec<Result<u64, ApplyError>> {
    match commit_all(connection, batch).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            // The transaction may or may not still be open (SQLite rolls back by itself when the disk is full).
            connection.execute("ROLLBACK").await.ok();
            tracing::error!(%error, "a batch of writes failed");
            let message = error.to_string();
            batch.iter().map(|_| Err(StorageError::Unavailable(message.clone()).into())).collect()
        }
    }
}

async fn commit_all(
    connection: &mut SqliteConnection,
    batch: &[Job],
) -> Result<Vec<Result<u64, ApplyError>>, sqlx::Error> {
    let mut outcomes = Vec::with_capacity(batch.len());
    connection.execute("BEGIN IMMEDIATE").await?;
    if let [alone] = batch {
        // Nobody else's change is to be kept, so the transaction itself is what is undone.
        let outcome = run(connection, &alone.prepared).await?;
        connection.execute(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
        return Ok(vec![outcome]);
    }
    for job in batch {
        connection.execute("SAVEPOINT change").await?;
        match run(connection, &job.prepared).await? {
            Ok(rows) => outcomes.push(Ok(rows)),
            Err(missed) => {
                connection.execute("ROLLBACK TO change").await?;
                outcomes.push(Err(missed));
            }
        }
        connection.execute("RELEASE change").await?;
    }
    connection.execute("COMMIT").await?;
    Ok(outcomes)
}

/// Runs one change's statements. The outer error is the database's, the inner one a missed guard.
async fn run(
    connection: &mut SqliteConnection,
    prepared: &Prepared,
) -> Result<Result<u64, ApplyError>, sqlx::Error> {
    let mut hit = 0;
    for (write, Statement { sql, args, expect, .. }) in &prepared.statements {
        let arguments = match arguments(args.clone()) {
            Ok(arguments) => arguments,
            Err(error) => return Ok(Err(error.into())),
        };
        let rows = match sqlx::query_with(*sql, arguments).execute(&mut *connection).await {
            Ok(done) => done.rows_affected(),
            Err(sqlx::Error::Database(error))
                if error.is_unique_violation() || error.is_foreign_key_violation() =>
            {
                return Ok(Err(ApplyError::Missed { write: *write }));
            }
            Err(error) => return Err(error),
        };
        if matches!(expect, Expect::Rows(expected) if *expected != rows) {
            return Ok(Err(ApplyError::Missed { write: *write }));
        }
        hit += rows;
    }
    Ok(Ok(hit))
}

fn arguments(args: Vec<Value>) -> Result<SqliteArguments, StorageError> {
    use sqlx::Arguments as _;
    let mut arguments = SqliteArguments::default();
    for arg in args {
        match arg {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
            Value::Unbindable(reason) => Err(reason.into()),
        }
        .map_err(|error| StorageError::Unavailable(format!("a value cannot be bound: {error}")))?;
    }
    Ok(arguments)
}

#[expect(clippy::needless_pass_by_value, reason = "is given to map_err")]
pub(crate) fn unavailable(error: sqlx::Error) -> StorageError {
    StorageError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(tenant: &str) -> Job {
        let tenant: TenantId = tenant.parse().unwrap();
        let mut prepared = Prepared::of_storage(vec![Statement::any("SELECT 1", Vec::new())]);
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
}
