//! The connections that read, and where a look-up runs.
//!
//! A look-up by its key takes a few microseconds, less than it takes to wake another thread; so it runs on the thread
//! that asks. Attack: a look-up that takes long there holds up everybody else's requests. Therefore it has
//! so many steps of SQLite's machine and no wait for a lock; one that needs more is interrupted and begun
//! anew on a thread that may be held up, with a bound on how many do so at once. What nobody waits for any longer is
//! interrupted there, too.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::Value as Column;
use rusqlite::{Connection, Error, ErrorCode, InterruptHandle, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{BUSY, bind};
use crate::StorageError;
use crate::statement::Value;

/// Long look-ups at once, and connections that are kept.
const READERS: usize = 4;
/// How long a long look-up waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two questions whether to go on.
const STEPS: i32 = 1_000;
/// How often the answer is yes for a look-up on the thread that asks: 20,000 steps are about a millisecond.
const SHORT: u32 = 20;
/// Statements that each connection keeps compiled.
const STATEMENTS: usize = 64;
/// What each connection keeps of the file, in KiB (negative, as SQLite has it). The system's own cache
/// holds the rest, and counts for nobody.
const PAGE_CACHE: i64 = -1_024;

/// The columns of a row.
pub(super) type Columns = Vec<Column>;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Reader>>>,
    long: Arc<Semaphore>,
}

/// What to read.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    pub(super) sql: &'static str,
    pub(super) args: Vec<Value>,
    /// How many rows are wanted at most.
    pub(super) rows: usize,
}

impl Readers {
    /// None is opened before it is needed.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Arc::default(), long: Arc::new(Semaphore::new(READERS)) }
    }

    /// The rows that a look-up gives.
    pub(super) async fn read(&self, lookup: Lookup) -> Result<Vec<Columns>, StorageError> {
        bind::check(&lookup.args)?;
        let reader = self.reader().await?;
        match reader.read_shortly(&lookup) {
            Err(error) if is_long(&error) => self.read_elsewhere(reader, lookup).await,
            found => self.give_back(reader, found),
        }
    }

    async fn read_elsewhere(&self, reader: Reader, lookup: Lookup) -> Result<Vec<Columns>, StorageError> {
        let busy = || StorageError::Unavailable("too many look-ups are waiting".to_owned());
        let turn = timeout(PATIENCE, self.long.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        let (reader, found) = reader.read_until_given_up(lookup, turn).await?;
        self.give_back(reader, found)
    }

    async fn reader(&self) -> Result<Reader, StorageError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(reader) = idle {
            return Ok(reader);
        }
        let path = self.path.clone();
        let opened = elsewhere(move || Reader::open(&path)).await?;
        opened.map_err(|error| unavailable(&error))
    }

    /// A connection that failed is closed: the next look-up opens another.
    fn give_back<T>(&self, reader: Reader, found: Result<T, Error>) -> Result<T, StorageError> {
        let found = found.map_err(|error| unavailable(&error))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS {
            idle.push(reader);
        }
        Ok(found)
    }
}

/// Runs on a thread that may be held up.
async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StorageError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StorageError::Unavailable(format!("a look-up ended: {error}")))
}

struct Reader {
    connection: Connection,
    /// How often the present look-up may go on.
    patience: Arc<AtomicU32>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Reader {
    fn open(path: &Path) -> Result<Self, Error> {
        // To read beside a writer is to write to the index of its journal; what it must not write is said below.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", "ON")?;
        connection.pragma_update(None, "cache_size", PAGE_CACHE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let patience = Arc::new(AtomicU32::new(0));
        let left = patience.clone();
        let is_over = move || {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
        };
        connection.progress_handler(STEPS, Some(is_over))?;
        Ok(Self { connection, patience })
    }

    fn read_shortly(&self, lookup: &Lookup) -> Result<Vec<Columns>, Error> {
        self.connection.busy_timeout(Duration::ZERO)?;
        self.patience.store(SHORT, Ordering::Relaxed);
        self.read(lookup)
    }

    /// Reads where it holds nobody up, and ends when nobody waits for it. The connection comes back when nothing interrupts it any
    /// more: whoever has it next would be interrupted instead.
    async fn read_until_given_up(
        self,
        lookup: Lookup,
        turn: OwnedSemaphorePermit,
    ) -> Result<(Self, Result<Vec<Columns>, Error>), StorageError> {
        let _until_given_up = InterruptOnDrop(self.connection.get_interrupt_handle());
        elsewhere(move || {
            let _turn = turn;
            let found = self.read_at_length(&lookup);
            (self, found)
        })
        .await
    }

    fn read_at_length(&self, lookup: &Lookup) -> Result<Vec<Columns>, Error> {
        self.connection.busy_timeout(BUSY)?;
        self.patience.store(u32::MAX, Ordering::Relaxed);
        self.read(lookup)
    }

    fn read(&self, Lookup { sql, args, rows: wanted }: &Lookup) -> Result<Vec<Columns>, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        bind::bind(&mut statement, args)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while found.len() < *wanted
            && let Some(row) = rows.next()?
        {
            found.push((0..columns).map(|column| row.get(column)).collect::<Result<_, _>>()?);
        }
        Ok(found)
    }
}

/// What nobody waits for any longer ends.
struct InterruptOnDrop(InterruptHandle);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

/// Whether a look-up is one for a thread that may be held up.
fn is_long(error: &Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn unavailable(error: &Error) -> StorageError {
    StorageError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT_TO: &str =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT MAX(i) FROM n";

    fn readers() -> (tempfile::TempDir, Readers) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        (directory, Readers::new(&path))
    }

    fn count_to(number: i64) -> Lookup {
        Lookup { sql: COUNT_TO, args: vec![number.into()], rows: 1 }
    }

    #[tokio::test]
    async fn a_short_look_up_never_leaves_its_thread() {
        let (_directory, readers) = readers();
        // Nobody may run elsewhere.
        readers.long.close();
        for _ in 0..100 {
            assert_eq!(readers.read(count_to(100)).await.unwrap(), [[Column::Integer(100)]]);
        }
        readers.read(count_to(1_000_000)).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_long_look_up_holds_nobody_up() {
        let (_directory, readers) = readers();
        let (found, others) = tokio::join!(readers.read(count_to(2_000_000)), async {
            let mut turns = 0;
            while readers.idle.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
                turns += 1;
            }
            turns
        });
        assert_eq!(found.unwrap(), [[Column::Integer(2_000_000)]]);
        assert!(others > 100, "the thread was held up: {others}");
    }

    #[tokio::test]
    async fn a_look_up_that_nobody_waits_for_ends() {
        let (_directory, readers) = readers();
        let without_end = readers.read(count_to(i64::MAX));
        timeout(Duration::from_millis(100), without_end).await.unwrap_err();
        let all = readers.long.acquire_many(u32::try_from(READERS).unwrap());
        drop(timeout(Duration::from_mins(1), all).await.unwrap().unwrap());
    }

    #[tokio::test]
    async fn a_look_up_waits_for_a_lock_where_it_holds_nobody_up() {
        let (directory, readers) = readers();
        let other = Connection::open(directory.path().join("database")).unwrap();
        other
            .execute_batch("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE t (i); INSERT INTO t VALUES (7)")
            .unwrap();
        let find = readers.read(Lookup { sql: "SELECT i FROM t", args: Vec::new(), rows: 9 });
        let (found, ()) = tokio::join!(find, async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            drop(other);
        });
        assert_eq!(found.unwrap(), [[Column::Integer(7)]]);
    }

    #[tokio::test]
    async fn a_reader_writes_nothing() {
        let (_directory, readers) = readers();
        let write = Lookup { sql: "CREATE TABLE t (i) ", args: Vec::new(), rows: 1 };
        let error = readers.read(write).await.unwrap_err().to_string();
        assert!(error.contains("readonly"), "{error}");
    }
}
