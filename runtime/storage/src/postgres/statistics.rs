//! What PostgreSQL knows of tables that fill quickly.
//!
//! It looks at them by itself after a minute or more. Until then it takes a table that was empty for one of few rows, and any
//! index for as good as the one that finds a row by its key: a new installation's first thousands of tokens are found by reading all
//! of their tenant's, and the plans are kept. So whoever uses the database has a table looked at as soon as it is three times as large as
//! when that was last done: a dozen times in a table's life, some milliseconds each.

use std::sync::Weak;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Error, Row as _};

use super::pool::Pool;
use crate::changes::ChangeFeed;

/// How often the sizes are compared, which are counted anyway.
const EVERY: Duration = Duration::from_secs(2);

/// Gives a statement for each table that has grown so, with names as the server quotes them. What another node has under way is
/// left to it, and what is another's who made the tables, the server skips by itself.
const GROWN: &str = "SELECT format('ANALYZE (SKIP_LOCKED) %I.%I', s.schemaname, s.relname)
     FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
     WHERE s.schemaname = current_schema() AND s.n_live_tup >= 50 AND s.n_live_tup > 3 * GREATEST(c.reltuples, 0)";

/// Has tables looked at until nobody uses the database any more.
pub(super) async fn follow(pool: Pool, feed: Weak<ChangeFeed>) {
    while feed.strong_count() > 0 {
        if let Err(error) = look(&pool).await {
            tracing::debug!(%error, "the database's statistics were not brought up to date");
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn look(pool: &Pool) -> Result<(), Error> {
    let mut lent = pool.lend().await?;
    let connection = lent.connection()?;
    for row in sqlx::query(GROWN).fetch_all(&mut *connection).await? {
        let analyze: String = row.try_get(0)?;
        sqlx::query(AssertSqlSafe(analyze)).execute(&mut *connection).await?;
    }
    lent.give_back();
    Ok(())
}
