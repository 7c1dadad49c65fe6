//! Tables `outbox_messages` and `dead_messages`: what the rooms ask to be delivered at least once.
//!
//! A message is claimed before it is handed over, by counting the attempt and naming the time of the
//! next one. So a message that kills the process counts as tried, and a failure needs no write at all.

use primitives::{Change, Sealer, TenantId, Timestamp};

use super::held;
use crate::apply::Stored;
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// A message that waits for delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMessage {
    /// Whose.
    pub tenant: TenantId,
    /// Its identifier, the same at each attempt: receivers may use it to notice a repetition.
    pub id: String,
    /// Which worker takes it.
    pub topic: String,
    /// What the worker needs, as JSON text.
    pub payload: String,
    /// How often it was handed over before.
    pub attempts: u32,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadMessage {
    /// The message as it was handed over last.
    pub message: DueMessage,
    /// When it was given up.
    pub died_at: Timestamp,
}

/// What delivery writes. Each is guarded by the number of attempts that was read, so that of two nodes
/// that have the same message one goes on.
#[derive(Debug)]
enum Write {
    Retry { id: String, attempts: u32, at: Timestamp },
    Finish { id: String, attempts: u32 },
    Bury { id: String, attempts: u32, now: Timestamp },
    Revive { id: String, now: Timestamp },
}

impl Stored for Write {
    fn statements(self, tenant: &TenantId, _: &Sealer) -> Result<Vec<Statement>, StorageError> {
        Ok(match self {
            Self::Retry { id, attempts, at } => vec![Statement::one(
                "UPDATE outbox_messages SET attempts = attempts + 1, next_attempt_at = $4
                 WHERE tenant = $1 AND id = $2 AND attempts = $3",
                values![tenant, id, i64::from(attempts), at],
            )],
            Self::Finish { id, attempts } => vec![remove(tenant, &id, attempts)],
            Self::Bury { id, attempts, now } => vec![
                Statement::one(
                    "INSERT INTO dead_messages (tenant, id, topic, payload, attempts, created_at, died_at)
                     SELECT tenant, id, topic, payload, attempts, created_at, $4 FROM outbox_messages
                     WHERE tenant = $1 AND id = $2 AND attempts = $3",
                    values![tenant, id.as_str(), i64::from(attempts), now],
                ),
                remove(tenant, &id, attempts),
            ],
            Self::Revive { id, now } => vec![
                Statement::one(
                    "INSERT INTO outbox_messages
                         (tenant, id, topic, payload, attempts, next_attempt_at, created_at)
                     SELECT tenant, id, topic, payload, 0, $3, created_at FROM dead_messages
                     WHERE tenant = $1 AND id = $2",
                    values![tenant, id.as_str(), now],
                ),
                Statement::one(
                    "DELETE FROM dead_messages WHERE tenant = $1 AND id = $2",
                    values![tenant, id.as_str()],
                ),
            ],
        })
    }
}

fn remove(tenant: &TenantId, id: &str, attempts: u32) -> Statement {
    Statement::one(
        "DELETE FROM outbox_messages WHERE tenant = $1 AND id = $2 AND attempts = $3",
        values![tenant, id, i64::from(attempts)],
    )
}

impl Storage {
    /// At most `limit` messages whose time has come. Tenants take turns, so that one tenant's flood
    /// delays nobody else's message by more than one look.
    pub async fn take_due_messages(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueMessage>, StorageError> {
        let sql = "SELECT tenant, id, topic, payload, attempts, created_at FROM (
                 SELECT tenant, id, topic, payload, attempts, created_at, next_attempt_at,
                     ROW_NUMBER() OVER (PARTITION BY tenant ORDER BY next_attempt_at, id) AS turn
                 FROM outbox_messages WHERE next_attempt_at <= $1) AS due
             ORDER BY turn, next_attempt_at, tenant, id LIMIT $2";
        let rows = self.list(sql, values![now, i64::from(limit)]).await?;
        rows.iter().map(read).collect()
    }

    /// Claims a message for one attempt, and says when the next one is if this one does not finish it;
    /// `None` if somebody else has it.
    pub async fn retry_message(
        &self,
        message: DueMessage,
        at: Timestamp,
    ) -> Result<Option<DueMessage>, StorageError> {
        let write = Write::Retry { id: message.id.clone(), attempts: message.attempts, at };
        let claimed = held(self.apply(Change::new(message.tenant.clone()).write(write)).await)?;
        Ok(claimed.then(|| DueMessage { attempts: message.attempts + 1, ..message }))
    }

    /// Removes a message that was delivered; whether it was still there as it was read.
    pub async fn finish_message(&self, message: &DueMessage) -> Result<bool, StorageError> {
        let write = Write::Finish { id: message.id.clone(), attempts: message.attempts };
        held(self.apply(Change::new(message.tenant.clone()).write(write)).await)
    }

    /// Gives a message up: it is kept for somebody to look at. Whether it was still there as it was read.
    pub async fn bury_message(&self, message: &DueMessage, now: Timestamp) -> Result<bool, StorageError> {
        let write = Write::Bury { id: message.id.clone(), attempts: message.attempts, now };
        held(self.apply(Change::new(message.tenant.clone()).write(write)).await)
    }

    /// A tenant's messages that were given up, the latest first, at most `limit`.
    pub async fn list_dead_messages(
        &self,
        tenant: &TenantId,
        limit: u32,
    ) -> Result<Vec<DeadMessage>, StorageError> {
        let sql = "SELECT tenant, id, topic, payload, attempts, created_at, died_at FROM dead_messages
             WHERE tenant = $1 ORDER BY died_at DESC, id LIMIT $2";
        let rows = self.list(sql, values![tenant, i64::from(limit)]).await?;
        rows.iter().map(|row| Ok(DeadMessage { message: read(row)?, died_at: row.time(6)? })).collect()
    }

    /// Sends a message that was given up on its way again; whether there was one.
    pub async fn revive_message(
        &self,
        tenant: &TenantId,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let write = Write::Revive { id: id.to_owned(), now };
        held(self.apply(Change::new(tenant.clone()).write(write)).await)
    }
}

fn read(row: &Row) -> Result<DueMessage, StorageError> {
    let attempts = u32::try_from(row.int(4)?).map_err(|_| StorageError::Inconsistent {
        table: "outbox_messages",
        column: "attempts",
        detail: "is not a count".to_owned(),
    })?;
    Ok(DueMessage {
        tenant: row.parse(0, "tenant")?,
        id: row.text(1)?,
        topic: row.text(2)?,
        payload: row.text(3)?,
        attempts,
        created_at: row.time(5)?,
    })
}
