//! Which database, and the few operations that both offer.

use std::path::PathBuf;
use std::sync::Arc;

use crate::apply::{ApplyError, Prepared};
use crate::changes::ChangeFeed;
use crate::postgres::Postgres;
use crate::row::Row;
use crate::sqlite::Sqlite;
use crate::statement::Value;
use crate::{Durability, Storage, StorageError};

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file of ours; made if it is missing.
    Sqlite(PathBuf),
    /// A server, as `postgres://user:password@host:port/database?sslmode=…`.
    Postgres {
        /// The address with credentials.
        url: primitives::Secret<String>,
        /// How many connections this node keeps at most.
        connections: u32,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
}

impl Database {
    pub(crate) async fn open(
        location: &Location,
        durability: Durability,
        feed: Arc<ChangeFeed>,
    ) -> Result<Self, StorageError> {
        Ok(match location {
            Location::Sqlite(path) => Self::Sqlite(Arc::new(Sqlite::open(path, durability, feed).await?)),
            Location::Postgres { url, connections } => {
                Self::Postgres(Arc::new(Postgres::open(url, *connections, feed).await?))
            }
        })
    }

    pub(crate) async fn find_one(
        &self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StorageError> {
        match self {
            Self::Sqlite(database) => database.find_one(sql, args).await,
            Self::Postgres(database) => database.find_one(sql, args).await,
        }
    }

    pub(crate) async fn list(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StorageError> {
        match self {
            Self::Sqlite(database) => database.list(sql, args).await,
            Self::Postgres(database) => database.list(sql, args).await,
        }
    }

    /// Gives how many rows the statements hit, all together.
    pub(crate) async fn apply(&self, prepared: Prepared) -> Result<u64, ApplyError> {
        match self {
            Self::Sqlite(database) => database.apply(prepared).await,
            Self::Postgres(database) => database.apply(prepared).await,
        }
    }

    /// Follows what other nodes change. Only one node uses an SQLite file, and it tells itself.
    pub(crate) fn follow_changes(&self, feed: &Arc<ChangeFeed>) {
        match self {
            Self::Sqlite(_) => feed.follows_itself(),
            Self::Postgres(database) => database.follow_changes(feed),
        }
    }
}

impl Storage {
    /// A word for logs: `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        match self.inner.database {
            Database::Sqlite(_) => "sqlite",
            Database::Postgres(_) => "postgres",
        }
    }
}
