//! Table `tenant_secrets`.

use ::tenancy::ports::ReadError;
use ::tenancy::{TenantSecret, TenantSecrets};
use futures_util::future::BoxFuture;
use primitives::{SealContext, Sealer, Secret, TenantId, Timestamp};

use super::read_error;
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

const fn context<'a>(tenant: &'a TenantId, name: &'a str) -> SealContext<'a> {
    SealContext { tenant, purpose: "tenant_secrets", row: name }
}

/// No guard.
pub(super) fn put(tenant: &TenantId, sealer: &Sealer, secret: &TenantSecret, at: Timestamp) -> Statement {
    let sealed = sealer.seal(context(tenant, &secret.name), secret.value.expose().as_bytes());
    Statement::one(
        "INSERT INTO tenant_secrets (tenant, name, secret, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant, name) DO UPDATE
         SET secret = excluded.secret, updated_at = excluded.updated_at",
        values![tenant, secret.name.as_str(), sealed, at],
    )
}

/// No guard.
pub(super) fn delete(tenant: &TenantId, name: String) -> Statement {
    Statement::any("DELETE FROM tenant_secrets WHERE tenant = $1 AND name = $2", values![tenant, name])
}

impl Storage {
    fn open_tenant_secret(&self, tenant: &TenantId, row: &Row) -> Result<TenantSecret, StorageError> {
        let broken = || StorageError::Inconsistent {
            table: "tenant_secrets",
            column: "secret",
            detail: "the seal is broken".to_owned(),
        };
        let name = row.text(0)?;
        let plain = self.sealer().open(context(tenant, &name), &row.blob(1)?).map_err(|_| broken())?;
        let value = std::str::from_utf8(&plain).map_err(|_| broken())?;
        Ok(TenantSecret { name, value: Secret::new(value.to_owned()) })
    }
}

impl TenantSecrets for Storage {
    fn find_tenant_secret<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Secret<String>>, ReadError>> {
        Box::pin(async move {
            let sql = "SELECT name, secret FROM tenant_secrets WHERE tenant = $1 AND name = $2";
            let row = self.find_one(sql, values![tenant, name]).await.map_err(read_error)?;
            let secret = row.map(|row| self.open_tenant_secret(tenant, &row)).transpose();
            Ok(secret.map_err(read_error)?.map(|secret| secret.value))
        })
    }

    fn list_tenant_secrets<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<TenantSecret>, ReadError>> {
        Box::pin(async move {
            let sql = "SELECT name, secret FROM tenant_secrets WHERE tenant = $1 ORDER BY name";
            let rows = self.list(sql, values![tenant]).await.map_err(read_error)?;
            let secrets = rows.iter().map(|row| self.open_tenant_secret(tenant, row));
            secrets.collect::<Result<_, _>>().map_err(read_error)
        })
    }
}
