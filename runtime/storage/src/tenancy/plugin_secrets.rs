//! Table `plugin_secrets`.

use ::tenancy::plugin::{PluginSecret, PluginSecrets};
use ::tenancy::ports::ReadError;
use futures_util::future::BoxFuture;
use primitives::{SealContext, Sealer, Secret, TenantId, Timestamp};

use super::read_error;
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// What a secret is sealed for. Neither name holds a slash.
fn row_of(plugin: &str, name: &str) -> String {
    format!("{plugin}/{name}")
}

const fn context<'a>(tenant: &'a TenantId, row: &'a str) -> SealContext<'a> {
    SealContext { tenant, purpose: "plugin_secrets", row }
}

/// No guard. Its tenant is no longer what it was: its plugins have the secrets with which they were loaded.
pub(super) fn put(tenant: &TenantId, sealer: &Sealer, secret: &PluginSecret, at: Timestamp) -> Statement {
    let row = row_of(&secret.plugin, &secret.name);
    let sealed = sealer.seal(context(tenant, &row), secret.value.expose().as_bytes());
    Statement::one(
        "INSERT INTO plugin_secrets (tenant, plugin, name, secret, updated_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant, plugin, name) DO UPDATE
         SET secret = excluded.secret, updated_at = excluded.updated_at",
        values![tenant, secret.plugin.as_str(), secret.name.as_str(), sealed, at],
    )
    .changes("tenant", tenant.as_str())
}

/// No guard.
pub(super) fn delete(tenant: &TenantId, plugin: String, name: String) -> Statement {
    Statement::any(
        "DELETE FROM plugin_secrets WHERE tenant = $1 AND plugin = $2 AND name = $3",
        values![tenant, plugin, name],
    )
    .changes("tenant", tenant.as_str())
}

impl Storage {
    fn open_secret(&self, tenant: &TenantId, row: &Row) -> Result<PluginSecret, StorageError> {
        let broken = || StorageError::Inconsistent {
            table: "plugin_secrets",
            column: "secret",
            detail: "the seal is broken".to_owned(),
        };
        let (plugin, name) = (row.text(0)?, row.text(1)?);
        let place = row_of(&plugin, &name);
        let plain = self.sealer().open(context(tenant, &place), &row.blob(2)?).map_err(|_| broken())?;
        let value = std::str::from_utf8(&plain).map_err(|_| broken())?;
        Ok(PluginSecret { plugin, name, value: Secret::new(value.to_owned()) })
    }
}

impl PluginSecrets for Storage {
    fn list_plugin_secrets<'a>(
        &'a self,
        tenant: &'a TenantId,
        plugin: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>> {
        Box::pin(async move {
            let sql = "SELECT plugin, name, secret FROM plugin_secrets WHERE tenant = $1 AND plugin = $2
                       ORDER BY name";
            let rows = self.list(sql, values![tenant, plugin]).await.map_err(read_error)?;
            rows.iter().map(|row| self.open_secret(tenant, row)).collect::<Result<_, _>>().map_err(read_error)
        })
    }

    fn list_secrets_of_plugins<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>> {
        Box::pin(async move {
            let sql =
                "SELECT plugin, name, secret FROM plugin_secrets WHERE tenant = $1 ORDER BY plugin, name";
            let rows = self.list(sql, values![tenant]).await.map_err(read_error)?;
            rows.iter().map(|row| self.open_secret(tenant, row)).collect::<Result<_, _>>().map_err(read_error)
        })
    }
}
