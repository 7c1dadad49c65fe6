//! SQLite: one writer with group commit, a few readers.

mod bind;
mod journal;
mod readers;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use primitives::TenantId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, SqliteConnection};
use tokio::sync::oneshot;

use self::readers::{Lookup, Readers};
use self::writer::Job;
use crate::apply::{ApplyError, Prepared};
use crate::changes::ChangeFeed;
use crate::row::Row;
use crate::statement::Value;
use crate::{Durability, StorageError};

/// Changes of one tenant that may wait; more are refused, so that memory stays bounded.
const WAITING_PER_TENANT: usize = 1024;
/// How long a connection waits for another's lock: that of a command beside a running node.
const BUSY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Sqlite {
    readers: Readers,
    queue: mpsc::Sender<Job>,
    waiting: Arc<Waiting>,
}

/// The options of connections that make the file, migrate it and see whether it can be written to.
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
        .busy_timeout(BUSY)
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
        // What stands in the way of writing is told before anything else is done.
        connect(path, durability).await?.close().await.map_err(unavailable)?;
        let readers = Readers::new(path);
        let (queue, jobs) = mpsc::channel();
        let waiting = Arc::new(Waiting::default());
        writer::start(path, durability, jobs, waiting.clone(), feed)?;
        Ok(Self { readers, queue, waiting })
    }

    pub(crate) async fn find_one(
        &self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StorageError> {
        let rows = self.readers.read(Lookup { sql, args, rows: 1 }).await?;
        Ok(rows.into_iter().next().map(Row::Sqlite))
    }

    pub(crate) async fn list(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StorageError> {
        let rows = self.readers.read(Lookup { sql, args, rows: usize::MAX }).await?;
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

#[expect(clippy::needless_pass_by_value, reason = "is given to map_err")]
pub(crate) fn unavailable(error: sqlx::Error) -> StorageError {
    StorageError::Unavailable(error.to_string())
}
