//! From a room's change to statements, and their fate.

use primitives::{AuditEvent, Change, OutboxMessage, Rng, Sealer, TenantId, Timestamp};

use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// A room's `Write` enum, as storage sees it. Implemented here, once per area.
pub trait Stored: Sized {
    /// Translates one write into statements. Pure: no reads, no time, no randomness but the sealer's.
    fn statements(self, tenant: &TenantId, sealer: &Sealer) -> Result<Vec<Statement>, StorageError>;
}

/// Why a change was not written. In every case nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A guard did not hold: the write hit another number of rows than it must (somebody was faster,
    /// the thing is gone or exists already). A typed outcome, for the caller to interpret.
    #[error("write {write} found another state than the decision was made on")]
    Missed {
        /// The position of the write in the change.
        write: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A change in statements: what is applied in one transaction.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) tenant: TenantId,
    /// Each statement with the number of the write that it came from.
    pub(crate) statements: Vec<(usize, Statement)>,
    writes: usize,
}

impl Prepared {
    /// Statements of storage's own, which belong to no tenant's room.
    pub(crate) fn of_storage(statements: Vec<Statement>) -> Self {
        let writes = statements.len();
        Self {
            tenant: TenantId::default_tenant(),
            statements: statements.into_iter().enumerate().collect(),
            writes,
        }
    }

    /// Statements of storage's own on a tenant's rows.
    pub(crate) fn of_tenant(tenant: TenantId, statements: Vec<Statement>) -> Self {
        Self { tenant, ..Self::of_storage(statements) }
    }

    /// Whether it must outlast a power cut, as all but little must.
    pub(crate) fn must_last(&self) -> bool {
        self.statements.iter().any(|(_, statement)| !statement.may_be_lost)
    }

    /// Appends another change of the same tenant: both happen or neither. Its writes are counted on.
    ///
    /// Changes of different tenants never join; the second is refused.
    pub fn and(mut self, other: Self) -> Result<Self, StorageError> {
        if self.tenant != other.tenant {
            return Err(StorageError::Unavailable("a change never spans tenants".to_owned()));
        }
        let base = self.writes;
        self.statements
            .extend(other.statements.into_iter().map(|(write, statement)| (base + write, statement)));
        self.writes += other.writes;
        Ok(self)
    }
}

/// Adds a statement to a change, unless one that is there does what it does.
fn add(statements: &mut Vec<(usize, Statement)>, write: usize, statement: Statement) {
    if !statements.iter_mut().any(|(_, earlier)| earlier.takes_over(&statement)) {
        statements.push((write, statement));
    }
}

impl Storage {
    /// Applies a change: returns when it is durable, or with nothing written.
    ///
    /// Once called it finishes, even if the caller goes away.
    pub async fn apply<W: Stored>(&self, change: Change<W>) -> Result<(), ApplyError> {
        self.apply_prepared(self.prepare(change)?).await
    }

    /// Translates a change, for joining it with one of another room.
    pub fn prepare<W: Stored>(&self, change: Change<W>) -> Result<Prepared, StorageError> {
        let Change { tenant, writes, audit, outbox } = change;
        let now = self.inner.clock.now();
        let count = writes.len();
        let mut statements = Vec::with_capacity(count + audit.len() + outbox.len());
        for (write, item) in writes.into_iter().enumerate() {
            for statement in item.statements(&tenant, &self.inner.sealer)? {
                add(&mut statements, write, statement);
            }
        }
        let rng = self.inner.rng.as_ref();
        statements.extend(audit.iter().map(|event| (count, audit_statement(&tenant, event, now, rng))));
        statements
            .extend(outbox.into_iter().map(|message| (count, outbox_statement(&tenant, message, now, rng))));
        Ok(Prepared { tenant, statements, writes: count })
    }

    /// Applies what was prepared.
    pub async fn apply_prepared(&self, prepared: Prepared) -> Result<(), ApplyError> {
        if prepared.statements.is_empty() {
            return Ok(());
        }
        let prepared = self.with_change_log(prepared);
        self.inner.database.apply(prepared).await.map(|_| ())
    }

    /// Appends the change-log rows, in the same transaction as what they tell of.
    fn with_change_log(&self, mut prepared: Prepared) -> Prepared {
        let at = self.inner.clock.now();
        let rows: Vec<_> = prepared
            .statements
            .iter()
            .filter_map(|(write, statement)| {
                statement.change.as_ref().map(|(kind, key)| (*write, *kind, key.clone()))
            })
            .map(|(write, kind, key)| {
                let args = values![&prepared.tenant, kind, key, at];
                let sql = "INSERT INTO changes (tenant, kind, key, at) VALUES ($1, $2, $3, $4)";
                (write, Statement::one(sql, args).apart())
            })
            .collect();
        prepared.statements.extend(rows);
        prepared
    }
}

pub(crate) fn audit_statement(
    tenant: &TenantId,
    event: &AuditEvent,
    at: Timestamp,
    rng: &dyn Rng,
) -> Statement {
    audit_row(tenant, event, at, rng.uuid().to_string())
}

/// The record of an event, under an id that no other has.
pub(crate) fn audit_row(tenant: &TenantId, event: &AuditEvent, at: Timestamp, id: String) -> Statement {
    let details: serde_json::Map<_, _> =
        event.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
    Statement::one(
        "INSERT INTO audit_records (tenant, at, id, action, actor, target_kind, target_id, organisation, details)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        values![
            tenant,
            at,
            id,
            event.action,
            event.actor.to_string(),
            event.target.0,
            event.target.1.clone(),
            event.organisation.as_ref(),
            serde_json::Value::Object(details).to_string(),
        ],
    )
    .apart()
}

fn outbox_statement(tenant: &TenantId, message: OutboxMessage, at: Timestamp, rng: &dyn Rng) -> Statement {
    Statement::one(
        "INSERT INTO outbox_messages (tenant, id, topic, payload, attempts, next_attempt_at, created_at)
         VALUES ($1, $2, $3, $4, 0, $5, $5)",
        values![tenant, rng.uuid().to_string(), message.topic, message.payload, at],
    )
    .apart()
}
