//! PostgreSQL: a transaction per change, and the change log of other nodes.

mod tail;

use std::sync::Arc;
use std::time::Duration;

use primitives::Secret;
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::{ConnectOptions as _, PgPool};

use crate::StorageError;
use crate::apply::{ApplyError, Prepared};
use crate::changes::ChangeFeed;
use crate::row::Row;
use crate::sqlite::unavailable;
use crate::statement::{Expect, Statement, Value};

/// How often a change is tried again after a deadlock or a serialisation failure.
const ATTEMPTS: usize = 4;

#[derive(Debug)]
pub(crate) struct Postgres {
    pool: PgPool,
    feed: Arc<ChangeFeed>,
}

/// Parses the address; the error never shows it, since it holds a password.
pub(crate) fn options(url: &Secret<String>) -> Result<PgConnectOptions, StorageError> {
    url.expose()
        .parse::<PgConnectOptions>()
        .map(|options| options.application_name("portcullis").disable_statement_logging())
        .map_err(|_| StorageError::Unavailable("the PostgreSQL address is not a valid URL".to_owned()))
}

impl Postgres {
    pub(crate) async fn open(
        url: &Secret<String>,
        connections: u32,
        feed: Arc<ChangeFeed>,
    ) -> Result<Self, StorageError> {
        let pool = PoolOptions::new()
            .max_connections(connections.max(2))
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options(url)?)
            .await
            .map_err(unavailable)?;
        Ok(Self { pool, feed })
    }

    pub(crate) async fn find_one(
        &self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StorageError> {
        let row =
            sqlx::query_with(sql, arguments(args)?).fetch_optional(&self.pool).await.map_err(unavailable)?;
        Ok(row.map(Row::Postgres))
    }

    pub(crate) async fn list(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StorageError> {
        let rows =
            sqlx::query_with(sql, arguments(args)?).fetch_all(&self.pool).await.map_err(unavailable)?;
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }

    /// Runs in a task of its own, so that it finishes even if the caller goes away.
    pub(crate) async fn apply(&self, prepared: Prepared) -> Result<u64, ApplyError> {
        let (pool, feed) = (self.pool.clone(), self.feed.clone());
        tokio::spawn(async move {
            let outcome = apply_with_retries(&pool, &prepared).await;
            if outcome.is_ok() {
                feed.publish_own(&prepared);
            }
            outcome
        })
        .await
        .unwrap_or_else(|error| Err(StorageError::Unavailable(error.to_string()).into()))
    }

    pub(crate) fn follow_changes(&self, feed: &Arc<ChangeFeed>) {
        tokio::spawn(tail::follow(self.pool.clone(), Arc::downgrade(feed)));
    }
}

async fn apply_with_retries(pool: &PgPool, prepared: &Prepared) -> Result<u64, ApplyError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match run(pool, prepared).await {
            Ok(outcome) => return outcome,
            Err(error) if is_transient(&error) => last = Some(error),
            Err(error) => return Err(unavailable(error).into()),
        }
    }
    let message = last.map_or_else(String::new, |error| error.to_string());
    Err(StorageError::Unavailable(message).into())
}

fn is_transient(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

async fn run(pool: &PgPool, prepared: &Prepared) -> Result<Result<u64, ApplyError>, sqlx::Error> {
    let mut hit = 0;
    let mut transaction = pool.begin().await?;
    if !prepared.must_last() {
        sqlx::query("SET LOCAL synchronous_commit TO off").execute(&mut *transaction).await?;
    }
    let mut notify = false;
    for (write, Statement { sql, args, expect, change, may_be_lost: _ }) in &prepared.statements {
        notify |= change.is_some();
        let arguments = match arguments(args.clone()) {
            Ok(arguments) => arguments,
            Err(error) => return Ok(Err(error.into())),
        };
        let rows = match sqlx::query_with(*sql, arguments).execute(&mut *transaction).await {
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
    if notify {
        sqlx::query("NOTIFY portcullis_changes").execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(Ok(hit))
}

fn arguments(args: Vec<Value>) -> Result<PgArguments, StorageError> {
    use sqlx::Arguments as _;
    let mut arguments = PgArguments::default();
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
