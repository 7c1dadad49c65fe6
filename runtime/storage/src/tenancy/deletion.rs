//! Table `deleted_tenants`, and how the rows of a deleted tenant leave: in batches that keep nobody waiting.
//!
//! Attack: a request that is under way when its tenant is deleted writes a row when the tables were swept, and whoever
//! gets the tenant's id later finds it. So the id is nobody's until a sweep found nothing, longer than any request
//! lasts after the deletion.

use ::tenancy::TenantDeletion;
use primitives::{TenantId, Timestamp};

use super::TENANT_CHANGED;
use crate::apply::{ApplyError, Prepared, audit_row};
use crate::changes::EVERYTHING_CHANGED;
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// Of components, which are megabytes each, so many leave at a time.
const LARGE_AT_ONCE: u32 = 4;

/// A tenant that was deleted, and of which rows may be left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedTenant {
    /// Which.
    pub tenant: TenantId,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

macro_rules! tables {
    ($($table:literal $key:literal),+ $(,)?) => {
        &[$(Table {
            name: $table,
            delete: concat!(
                "DELETE FROM ", $table, " WHERE (", $key, ") IN (SELECT ", $key, " FROM ", $table,
                " WHERE tenant = $1 LIMIT $2)"
            ),
        }),+]
    };
}

struct Table {
    name: &'static str,
    delete: &'static str,
}

/// Every table that has rows of tenants, by its primary key; what lets somebody in or goes out comes first.
///
/// Not in it are `tenants` itself, whose row is gone at once, and the change log, which other nodes may have to read
/// yet, holds ids alone, and leaves by its age.
const TABLES: &[Table] = tables![
    "admin_keys" "tenant, id",
    "signing_keys" "tenant, kid",
    "key_set_keys" "tenant, set_name, kid",
    "outbox_messages" "tenant, id",
    "courier_messages" "tenant, id",
    "webhook_messages" "tenant, webhook, id",
    "plugin_events" "tenant, plugin",
    "identity_sessions" "tenant, id",
    "oauth2_login_sessions" "tenant, id",
    "trusted_devices" "tenant, id",
    "attempt_buckets" "tenant, bucket",
    "self_service_flows" "tenant, id",
    "oauth2_answered_challenges" "tenant, id",
    "oauth2_authorization_codes" "tenant, hash",
    "oauth2_device_codes" "tenant, hash",
    "oauth2_access_tokens" "tenant, hash",
    "oauth2_refresh_tokens" "tenant, hash",
    "oauth2_grants" "tenant, id",
    "oauth2_consents" "tenant, subject, client",
    "oauth2_forced_subjects" "tenant, client, name",
    "oauth2_trusted_issuers" "tenant, id",
    "oauth2_used_assertions" "tenant, client, jti",
    "oauth2_revoked_jwts" "tenant, jti",
    "oauth2_registration_turns" "tenant",
    "oauth2_clients" "tenant, id",
    "identity_passwords" "tenant, identity",
    "identity_factors" "tenant, identity, kind",
    "identity_keys" "tenant, id",
    "identity_links" "tenant, provider, subject",
    "provider_secrets" "tenant, provider",
    "organisation_connections" "tenant, organisation",
    "tenant_secrets" "tenant, name",
    "organisation_invitations" "tenant, organisation, id",
    "organisation_group_members" "tenant, organisation, group_id, identity",
    "organisation_groups" "tenant, organisation, id",
    "organisation_members" "tenant, organisation, identity",
    "organisation_domains" "tenant, domain",
    "organisation_domain_claims" "tenant, organisation, domain",
    "organisations" "tenant, id",
    "deleted_organisations" "tenant, organisation",
    "identity_identifiers" "tenant, identifier",
    "identity_addresses" "tenant, use, via, address, identity",
    "identity_terms" "tenant, term, identity",
    "identities" "tenant, id",
    "plugin_secrets" "tenant, plugin, name",
    "uploaded_plugin_secrets" "tenant, plugin, name",
    "plugin_values" "tenant, plugin, key",
    "plugin_usage" "tenant, plugin",
    "plugin_versions" "tenant, plugin, version",
    "uploaded_plugins" "tenant, name",
    "plugin_components" "tenant, sha256",
    "component_usage" "tenant",
    "dead_messages" "tenant, id",
    "audit_records" "tenant, at, id",
    "audit_horizon" "tenant",
];

/// Guard: it still has the version that was read.
pub(super) fn delete(deletion: &TenantDeletion) -> Vec<Statement> {
    let TenantDeletion { tenant, read_version, at, audit, record } = deletion;
    vec![
        // Two who delete it at once wait for each other here, and the second finds nothing.
        Statement::one(
            "UPDATE tenants SET version = version WHERE tenant = $1 AND version = $2",
            values![tenant, *read_version],
        ),
        Statement::one(
            "INSERT INTO deleted_tenants (tenant, host, deleted_at)
             SELECT tenant, host, $2 FROM tenants WHERE tenant = $1",
            values![tenant, *at],
        ),
        Statement::one("DELETE FROM tenants WHERE tenant = $1", values![tenant])
            .changes(TENANT_CHANGED, tenant.as_str()),
        // Its administrators are nobody at once.
        Statement::any("DELETE FROM admin_keys WHERE tenant = $1 AND operator = 0", values![tenant])
            .changes("admin_key", "*"),
        // Its own records go with it; this one is the operator's.
        audit_row(&TenantId::default_tenant(), audit, *at, record.to_string()),
    ]
}

/// Guard, after a tenant was inserted: nothing is left of another that had its id. A statement of its own, so that on
/// PostgreSQL it sees the deletion that the insertion waited for.
pub(super) fn check_gone(tenant: &TenantId) -> Statement {
    Statement::one(
        "UPDATE tenants SET version = version
         WHERE tenant = $1 AND NOT EXISTS (SELECT 1 FROM deleted_tenants d WHERE d.tenant = $1)",
        values![tenant],
    )
}

/// A walk through all tables, over the rows of one deleted tenant.
#[derive(Debug)]
pub struct TenantSweep {
    tenant: TenantId,
    table: usize,
}

impl TenantSweep {
    /// The tables, in the order in which it walks through them.
    pub fn tables() -> impl Iterator<Item = &'static str> {
        TABLES.iter().map(|table| table.name)
    }

    /// Begins one.
    pub const fn of(tenant: TenantId) -> Self {
        Self { tenant, table: 0 }
    }

    /// Deletes at most `limit` rows, in a change of its own; how many. `None` when it has been through all tables.
    pub async fn step(&mut self, storage: &Storage, limit: u32) -> Result<Option<u64>, StorageError> {
        let Some(Table { name, delete }) = TABLES.get(self.table) else { return Ok(None) };
        let limit = if *name == "plugin_components" { limit.min(LARGE_AT_ONCE) } else { limit };
        let statement = Statement::any(delete, values![&self.tenant, i64::from(limit)]);
        let deleted = storage.swept(Prepared::of_tenant(self.tenant.clone(), vec![statement])).await?;
        if deleted < u64::from(limit) {
            self.table += 1;
        }
        Ok(Some(deleted))
    }
}

impl Storage {
    /// Deleted tenants of which rows may be left, the first `limit` by their ids.
    pub async fn list_deleted_tenants(&self, limit: u32) -> Result<Vec<DeletedTenant>, StorageError> {
        let sql = "SELECT tenant, deleted_at FROM deleted_tenants ORDER BY tenant LIMIT $1";
        let read =
            |row: &Row| Ok(DeletedTenant { tenant: row.parse(0, "tenant")?, deleted_at: row.time(1)? });
        self.list(sql, values![i64::from(limit)]).await?.iter().map(read).collect()
    }

    /// Whether a tenant was deleted and rows of it may be left.
    pub async fn is_deleted_tenant(&self, tenant: &TenantId) -> Result<bool, StorageError> {
        let sql = "SELECT tenant FROM deleted_tenants WHERE tenant = $1";
        Ok(self.find_one(sql, values![tenant]).await?.is_some())
    }

    /// The deleted tenant that answered at this host, as long as rows of it may be left.
    pub async fn find_deleted_tenant_by_host(&self, host: &str) -> Result<Option<TenantId>, StorageError> {
        let sql = "SELECT tenant FROM deleted_tenants WHERE host = $1 ORDER BY deleted_at DESC LIMIT 1";
        self.find_one(sql, values![host]).await?.map(|row| row.parse(0, "tenant")).transpose()
    }

    /// Says that nothing is left of a deleted tenant: its id is free. Nobody keeps anything of it in memory either.
    pub async fn end_deletion(&self, tenant: &TenantId) -> Result<(), StorageError> {
        let end = || Statement::any("DELETE FROM deleted_tenants WHERE tenant = $1", values![tenant]);
        let statements = vec![
            end().changes(TENANT_CHANGED, tenant.as_str()),
            // Once more, for what is said with it.
            end().changes(EVERYTHING_CHANGED, "*"),
        ];
        let prepared = Prepared::of_tenant(tenant.clone(), statements);
        self.apply_prepared(prepared).await.map_err(StorageError::from)
    }

    pub(crate) async fn swept(&self, prepared: Prepared) -> Result<u64, StorageError> {
        self.inner.database.apply(prepared).await.map_err(StorageError::from)
    }
}

impl From<ApplyError> for StorageError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Storage(error) => error,
            missed @ ApplyError::Missed { .. } => Self::Unavailable(missed.to_string()),
        }
    }
}
