//! PostgreSQL: a statement or a transaction per change, and the change log of other nodes.

mod compose;
mod pool;
mod statistics;
mod tail;

use std::sync::Arc;

use primitives::Secret;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Error, Row as _};

use crate::StorageError;
use crate::apply::{ApplyError, Prepared};
use crate::changes::ChangeFeed;
use crate::row::Row;
use crate::sqlite::unavailable;
use crate::statement::{Expect, Statement, Value};
use compose::{Composed, compose};
use pool::Pool;

/// How often a change is tried again after a deadlock, a serialisation failure or a restart of the server.
const ATTEMPTS: usize = 4;

#[derive(Debug)]
pub(crate) struct Postgres {
    pool: Pool,
    options: PgConnectOptions,
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
        let options = options(url)?;
        // One listens to what other nodes change.
        let connections = connections.saturating_sub(1).try_into().unwrap_or(usize::MAX);
        let pool = Pool::open(options.clone(), connections).await.map_err(unavailable)?;
        Ok(Self { pool, options, feed })
    }

    /// The first row; such statements ask for one.
    pub(crate) async fn find_one(
        &self,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StorageError> {
        Ok(self.list(sql, args).await?.into_iter().next())
    }

    pub(crate) async fn list(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StorageError> {
        let read = read(&self.pool, sql, arguments(args.clone())?).await;
        let rows = match read {
            // Whoever was lent a connection that the server has closed since asks on another.
            Err(error) if is_gone(&error) => {
                self.pool.forget_idle();
                self::read(&self.pool, sql, arguments(args)?).await
            }
            read => read,
        };
        Ok(rows.map_err(unavailable)?.into_iter().map(Row::Postgres).collect())
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
        tokio::spawn(statistics::follow(self.pool.clone(), Arc::downgrade(feed)));
        tokio::spawn(tail::follow(self.pool.clone(), self.options.clone(), Arc::downgrade(feed)));
    }
}

async fn apply_with_retries(pool: &Pool, prepared: &Prepared) -> Result<u64, ApplyError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match run(pool, prepared).await {
            Ok(outcome) => return outcome,
            Err(Failed { error, again: true }) => {
                if is_gone(&error) {
                    pool.forget_idle();
                }
                last = Some(error);
            }
            Err(Failed { error, again: false }) => return Err(unavailable(error).into()),
        }
    }
    let message = last.map_or_else(String::new, |error| error.to_string());
    Err(StorageError::Unavailable(message).into())
}

/// A change that was not applied, or of which nobody knows.
struct Failed {
    error: Error,
    /// Nothing was written, and it may be tried again at once.
    again: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        // A deadlock, a serialisation failure, and a server that ends: each undoes what it had begun, or says nothing.
        let again = matches!(code(&error).as_deref(), Some("40001" | "40P01" | "57P01"));
        Self { error, again }
    }
}

impl Failed {
    /// Nothing was asked of the server yet that lasts. Whoever has waited for a connection in vain does not wait again.
    fn before(error: Error) -> Self {
        Self { again: is_gone(&error), error }
    }
}

fn code(error: &Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code)
}

/// Whether the server has closed the connection: it was restarted, say.
fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Io(_)) || code(error).is_some_and(|code| code.starts_with("57P"))
}

async fn read(pool: &Pool, sql: &'static str, arguments: PgArguments) -> Result<Vec<PgRow>, Error> {
    let mut lent = pool.lend().await?;
    let rows = sqlx::query_with(sql, arguments).fetch_all(lent.connection()?).await?;
    lent.give_back();
    Ok(rows)
}

/// What became of a change: how many rows it hit, or why nothing of it was written.
type Outcome = Result<u64, ApplyError>;

async fn run(pool: &Pool, prepared: &Prepared) -> Result<Outcome, Failed> {
    let mut lent = pool.lend().await.map_err(Failed::before)?;
    let connection = lent.connection()?;
    let outcome = match run_composed(connection, prepared).await? {
        Some(hit) => Ok(hit),
        None => run_together(connection, prepared).await?,
    };
    lent.give_back();
    Ok(outcome)
}

/// Runs a change in one statement; none if it cannot be one, or does not hold, and nothing was written.
async fn run_composed(connection: &mut PgConnection, prepared: &Prepared) -> Result<Option<u64>, Failed> {
    let Some(Composed { sql, args }) = compose(prepared) else { return Ok(None) };
    // What has no form in a column fails by itself.
    let Ok(arguments) = arguments(args) else { return Ok(None) };
    // Made of texts of ours alone.
    let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
    match query.fetch_one(connection).await {
        Ok(row) => Ok(Some(row.try_get::<i64, _>(0)?.cast_unsigned())),
        Err(error) if is_missed(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a guard did not hold: a division by zero, another's row of the same key, or none where one must be.
fn is_missed(error: &Error) -> bool {
    matches!(code(error).as_deref(), Some("22012" | "23505" | "23503"))
}

/// Runs a change in a transaction, which tells what of it does not hold.
async fn run_together(connection: &mut PgConnection, prepared: &Prepared) -> Result<Outcome, Failed> {
    let begin = if prepared.must_last() { "BEGIN" } else { "BEGIN; SET LOCAL synchronous_commit TO off" };
    let mut transaction = connection.begin_with(begin).await.map_err(Failed::before)?;
    let (mut hit, mut notify) = (0, false);
    for (write, statement) in &prepared.statements {
        notify |= statement.change.is_some();
        match execute(&mut transaction, *write, statement).await? {
            Ok(rows) => hit += rows,
            missed => {
                transaction.rollback().await?;
                return Ok(missed);
            }
        }
    }
    if notify {
        sqlx::query("NOTIFY portcullis_changes").execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(Ok(hit))
}

async fn execute(
    connection: &mut PgConnection,
    write: usize,
    statement: &Statement,
) -> Result<Outcome, Error> {
    let arguments = match arguments(statement.args.clone()) {
        Ok(arguments) => arguments,
        Err(error) => return Ok(Err(error.into())),
    };
    let rows = match sqlx::query_with(statement.sql, arguments).execute(connection).await {
        Ok(done) => done.rows_affected(),
        Err(Error::Database(error)) if error.is_unique_violation() || error.is_foreign_key_violation() => {
            return Ok(Err(ApplyError::Missed { write }));
        }
        Err(error) => return Err(error),
    };
    let missed = matches!(statement.expect, Expect::Rows(expected) if expected != rows);
    Ok(if missed { Err(ApplyError::Missed { write }) } else { Ok(rows) })
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
