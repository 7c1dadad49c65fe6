//! PostgreSQL: a transaction per change, and the change log of other nodes.

use std::sync::Arc;
use std::time::Duration;

use primitives::Secret;
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgListener};
use sqlx::{ConnectOptions as _, PgPool};

use crate::StorageError;
use crate::apply::{ApplyError, Prepared};
use crate::changes::{ChangeFeed, ChangeRecord};
use crate::row::Row;
use crate::sqlite::unavailable;
use crate::statement::{Expect, Statement, Value};

/// How often the log is read when nobody notifies.
const POLL: Duration = Duration::from_millis(200);
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

    pub(crate) async fn fetch(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StorageError> {
        let rows =
            sqlx::query_with(sql, arguments(args)?).fetch_all(&self.pool).await.map_err(unavailable)?;
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }

    /// Runs in a task of its own, so that it finishes even if the caller goes away.
    pub(crate) async fn apply(&self, prepared: Prepared) -> Result<(), ApplyError> {
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

    /// Reads the change log to its end again and again, woken by NOTIFY, until the pool is closed.
    pub(crate) fn follow_changes(&self, feed: &Arc<ChangeFeed>) {
        let (pool, feed) = (self.pool.clone(), Arc::downgrade(feed));
        tokio::spawn(async move {
            let mut listener = None;
            let mut seen = None;
            loop {
                if listener.is_none() {
                    listener = listen(&pool).await;
                }
                let Some(feed) = feed.upgrade() else { return };
                match read_log(&pool, seen.clone()).await {
                    Ok((records, position)) => {
                        for record in &records {
                            feed.publish(record);
                        }
                        seen = Some(position);
                        feed.saw_everything();
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the change log cannot be read; caches are read through");
                    }
                }
                drop(feed);
                match &mut listener {
                    Some(open) => {
                        if let Ok(Err(_)) = tokio::time::timeout(POLL, open.recv()).await {
                            listener = None;
                        }
                    }
                    None => tokio::time::sleep(POLL).await,
                }
            }
        });
    }
}

async fn listen(pool: &PgPool) -> Option<PgListener> {
    let mut listener = PgListener::connect_with(pool).await.ok()?;
    listener.listen("portcullis_changes").await.ok()?;
    Some(listener)
}

/// A place in the log: transaction and position of the last row seen, as text since PostgreSQL's
/// 64-bit transaction numbers have no type here.
type LogPosition = (String, i64);

/// Rows after `seen`, up to the oldest transaction still running: a row below that can no longer
/// appear, so none that commits late is skipped. The first call only finds where the log ends.
async fn read_log(
    pool: &PgPool,
    seen: Option<LogPosition>,
) -> Result<(Vec<ChangeRecord>, LogPosition), StorageError> {
    use sqlx::Row as _;
    let Some((mut xid, mut position)) = seen else {
        let row = sqlx::query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
            .fetch_one(pool)
            .await
            .map_err(unavailable)?;
        return Ok((Vec::new(), (row.try_get(0).map_err(unavailable)?, 0)));
    };
    let mut records = Vec::new();
    loop {
        let rows = sqlx::query(
            "SELECT xid::text, position, tenant, kind, key FROM changes
             WHERE (xid, position) > ($1::text::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
             ORDER BY xid, position LIMIT 1000",
        )
        .bind(&xid)
        .bind(position)
        .fetch_all(pool)
        .await
        .map_err(unavailable)?;
        for row in &rows {
            xid = row.try_get(0).map_err(unavailable)?;
            position = row.try_get(1).map_err(unavailable)?;
            let tenant: String = row.try_get(2).map_err(unavailable)?;
            if let Ok(tenant) = tenant.parse() {
                let (kind, key) =
                    (row.try_get(3).map_err(unavailable)?, row.try_get(4).map_err(unavailable)?);
                records.push(ChangeRecord { tenant, kind, key });
            }
        }
        if rows.len() < 1000 {
            return Ok((records, (xid, position)));
        }
    }
}

async fn apply_with_retries(pool: &PgPool, prepared: &Prepared) -> Result<(), ApplyError> {
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

async fn run(pool: &PgPool, prepared: &Prepared) -> Result<Result<(), ApplyError>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let mut notify = false;
    for (write, Statement { sql, args, expect, change }) in &prepared.statements {
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
    }
    if notify {
        sqlx::query("NOTIFY portcullis_changes").execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(Ok(()))
}

fn arguments(args: Vec<Value>) -> Result<PgArguments, StorageError> {
    use sqlx::Arguments as _;
    let mut arguments = PgArguments::default();
    for arg in args {
        match arg {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
        }
        .map_err(|error| StorageError::Unavailable(format!("a value cannot be bound: {error}")))?;
    }
    Ok(arguments)
}
