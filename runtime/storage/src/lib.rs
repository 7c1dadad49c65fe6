//! Storage: the only room that knows SQL. SQLite by default, PostgreSQL for more than one node, one
//! behaviour.
//!
//! A room's decision arrives as a [`primitives::Change`]; [`Storage::apply`] writes all of it or
//! nothing. Each area (a directory here) translates its room's `Write` enum into [`Statement`]s and
//! implements the room's repository ports; the statements' text is the same for both databases.
//! What differs between the two lives in `sqlite` and `postgres` alone.
//! Start with [`Storage::open`], then `apply.rs`.

mod apply;
mod audit;
mod cache;
mod changes;
mod data_keys;
mod database;
mod expiry;
mod federation;
mod identity;
mod jobs;
mod jose;
mod migrate;
mod oauth2;
mod postgres;
mod row;
mod sqlite;
pub mod statement;
mod stream;
mod tenancy;

use std::sync::Arc;

use primitives::{Clock, Rng, Sealer};

pub use self::identity::{DeletedOrganisation, IDENTITY_CHANGED, OrganisationSweep, SESSION_CHANGED};
pub use self::jose::SIGNING_KEYS_CHANGED;
pub use self::oauth2::{ACCESS_TOKEN_CHANGED, CLIENT_CHANGED, GRANT_CHANGED};
pub use self::tenancy::{COMPONENT_CHANGED, DeletedTenant, TENANT_CHANGED, TenantSweep};
pub use apply::{ApplyError, Prepared, Stored};
pub use audit::{AuditPosition, AuditRecord};
pub use cache::InvalidatedCache;
pub use changes::{ChangeListener, ChangeRecord, EVERYTHING_CHANGED};
pub use data_keys::MasterKey;
pub use database::Location;
pub use expiry::ExpiredCounts;
pub use jobs::{DeadMessage, DueMessage, EventCursor};
pub use migrate::{MigrationState, SCHEMA_VERSION};
pub use row::Row;
pub use statement::{Expect, Statement, Value};

use crate::changes::ChangeFeed;
use crate::database::Database;

/// What can go wrong between us and the database.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database is busy, full, gone or read-only. Nothing was written; trying later may help.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A stored row is impossible: it was written by something else or is damaged.
    #[error("inconsistent row in {table}.{column}: {detail}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with it. Never the value.
        detail: String,
    },
    /// The schema is older or newer than this binary can use; the text says what to run.
    #[error("{0}")]
    Schema(String),
    /// The master key does not open this database's data keys.
    #[error("the master key does not belong to this database")]
    WrongMasterKey,
}

/// The database, and the secrets that are kept in it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Storage {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) sealer: Sealer,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) feed: Arc<ChangeFeed>,
    pub(crate) stream: stream::AuditStream,
    pub(crate) clients: oauth2::ClientCache,
    pub(crate) keys: jose::KeyCache,
    pub(crate) tokens: oauth2::TokenCache,
}

/// How many values each cache keeps at most; 0 turns it off, and everything is read from the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSizes {
    /// Checked clients, of all tenants together.
    pub clients: u64,
    /// Tenants whose signing keys are kept parsed.
    pub signing_keys: u64,
    /// Opaque access tokens with their grants.
    pub access_tokens: u64,
}

impl CacheSizes {
    /// No caches at all.
    pub const NONE: Self = Self { clients: 0, signing_keys: 0, access_tokens: 0 };
}

/// What is rarely other than its default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// The caches.
    pub caches: CacheSizes,
    /// When SQLite makes a change durable.
    pub durability: Durability,
}

/// When SQLite makes a change durable. PostgreSQL decides for itself (`synchronous_commit`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before its caller goes on.
    #[default]
    Full,
    /// Whenever the operating system likes. No configuration leads here: it is what the tests of
    /// durability must see fail, so that their passing means something.
    None,
}

impl Default for CacheSizes {
    fn default() -> Self {
        Self { clients: 4096, signing_keys: 1024, access_tokens: 8192 }
    }
}

impl Storage {
    /// Opens the database, which must be migrated (see [`Storage::migrate`]), and unwraps its data keys.
    ///
    /// The first opening makes a data key. Starts the tasks that write and that follow the change log;
    /// they end when the last clone is dropped.
    pub async fn open(
        location: &Location,
        master: &MasterKey,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, StorageError> {
        Self::open_with(location, master, clock, rng, OpenOptions::default()).await
    }

    /// As [`Storage::open`], with options.
    pub async fn open_with(
        location: &Location,
        master: &MasterKey,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        OpenOptions { caches, durability }: OpenOptions,
    ) -> Result<Self, StorageError> {
        let feed = Arc::new(ChangeFeed::new(clock.clone()));
        let database = Database::open(location, durability, feed.clone()).await?;
        migrate::check(&database).await?;
        let keyring = data_keys::load(&database, master, clock.as_ref(), rng.as_ref()).await?;
        let sealer = Sealer::new(keyring, rng.clone());
        let stream = stream::AuditStream::start(database.clone(), clock.clone(), rng.clone());
        let clients = InvalidatedCache::following(&feed, CLIENT_CHANGED, caches.clients);
        let keys = InvalidatedCache::following(&feed, SIGNING_KEYS_CHANGED, caches.signing_keys);
        let tokens = oauth2::TokenCache::following(&feed, caches.access_tokens);
        database.follow_changes(&feed);
        let inner = Inner { database, sealer, clock, rng, feed, stream, clients, keys, tokens };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Brings the schema up to this binary's. Safe to run twice and by several nodes at once.
    pub async fn migrate(location: &Location) -> Result<MigrationState, StorageError> {
        migrate::run(location).await
    }

    /// Seals and hashes with this database's data keys.
    pub fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }

    /// Calls `listener` for every change of this node at once (before the writer's caller continues)
    /// and for those of other nodes as soon as they are seen.
    pub fn on_change(&self, listener: ChangeListener) {
        self.inner.feed.subscribe(listener);
    }

    /// Whether this node has seen every change up to a second ago. While it has not, caches are read
    /// through.
    pub fn is_caught_up(&self) -> bool {
        self.inner.feed.is_caught_up()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.find_one("SELECT 1", Vec::new()).await.map(|_| ())
    }

    pub(crate) async fn find_one(
        &self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StorageError> {
        self.inner.database.find_one(sql, args).await
    }

    pub(crate) async fn list(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StorageError> {
        self.inner.database.list(sql, args).await
    }
}
