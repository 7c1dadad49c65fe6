//! Table `attempt_buckets`: attempts as all nodes count them.
//!
//! Each take is one guarded statement, so that of any number at once no more succeed than the bucket holds. The buckets of
//! one commit are written in the order of their hashes, so that no two commits wait for each other.
//!
//! Attack: a node is made to end between the count and the answer. The count is written before the answer is told, and outlasts
//! the process. A power cut may take back the last ones, and takes minutes in which nobody tries anything.

use ::identity::limiter::bucket::Bucket;
use ::identity::limiter::shared::{Buckets, Take};
use ::identity::ports::StoreUnavailable;
use futures_util::future::BoxFuture;
use primitives::{KeyedHash, TenantId, Timestamp};

use super::unavailable;
use crate::apply::{ApplyError, Prepared};
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// Guard: so much is left in the bucket, and it refuses nothing now.
fn take(take: &Take, now: Timestamp) -> Statement {
    let Take { tenant, bucket, count, allowance } = take;
    Statement::one(
        "INSERT INTO attempt_buckets (tenant, bucket, full_at, refusals, locked_until)
         VALUES ($1, $2, $3 + $4, 0, 0)
         ON CONFLICT (tenant, bucket) DO UPDATE SET
             full_at = $4 + CASE WHEN attempt_buckets.full_at > $3 THEN attempt_buckets.full_at ELSE $3 END,
             refusals = CASE WHEN attempt_buckets.full_at > $3 THEN attempt_buckets.refusals ELSE 0 END
         WHERE attempt_buckets.locked_until <= $3
             AND $4 + CASE WHEN attempt_buckets.full_at > $3 THEN attempt_buckets.full_at ELSE $3 END <= $5",
        values![
            tenant,
            bucket,
            now,
            micros(allowance.step.saturating_mul(*count)),
            now.after(allowance.depth()),
        ],
    )
    .may_be_lost()
}

/// No guard. Of a bucket that refuses now it shortens nothing.
fn put_back(take: &Take) -> Statement {
    let Take { tenant, bucket, count, allowance } = take;
    Statement::any(
        "UPDATE attempt_buckets SET full_at = full_at - $3 WHERE tenant = $1 AND bucket = $2",
        values![tenant, bucket, micros(allowance.step.saturating_mul(*count))],
    )
    .may_be_lost()
}

/// Guard: the bucket is as it was read.
fn lock(tenant: &TenantId, bucket: &KeyedHash, (read, locked): (Bucket, Bucket)) -> Statement {
    Statement::one(
        "UPDATE attempt_buckets SET full_at = $3, refusals = $4, locked_until = $5
         WHERE tenant = $1 AND bucket = $2 AND full_at = $6 AND refusals = $7 AND locked_until = $8",
        values![
            tenant,
            bucket,
            locked.full_at,
            i64::from(locked.refusals),
            locked.locked_until,
            read.full_at,
            i64::from(read.refusals),
            read.locked_until,
        ],
    )
    .may_be_lost()
}

fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn bucket_at(row: &Row) -> Result<Bucket, StorageError> {
    let impossible = |_| StorageError::Inconsistent {
        table: "attempt_buckets",
        column: "refusals",
        detail: "no count".to_owned(),
    };
    Ok(Bucket {
        full_at: row.time(0)?,
        refusals: u32::try_from(row.int(1)?).map_err(impossible)?,
        locked_until: row.time(2)?,
    })
}

impl Storage {
    /// Applies statements of a tenant; which of them missed its guard.
    async fn missed(
        &self,
        tenant: &TenantId,
        statements: Vec<Statement>,
    ) -> Result<Option<usize>, StoreUnavailable> {
        match self.apply_prepared(Prepared::of_tenant(tenant.clone(), statements)).await {
            Ok(()) => Ok(None),
            Err(ApplyError::Missed { write }) => Ok(Some(write)),
            Err(ApplyError::Storage(error)) => Err(unavailable(error)),
        }
    }
}

/// What is written of an attempt, by bucket, and what was put back before what is taken. Beside each statement stands
/// the place of its take.
fn in_order(takes: &[Take], returned: &[Take], now: Timestamp) -> Vec<(Option<usize>, Statement)> {
    let taken = takes.iter().enumerate().map(|(place, each)| (each, Some(place)));
    let mut order: Vec<_> = returned.iter().map(|each| (each, None)).chain(taken).collect();
    order.sort_by(|(a, a_place), (b, b_place)| (&a.bucket.0, a_place).cmp(&(&b.bucket.0, b_place)));
    let statement = |(each, place): (&Take, Option<usize>)| match place {
        Some(_) => (place, take(each, now)),
        None => (None, put_back(each)),
    };
    order.into_iter().map(statement).collect()
}

impl Buckets for Storage {
    fn take<'a>(
        &'a self,
        takes: &'a [Take],
        returned: &'a [Take],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<usize>, StoreUnavailable>> {
        Box::pin(async move {
            let Some(first) = takes.first().or(returned.first()) else { return Ok(None) };
            let (places, statements): (Vec<_>, Vec<_>) = in_order(takes, returned, now).into_iter().unzip();
            let missed = self.missed(&first.tenant, statements).await?;
            Ok(missed.and_then(|statement| places.get(statement).copied().flatten()))
        })
    }

    fn find_bucket<'a>(
        &'a self,
        tenant: &'a TenantId,
        bucket: &'a KeyedHash,
    ) -> BoxFuture<'a, Result<Option<Bucket>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT full_at, refusals, locked_until FROM attempt_buckets
                       WHERE tenant = $1 AND bucket = $2";
            let row = self.find_one(sql, values![tenant, bucket]).await.map_err(unavailable)?;
            row.map(|row| bucket_at(&row)).transpose().map_err(unavailable)
        })
    }

    fn lock<'a>(
        &'a self,
        tenant: &'a TenantId,
        bucket: &'a KeyedHash,
        change: (Bucket, Bucket),
    ) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        Box::pin(async move {
            let missed = self.missed(tenant, vec![lock(tenant, bucket, change)]).await?;
            Ok(missed.is_none())
        })
    }
}
