//! Audit records, read for those who may: a tenant's, newest first, or from the oldest on for whoever takes them away.

use primitives::{OrganisationId, TenantId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::row::Row;
use crate::{Storage, StorageError, values};

/// Who did what to what, as it is stored. Holds identifiers only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    /// When it was written.
    pub at: Timestamp,
    /// Its name; with `at` its place in the list.
    pub id: Uuid,
    /// What happened, e.g. `session.revoked`.
    pub action: String,
    /// Who did it: a kind, and after a colon an identifier where there is one.
    pub actor: String,
    /// The kind of thing that it happened to.
    pub target_kind: String,
    /// Which one.
    pub target_id: String,
    /// In which organisation's name.
    pub organisation: Option<OrganisationId>,
    /// Further identifiers and words.
    pub details: Map<String, Value>,
}

/// A place in a tenant's audit records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPosition {
    /// When the record was written.
    pub at: Timestamp,
    /// Its name.
    pub id: Uuid,
}

impl AuditRecord {
    /// Where it stands: the next page begins below.
    pub const fn position(&self) -> AuditPosition {
        AuditPosition { at: self.at, id: self.id }
    }
}

impl Storage {
    /// Finds the next tenant after `after` that has audit records, and when the oldest of them was written.
    ///
    /// It is one look into the primary key however many records there are, and finds those of tenants that are no
    /// more.
    pub async fn find_oldest_audit_record(
        &self,
        after: Option<&TenantId>,
    ) -> Result<Option<(TenantId, Timestamp)>, StorageError> {
        let sql = "SELECT tenant, at FROM audit_records WHERE tenant > $1 ORDER BY tenant, at LIMIT 1";
        let row = self.find_one(sql, values![after.map_or("", TenantId::as_str)]).await?;
        row.map(|row| Ok((row.parse(0, "tenant")?, row.time(1)?))).transpose()
    }

    /// Lists a tenant's audit records below `below`, the newest first, at most `limit`.
    pub async fn list_audit_records(
        &self,
        tenant: &TenantId,
        below: Option<AuditPosition>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StorageError> {
        // No UUID is as large as this text.
        let (at, id) = below.map_or((i64::MAX, "~".to_owned()), |p| (p.at.micros(), p.id.to_string()));
        let sql = "SELECT at, id, action, actor, target_kind, target_id, organisation, details
             FROM audit_records WHERE tenant = $1 AND (at, id) < ($2, $3)
             ORDER BY at DESC, id DESC LIMIT $4";
        let rows = self.list(sql, values![tenant, at, id, i64::from(limit)]).await?;
        rows.iter().map(read).collect()
    }

    /// Lists a tenant's audit records above `after`, the oldest first, at most `limit`; of one organisation if it is
    /// given.
    pub async fn list_audit_records_after(
        &self,
        tenant: &TenantId,
        organisation: Option<OrganisationId>,
        after: Option<AuditPosition>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StorageError> {
        let (at, id) = after.map_or((i64::MIN, String::new()), |p| (p.at.micros(), p.id.to_string()));
        let sql = "SELECT at, id, action, actor, target_kind, target_id, organisation, details
             FROM audit_records WHERE tenant = $1 AND (at, id) > ($2, $3) AND ($4 = '' OR organisation = $4)
             ORDER BY at, id LIMIT $5";
        let organisation = organisation.map(|id| id.to_string()).unwrap_or_default();
        let rows = self.list(sql, values![tenant, at, id, organisation, i64::from(limit)]).await?;
        rows.iter().map(read).collect()
    }
}

pub(crate) fn read(row: &Row) -> Result<AuditRecord, StorageError> {
    Ok(AuditRecord {
        at: row.time(0)?,
        id: row.parse(1, "id")?,
        action: row.text(2)?,
        actor: row.text(3)?,
        target_kind: row.text(4)?,
        target_id: row.text(5)?,
        organisation: row.opt_parse(6, "organisation")?,
        details: row.json(7, "details")?,
    })
}
