//! Follows the change log that all nodes share.
//!
//! Attack: a transaction of anybody on the same server hangs for an hour; or one that inserted its rows
//! early commits late. A reader who goes by position alone skips the late one for ever, and one who waits
//! for the hanging one learns of no revocation. So rows are told as soon as they are visible, while the
//! place from which the next look begins moves only over rows below the oldest transaction still running:
//! below that nothing can appear any more.

use std::collections::HashSet;
use std::sync::Weak;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions};

use super::pool::Pool;
use crate::StorageError;
use crate::changes::{ChangeFeed, ChangeRecord};
use crate::expiry::CHANGES_KEPT_AT_LEAST;
use crate::sqlite::unavailable;

/// How often the log is read when nobody notifies.
const POLL: Duration = Duration::from_millis(200);
/// Rows that one statement reads.
const PAGE: i64 = 1000;
/// Rows above the oldest running transaction that are read again at each look. With more than these the
/// node counts as not caught up, and caches are read through.
const UNSETTLED: usize = 10_000;

/// Reads the change log to its end again and again, woken by NOTIFY, until nobody listens any more.
pub(super) async fn follow(pool: Pool, options: PgConnectOptions, feed: Weak<ChangeFeed>) {
    let mut listener = None;
    let mut tail = None;
    let mut last_look = None;
    loop {
        if listener.is_none() {
            listener = listen(&options).await;
        }
        let Some(feed) = feed.upgrade() else { return };
        let began = feed.now();
        match look(&pool, &mut tail).await {
            Ok(Look { records, to_the_end }) => {
                let away = last_look.is_some_and(|last| began.since(last) > CHANGES_KEPT_AT_LEAST / 2);
                if away {
                    feed.forget_everything();
                }
                for record in &records {
                    feed.publish(record);
                }
                last_look = Some(began);
                if to_the_end {
                    feed.saw_everything(began);
                }
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
}

async fn listen(options: &PgConnectOptions) -> Option<PgListener> {
    // A listener wants sqlx's own pool.
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await.ok()?;
    listener.listen("portcullis_changes").await.ok()?;
    Some(listener)
}

/// How far the log was read. Transaction numbers are text, since PostgreSQL's 64-bit ones have no type
/// here.
struct Tail {
    /// Transaction and position of the last row that is settled.
    settled: (String, i64),
    /// Positions above that which were told already.
    told: HashSet<i64>,
}

/// What one look found.
struct Look {
    records: Vec<ChangeRecord>,
    to_the_end: bool,
}

/// The first look only finds where the log ends: what comes before is in the database anyway, and nothing
/// is in memory yet.
async fn look(pool: &Pool, tail: &mut Option<Tail>) -> Result<Look, StorageError> {
    let mut lent = pool.lend().await.map_err(unavailable)?;
    let found = read(lent.connection().map_err(unavailable)?, tail).await?;
    lent.give_back();
    Ok(found)
}

async fn read(connection: &mut PgConnection, tail: &mut Option<Tail>) -> Result<Look, StorageError> {
    let Some(tail) = tail else {
        let row = sqlx::query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
            .fetch_one(&mut *connection)
            .await
            .map_err(unavailable)?;
        let settled = (row.try_get(0).map_err(unavailable)?, 0);
        *tail = Some(Tail { settled, told: HashSet::new() });
        return Ok(Look { records: Vec::new(), to_the_end: true });
    };
    let mut records = Vec::new();
    let mut unsettled = HashSet::new();
    let mut settled = tail.settled.clone();
    let (mut xid, mut position) = settled.clone();
    loop {
        let rows = sqlx::query(
            "SELECT xid::text, position, tenant, kind, key, xid < pg_snapshot_xmin(pg_current_snapshot())
             FROM changes WHERE (xid, position) > ($1::text::xid8, $2) ORDER BY xid, position LIMIT $3",
        )
        .bind(&xid)
        .bind(position)
        .bind(PAGE)
        .fetch_all(&mut *connection)
        .await
        .map_err(unavailable)?;
        for row in &rows {
            xid = row.try_get(0).map_err(unavailable)?;
            position = row.try_get(1).map_err(unavailable)?;
            let tenant: String = row.try_get(2).map_err(unavailable)?;
            if !tail.told.contains(&position)
                && let Ok(tenant) = tenant.parse()
            {
                let (kind, key) =
                    (row.try_get(3).map_err(unavailable)?, row.try_get(4).map_err(unavailable)?);
                records.push(ChangeRecord { tenant, kind, key });
            }
            // Settled rows come first: they are those of lower transactions. A later page may settle a row
            // above one that an earlier page found unsettled; such a one does not move the place.
            if row.try_get(5).map_err(unavailable)? && unsettled.is_empty() {
                settled = (xid.clone(), position);
            } else {
                unsettled.insert(position);
            }
        }
        let ended = rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        if ended || unsettled.len() > UNSETTLED {
            // Only now: after an error on the way everything is read and told again.
            *tail = Tail { settled, told: unsettled };
            return Ok(Look { records, to_the_end: ended });
        }
    }
}
