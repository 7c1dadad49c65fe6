//! Table `plugin_events`: how far each plugin has come in its tenant's audit records.
//!
//! A place is claimed before its events are offered, by counting the attempt and naming the time of the next one: so a
//! batch that kills the process counts as tried, and a failure needs no write at all.

use primitives::{Change, Sealer, TenantId, Timestamp};

use super::held;
use crate::apply::Stored;
use crate::audit::{AuditPosition, AuditRecord};
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// Where a plugin stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor {
    /// Whose.
    pub tenant: TenantId,
    /// Its name.
    pub plugin: String,
    /// The last record that it took.
    pub taken: AuditPosition,
    /// How often the ones after it were offered.
    pub attempts: u32,
}

/// What is written. Each but the first is guarded by what was read, so that of two nodes one goes on.
#[derive(Debug)]
enum Write {
    Begin { plugin: String, at: Timestamp },
    Claim { cursor: EventCursor, next: Timestamp },
    Advance { cursor: EventCursor, to: AuditPosition, now: Timestamp },
    End { cursor: EventCursor },
}

impl Stored for Write {
    fn statements(self, tenant: &TenantId, _: &Sealer) -> Result<Vec<Statement>, StorageError> {
        Ok(vec![match self {
            Self::Begin { plugin, at } => Statement::any(
                "INSERT INTO plugin_events (tenant, plugin, at, id, attempts, next_attempt_at)
                 VALUES ($1, $2, $3, '', 0, $3) ON CONFLICT DO NOTHING",
                values![tenant, plugin, at],
            ),
            Self::Claim { cursor, next } => Statement::one(
                "UPDATE plugin_events SET attempts = attempts + 1, next_attempt_at = $6
                 WHERE tenant = $1 AND plugin = $2 AND at = $3 AND id = $4 AND attempts = $5",
                values![
                    tenant,
                    cursor.plugin,
                    cursor.taken.at,
                    id(cursor.taken),
                    i64::from(cursor.attempts),
                    next
                ],
            ),
            Self::Advance { cursor, to, now } => Statement::one(
                "UPDATE plugin_events SET at = $6, id = $7, attempts = 0, next_attempt_at = $8
                 WHERE tenant = $1 AND plugin = $2 AND at = $3 AND id = $4 AND attempts = $5",
                values![
                    tenant,
                    cursor.plugin,
                    cursor.taken.at,
                    id(cursor.taken),
                    i64::from(cursor.attempts),
                    to.at,
                    id(to),
                    now,
                ],
            ),
            Self::End { cursor } => Statement::one(
                "DELETE FROM plugin_events
                 WHERE tenant = $1 AND plugin = $2 AND at = $3 AND id = $4 AND attempts = $5",
                values![tenant, cursor.plugin, cursor.taken.at, id(cursor.taken), i64::from(cursor.attempts)],
            ),
        }])
    }
}

/// Nothing is before the nil UUID: a place before every record of its instant is written as no text at all.
fn id(position: AuditPosition) -> String {
    if position.id.is_nil() { String::new() } else { position.id.to_string() }
}

impl Storage {
    /// Begins to tell a plugin of what happens after `at`, unless it has begun.
    pub async fn begin_plugin_events(
        &self,
        tenant: &TenantId,
        plugin: &str,
        at: Timestamp,
    ) -> Result<(), StorageError> {
        // A tenant is loaded often: what is there is found without a write.
        let sql = "SELECT 1 FROM plugin_events WHERE tenant = $1 AND plugin = $2";
        if self.find_one(sql, values![tenant, plugin]).await?.is_some() {
            return Ok(());
        }
        let write = Write::Begin { plugin: plugin.to_owned(), at };
        held(self.apply(Change::new(tenant.clone()).write(write)).await).map(|_| ())
    }

    /// At most `limit` plugins that have not taken what was recorded by `settled`, and whose time has come by `now`.
    pub async fn take_due_plugin_events(
        &self,
        now: Timestamp,
        settled: Timestamp,
        limit: u32,
    ) -> Result<Vec<EventCursor>, StorageError> {
        let sql = "SELECT tenant, plugin, at, id, attempts FROM plugin_events c
             WHERE next_attempt_at <= $1 AND EXISTS (SELECT 1 FROM audit_records a
                 WHERE a.tenant = c.tenant AND (a.at, a.id) > (c.at, c.id) AND a.at <= $2)
             ORDER BY next_attempt_at, tenant, plugin LIMIT $3";
        let rows = self.list(sql, values![now, settled, i64::from(limit)]).await?;
        rows.iter().map(read).collect()
    }

    /// The records after those that a plugin took, up to `settled`, the oldest first, at most `limit`.
    pub async fn list_plugin_events(
        &self,
        cursor: &EventCursor,
        settled: Timestamp,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StorageError> {
        let sql =
            "SELECT at, id, action, actor, target_kind, target_id, organisation, details FROM audit_records
             WHERE tenant = $1 AND (at, id) > ($2, $3) AND at <= $4 ORDER BY at, id LIMIT $5";
        let args = values![&cursor.tenant, cursor.taken.at, id(cursor.taken), settled, i64::from(limit)];
        self.list(sql, args).await?.iter().map(crate::audit::read).collect()
    }

    /// Claims a plugin's place for one attempt, and says when the next one is if this one does not move it; `None` if
    /// somebody else has it.
    pub async fn claim_plugin_events(
        &self,
        cursor: EventCursor,
        next: Timestamp,
    ) -> Result<Option<EventCursor>, StorageError> {
        let write = Write::Claim { cursor: cursor.clone(), next };
        let claimed = held(self.apply(Change::new(cursor.tenant.clone()).write(write)).await)?;
        Ok(claimed.then(|| EventCursor { attempts: cursor.attempts + 1, ..cursor }))
    }

    /// Moves a plugin's place to the last record that it took; whether it was still where it was read.
    pub async fn advance_plugin_events(
        &self,
        cursor: &EventCursor,
        to: AuditPosition,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let write = Write::Advance { cursor: cursor.clone(), to, now };
        held(self.apply(Change::new(cursor.tenant.clone()).write(write)).await)
    }

    /// Forgets a plugin's place, since nobody is told any more; whether it was still where it was read.
    pub async fn end_plugin_events(&self, cursor: &EventCursor) -> Result<bool, StorageError> {
        let write = Write::End { cursor: cursor.clone() };
        held(self.apply(Change::new(cursor.tenant.clone()).write(write)).await)
    }
}

fn read(row: &Row) -> Result<EventCursor, StorageError> {
    let inconsistent = |column| StorageError::Inconsistent {
        table: "plugin_events",
        column,
        detail: "is not what is written there".to_owned(),
    };
    let id = row.text(3)?;
    let id = if id.is_empty() { uuid::Uuid::nil() } else { id.parse().map_err(|_| inconsistent("id"))? };
    Ok(EventCursor {
        tenant: row.parse(0, "tenant")?,
        plugin: row.text(1)?,
        taken: AuditPosition { at: row.time(2)?, id },
        attempts: u32::try_from(row.int(4)?).map_err(|_| inconsistent("attempts"))?,
    })
}
