//! Table `tenants`.

use ::tenancy::ports::{Page, ReadError, Tenants};
use ::tenancy::{ManagedBy, SettingsDocument, Tenant, TenantState};
use futures_util::future::BoxFuture;
use primitives::TenantId;
use url::Url;

use super::read_error;
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// Guard: neither id nor host is taken. That nothing is left of a deleted one is to be checked after it.
pub(super) fn insert(tenant: &Tenant) -> Statement {
    Statement::one(
        "INSERT INTO tenants
             (tenant, host, issuer, state, version, settings, managed_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT DO NOTHING",
        values![
            &tenant.id,
            tenant.host.clone(),
            tenant.issuer.as_ref().map(ToString::to_string),
            tenant.state.as_str(),
            tenant.settings.version,
            document(tenant),
            tenant.managed_by.as_str(),
            tenant.created_at,
            tenant.updated_at,
        ],
    )
    .changes("tenant", tenant.id.as_str())
}

/// Guard: the version is the one that was read, and no other tenant has the host.
pub(super) fn replace(tenant: &Tenant, read_version: i64) -> Statement {
    Statement::one(
        "UPDATE tenants
         SET host = $2, issuer = $3, state = $4, version = $5, settings = $6, managed_by = $7, updated_at = $8
         WHERE tenant = $1 AND version = $9
             AND NOT EXISTS (SELECT 1 FROM tenants other WHERE other.host = $2 AND other.tenant <> $1)",
        values![
            &tenant.id,
            tenant.host.clone(),
            tenant.issuer.as_ref().map(ToString::to_string),
            tenant.state.as_str(),
            tenant.settings.version,
            document(tenant),
            tenant.managed_by.as_str(),
            tenant.updated_at,
            read_version,
        ],
    )
    .changes("tenant", tenant.id.as_str())
}

fn document(tenant: &Tenant) -> String {
    serde_json::Value::Object(tenant.settings.document.clone()).to_string()
}

impl Tenants for Storage {
    fn find_tenant(&self, id: TenantId) -> BoxFuture<'_, Result<Option<Tenant>, ReadError>> {
        Box::pin(async move {
            let sql =
                "SELECT tenant, host, issuer, state, version, settings, managed_by, created_at, updated_at
                       FROM tenants WHERE tenant = $1";
            let row = self.find_one(sql, values![&id]).await.map_err(read_error)?;
            row.as_ref().map(read).transpose().map_err(read_error)
        })
    }

    fn find_tenant_by_host(&self, host: String) -> BoxFuture<'_, Result<Option<Tenant>, ReadError>> {
        Box::pin(async move {
            let sql =
                "SELECT tenant, host, issuer, state, version, settings, managed_by, created_at, updated_at
                       FROM tenants WHERE host = $1";
            let row = self.find_one(sql, values![host]).await.map_err(read_error)?;
            row.as_ref().map(read).transpose().map_err(read_error)
        })
    }

    fn list_tenants(&self, page: Page) -> BoxFuture<'_, Result<Vec<Tenant>, ReadError>> {
        Box::pin(async move {
            let sql =
                "SELECT tenant, host, issuer, state, version, settings, managed_by, created_at, updated_at
                       FROM tenants WHERE tenant > $1 ORDER BY tenant LIMIT $2";
            let args = values![page.after.unwrap_or_default(), i64::from(page.limit)];
            let rows = self.list(sql, args).await.map_err(read_error)?;
            rows.iter().map(read).collect::<Result<_, _>>().map_err(read_error)
        })
    }

    fn list_file_tenants(&self) -> BoxFuture<'_, Result<Vec<Tenant>, ReadError>> {
        Box::pin(async move {
            let sql =
                "SELECT tenant, host, issuer, state, version, settings, managed_by, created_at, updated_at
                       FROM tenants WHERE managed_by = 'file' ORDER BY tenant";
            let rows = self.list(sql, Vec::new()).await.map_err(read_error)?;
            rows.iter().map(read).collect::<Result<_, _>>().map_err(read_error)
        })
    }
}

fn read(row: &Row) -> Result<Tenant, StorageError> {
    let impossible = |column| StorageError::Inconsistent {
        table: "tenants",
        column,
        detail: "is no word that we know".to_owned(),
    };
    Ok(Tenant {
        id: row.parse(0, "tenant")?,
        host: row.opt_text(1)?,
        issuer: row.opt_parse::<Url>(2, "issuer")?,
        state: TenantState::parse(&row.text(3)?).ok_or_else(|| impossible("state"))?,
        settings: SettingsDocument { version: row.int(4)?, document: row.json(5, "settings")? },
        managed_by: ManagedBy::parse(&row.text(6)?).ok_or_else(|| impossible("managed_by"))?,
        created_at: row.time(7)?,
        updated_at: row.time(8)?,
    })
}
