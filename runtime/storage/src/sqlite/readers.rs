//! The connections that read, and whose turn they are.
//!
//! Not sqlx's pool: after each use that one spawns a task which asks the connection's thread whether it is
//! still there, so that every look-up costs two trips to that thread instead of one. A connection to a
//! file of ours does not go away; one that failed is closed and made anew.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, SqliteConnection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::unavailable;
use crate::StorageError;

/// Connections that read at once.
const READERS: usize = 4;
/// How long a look-up waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteConnectOptions,
    turns: Semaphore,
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Readers {
    /// None is opened before it is needed.
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self { options, turns: Semaphore::new(READERS), idle: Mutex::default() }
    }

    /// The first row that a statement gives.
    pub(super) async fn find_one(
        &self,
        sql: &'static str,
        arguments: SqliteArguments,
    ) -> Result<Option<SqliteRow>, StorageError> {
        self.read(async |connection| sqlx::query_with(sql, arguments).fetch_optional(connection).await).await
    }

    /// All rows that a statement gives.
    pub(super) async fn list(
        &self,
        sql: &'static str,
        arguments: SqliteArguments,
    ) -> Result<Vec<SqliteRow>, StorageError> {
        self.read(async |connection| sqlx::query_with(sql, arguments).fetch_all(connection).await).await
    }

    async fn read<T>(
        &self,
        read: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StorageError> {
        let busy = || StorageError::Unavailable("too many look-ups are waiting".to_owned());
        let turn = timeout(PATIENCE, self.turns.acquire()).await.map_err(|_| busy())?;
        let _turn = turn.map_err(|_| busy())?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(unavailable)?,
        };
        // A look-up that is given up drops its connection: the next one opens another.
        let found = read(&mut connection).await.map_err(unavailable)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(found)
    }
}
