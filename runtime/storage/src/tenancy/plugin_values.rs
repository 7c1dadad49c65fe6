//! Tables `plugin_values` and `plugin_usage`.
//!
//! Whoever writes values takes the plugin's row of `plugin_usage` first. So on PostgreSQL too, the count in
//! that row and the values change by turns, and each statement after it sees what the one before left.
//!
//! An uploaded plugin has the row from its first version until it is deleted, and its id is in it. So what a call of it puts
//! while it is deleted waits for that, and finds the row gone, or that of another.

use ::tenancy::Write;
use ::tenancy::plugin::values::{KeptValue, PluginValues, PutValue, Replaces, Room, ValueError, ValueOwner};
use futures_util::future::BoxFuture;
use primitives::{Change, TenantId, Timestamp, UploadedPluginId};

use crate::apply::{ApplyError, Prepared};
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// Expired values of a plugin that make way at once for one that finds no room.
const MAKE_WAY: u32 = 256;

/// Makes the row on which writers of this plugin's values wait for each other, and takes it.
fn take_turn(tenant: &TenantId, plugin: &str) -> Statement {
    Statement::one(
        "INSERT INTO plugin_usage (tenant, plugin, entries, bytes) VALUES ($1, $2, 0, 0)
         ON CONFLICT (tenant, plugin) DO UPDATE SET entries = plugin_usage.entries",
        values![tenant, plugin],
    )
}

/// No guard. What an uploaded plugin keeps is counted from here on; one of its name in the settings may have begun already.
pub(super) fn begin(tenant: &TenantId, plugin: &str, id: UploadedPluginId) -> Statement {
    Statement::one(
        "INSERT INTO plugin_usage (tenant, plugin, entries, bytes, upload_id) VALUES ($1, $2, 0, 0, $3)
         ON CONFLICT (tenant, plugin) DO UPDATE SET upload_id = excluded.upload_id",
        values![tenant, plugin, &id],
    )
}

/// Guard: this uploaded plugin is there. Takes its turn.
pub(super) fn hold(tenant: &TenantId, plugin: &str, id: UploadedPluginId) -> Statement {
    Statement::one(
        "UPDATE plugin_usage SET entries = entries WHERE tenant = $1 AND plugin = $2 AND upload_id = $3",
        values![tenant, plugin, &id],
    )
}

/// Guard: there is room for a value of this size in the place of what is under its key.
pub(super) fn reserve(
    tenant: &TenantId,
    plugin: &str,
    key: Vec<u8>,
    size: usize,
    room: Room,
) -> Vec<Statement> {
    let counted = Statement::one(
        "UPDATE plugin_usage SET
             entries = entries + 1
                 - (SELECT COUNT(*) FROM plugin_values v WHERE v.tenant = $1 AND v.plugin = $2 AND v.key = $3),
             bytes = bytes + $4 - COALESCE(
                 (SELECT v.size FROM plugin_values v WHERE v.tenant = $1 AND v.plugin = $2 AND v.key = $3), 0)
         WHERE tenant = $1 AND plugin = $2
             AND entries + 1
                 - (SELECT COUNT(*) FROM plugin_values v WHERE v.tenant = $1 AND v.plugin = $2 AND v.key = $3)
                 <= $5
             AND bytes + $4 - COALESCE(
                 (SELECT v.size FROM plugin_values v WHERE v.tenant = $1 AND v.plugin = $2 AND v.key = $3), 0)
                 <= $6",
        values![tenant, plugin, key, bounded(size as u64), bounded(room.entries), bounded(room.bytes)],
    );
    vec![take_turn(tenant, plugin), counted]
}

fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What a value counts for.
pub(super) const fn size(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len()
}

/// Guard: what is there is what it replaces. Its room must be reserved before.
pub(super) fn put(tenant: &TenantId, plugin: &str, put: PutValue, now: Timestamp) -> Statement {
    let PutValue { key, kept: KeptValue { value, expires_at }, replaces, .. } = put;
    let size = bounded(size(&key, &value) as u64);
    match replaces {
        Replaces::Anything => Statement::one(
            "INSERT INTO plugin_values (tenant, plugin, key, value, size, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, plugin, key) DO UPDATE
             SET value = excluded.value, size = excluded.size, expires_at = excluded.expires_at",
            values![tenant, plugin, key, value, size, expires_at],
        ),
        Replaces::Nothing => Statement::one(
            "INSERT INTO plugin_values (tenant, plugin, key, value, size, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, plugin, key) DO UPDATE
             SET value = excluded.value, size = excluded.size, expires_at = excluded.expires_at
             WHERE plugin_values.expires_at <= $7",
            values![tenant, plugin, key, value, size, expires_at, now],
        ),
        Replaces::Value(old) => Statement::one(
            "UPDATE plugin_values SET value = $4, size = $5, expires_at = $6
             WHERE tenant = $1 AND plugin = $2 AND key = $3 AND value = $7
                 AND (expires_at IS NULL OR expires_at > $8)",
            values![tenant, plugin, key, value, size, expires_at, old, now],
        ),
    }
}

/// No guard. A writer that comes at the same time finds nothing left, or is found.
pub(super) fn delete_all(tenant: &TenantId, plugin: &str) -> Vec<Statement> {
    let of_the_plugin = |sql| Statement::any(sql, values![tenant, plugin]);
    vec![
        take_turn(tenant, plugin),
        of_the_plugin("DELETE FROM plugin_values WHERE tenant = $1 AND plugin = $2"),
        of_the_plugin("DELETE FROM plugin_usage WHERE tenant = $1 AND plugin = $2"),
    ]
}

/// No guard.
pub(super) fn delete(tenant: &TenantId, plugin: &str, key: Vec<u8>) -> Vec<Statement> {
    vec![
        // Without the row there is nothing to delete, and of a plugin that is gone it must not come back.
        Statement::any(
            "UPDATE plugin_usage SET
                 entries = entries
                     - (SELECT COUNT(*) FROM plugin_values v
                        WHERE v.tenant = $1 AND v.plugin = $2 AND v.key = $3),
                 bytes = bytes - COALESCE(
                     (SELECT v.size FROM plugin_values v WHERE v.tenant = $1 AND v.plugin = $2 AND v.key = $3), 0)
             WHERE tenant = $1 AND plugin = $2",
            values![tenant, plugin, key.clone()],
        ),
        Statement::any(
            "DELETE FROM plugin_values WHERE tenant = $1 AND plugin = $2 AND key = $3",
            values![tenant, plugin, key],
        ),
    ]
}

/// Deletes at most `limit` of a plugin's values that have expired, and counts them off. Of a plugin that is gone there
/// are none.
fn delete_expired(tenant: &TenantId, plugin: &str, now: Timestamp, limit: u32) -> Vec<Statement> {
    let args = || values![tenant, plugin, now, i64::from(limit)];
    vec![
        Statement::any(
            "UPDATE plugin_usage SET entries = entries WHERE tenant = $1 AND plugin = $2",
            values![tenant, plugin],
        ),
        Statement::any(
            "UPDATE plugin_usage SET
                 entries = entries - (SELECT COUNT(*) FROM (
                     SELECT v.key FROM plugin_values v
                     WHERE v.tenant = $1 AND v.plugin = $2 AND v.expires_at <= $3
                     ORDER BY v.expires_at, v.key LIMIT $4) gone),
                 bytes = bytes - (SELECT CAST(COALESCE(SUM(gone.size), 0) AS BIGINT) FROM (
                     SELECT v.size FROM plugin_values v
                     WHERE v.tenant = $1 AND v.plugin = $2 AND v.expires_at <= $3
                     ORDER BY v.expires_at, v.key LIMIT $4) gone)
             WHERE tenant = $1 AND plugin = $2",
            args(),
        ),
        Statement::any(
            "DELETE FROM plugin_values WHERE tenant = $1 AND plugin = $2 AND key IN (
                 SELECT v.key FROM plugin_values v
                 WHERE v.tenant = $1 AND v.plugin = $2 AND v.expires_at <= $3
                 ORDER BY v.expires_at, v.key LIMIT $4)",
            args(),
        ),
    ]
}

impl Storage {
    /// Deletes values of plugins that have expired by `now`, at most `limit`, each plugin's in a change of its
    /// own.
    pub(crate) async fn delete_expired_values(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let sql = "SELECT due.tenant, due.plugin, COUNT(*) FROM (
                       SELECT tenant, plugin FROM plugin_values WHERE expires_at <= $1
                       ORDER BY expires_at LIMIT $2) due
                   GROUP BY due.tenant, due.plugin";
        let mut deleted = 0;
        for row in self.list(sql, values![now, i64::from(limit)]).await? {
            let (tenant, plugin, count) = (row.parse(0, "tenant")?, row.text(1)?, row.int(2)?);
            let count = u32::try_from(count).unwrap_or(limit);
            deleted += self.delete_expired_values_of(&tenant, &plugin, now, count).await?;
        }
        Ok(deleted)
    }

    async fn delete_expired_values_of(
        &self,
        tenant: &TenantId,
        plugin: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let statements = delete_expired(tenant, plugin, now, limit);
        let counters = statements.len() as u64 - 1;
        match self.inner.database.apply(Prepared::of_storage(statements)).await {
            Ok(rows) => Ok(rows.saturating_sub(counters)),
            Err(ApplyError::Storage(error)) => Err(error),
            Err(missed @ ApplyError::Missed { .. }) => Err(StorageError::Unavailable(missed.to_string())),
        }
    }

    async fn try_put(&self, owner: ValueOwner<'_>, put: PutValue, now: Timestamp) -> Result<(), ValueError> {
        let plugin = || owner.plugin.to_owned();
        let (key, size, room) = (put.key.clone(), size(&put.key, &put.kept.value), put.room);
        let change = held(owner);
        let before = change.writes.len();
        let change = change
            .write(Write::ReservePluginRoom { plugin: plugin(), key, size, room })
            .write(Write::PutPluginValue { plugin: plugin(), put: Box::new(put), now });
        self.apply(change).await.map_err(|error| match error {
            ApplyError::Missed { write } if write < before => ValueError::Gone,
            ApplyError::Missed { write } if write == before => ValueError::Full,
            ApplyError::Missed { .. } => ValueError::Other,
            ApplyError::Storage(error) => unavailable(&error),
        })
    }
}

/// The beginning of a change of what a plugin keeps: of one that was uploaded, that it is there.
fn held(owner: ValueOwner<'_>) -> Change<Write> {
    let change = Change::new(owner.tenant.clone());
    match owner.upload {
        Some(id) => change.write(Write::HoldUploadedPlugin { plugin: owner.plugin.to_owned(), id }),
        None => change,
    }
}

fn unavailable(error: &StorageError) -> ValueError {
    ValueError::Unavailable(error.to_string())
}

impl PluginValues for Storage {
    fn find_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        key: &'a [u8],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeptValue>, ValueError>> {
        Box::pin(async move {
            let sql = "SELECT value, expires_at FROM plugin_values
                       WHERE tenant = $1 AND plugin = $2 AND key = $3 AND (expires_at IS NULL OR expires_at > $4)";
            let of_upload = "SELECT v.value, v.expires_at FROM plugin_values v
                             JOIN plugin_usage u ON u.tenant = v.tenant AND u.plugin = v.plugin AND u.upload_id = $5
                             WHERE v.tenant = $1 AND v.plugin = $2 AND v.key = $3
                                 AND (v.expires_at IS NULL OR v.expires_at > $4)";
            let mut args = values![owner.tenant, owner.plugin, key.to_vec(), now];
            args.extend(owner.upload.as_ref().map(Into::into));
            let sql = if owner.upload.is_some() { of_upload } else { sql };
            let row = self.find_one(sql, args).await.map_err(|error| unavailable(&error))?;
            row.map(|row| Ok(KeptValue { value: row.blob(0)?, expires_at: row.opt_time(1)? }))
                .transpose()
                .map_err(|error| unavailable(&error))
        })
    }

    fn put_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        put: PutValue,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), ValueError>> {
        Box::pin(async move {
            match self.try_put(owner, put.clone(), now).await {
                Err(ValueError::Full) => {
                    let made_way =
                        self.delete_expired_values_of(owner.tenant, owner.plugin, now, MAKE_WAY).await;
                    match made_way.map_err(|error| unavailable(&error))? {
                        0 => Err(ValueError::Full),
                        _ => self.try_put(owner, put, now).await,
                    }
                }
                done => done,
            }
        })
    }

    fn delete_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<(), ValueError>> {
        Box::pin(async move {
            let write = Write::DeletePluginValue { plugin: owner.plugin.to_owned(), key: key.to_vec() };
            match self.apply(held(owner).write(write)).await {
                // Of a plugin that is gone there is nothing any more.
                Ok(()) | Err(ApplyError::Missed { .. }) => Ok(()),
                Err(ApplyError::Storage(error)) => Err(unavailable(&error)),
            }
        })
    }
}
