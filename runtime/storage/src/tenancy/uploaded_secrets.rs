//! Table `uploaded_plugin_secrets`.

use ::tenancy::plugin::PluginSecret;
use ::tenancy::plugin::uploaded::{SecretFacts, UploadedSecret};
use primitives::{SealContext, Sealer, Secret, TenantId, UploadedPluginId};

use crate::row::Row;
use crate::statement::{Statement, json};
use crate::{Storage, StorageError, values};

/// What a secret is sealed for. Neither name holds a slash.
fn row_of(plugin: &str, name: &str) -> String {
    format!("{plugin}/{name}")
}

const fn context<'a>(tenant: &'a TenantId, row: &'a str) -> SealContext<'a> {
    SealContext { tenant, purpose: "uploaded_plugin_secrets", row }
}

/// No guard. Its plugin is put in the same change, by which nodes learn that it is another.
pub(super) fn put(tenant: &TenantId, sealer: &Sealer, secret: &UploadedSecret) -> Statement {
    let UploadedSecret { plugin, facts, value } = secret;
    let row = row_of(plugin, &facts.name);
    let sealed = sealer.seal(context(tenant, &row), value.expose().as_bytes());
    Statement::one(
        "INSERT INTO uploaded_plugin_secrets (tenant, plugin, name, secret, updated_at, updated_by)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (tenant, plugin, name) DO UPDATE
         SET secret = excluded.secret, updated_at = excluded.updated_at, updated_by = excluded.updated_by",
        values![
            tenant,
            plugin.as_str(),
            facts.name.as_str(),
            sealed,
            facts.updated_at,
            json(&facts.updated_by)
        ],
    )
}

/// No guard.
pub(super) fn delete(tenant: &TenantId, plugin: String, name: String) -> Statement {
    Statement::any(
        "DELETE FROM uploaded_plugin_secrets WHERE tenant = $1 AND plugin = $2 AND name = $3",
        values![tenant, plugin, name],
    )
}

/// No guard.
pub(super) fn delete_all(tenant: &TenantId, plugin: String) -> Statement {
    Statement::any(
        "DELETE FROM uploaded_plugin_secrets WHERE tenant = $1 AND plugin = $2",
        values![tenant, plugin],
    )
}

impl Storage {
    /// The secrets of one uploaded plugin, in the order of their names.
    pub(super) async fn uploaded_secrets(
        &self,
        tenant: &TenantId,
        id: UploadedPluginId,
        plugin: &str,
    ) -> Result<Vec<PluginSecret>, StorageError> {
        let sql = "SELECT s.plugin, s.name, s.secret FROM uploaded_plugin_secrets s
                   JOIN uploaded_plugins p ON p.tenant = s.tenant AND p.name = s.plugin AND p.id = $3
                   WHERE s.tenant = $1 AND s.plugin = $2 ORDER BY s.name";
        let rows = self.list(sql, values![tenant, plugin, &id]).await?;
        rows.iter().map(|row| self.open_uploaded_secret(tenant, row)).collect()
    }

    /// What is told of them.
    pub(super) async fn uploaded_secret_facts(
        &self,
        tenant: &TenantId,
        plugin: &str,
    ) -> Result<Vec<SecretFacts>, StorageError> {
        let sql = "SELECT name, updated_at, updated_by FROM uploaded_plugin_secrets
                   WHERE tenant = $1 AND plugin = $2 ORDER BY name";
        let facts = |row: &Row| {
            let (name, updated_at, updated_by) = (row.text(0)?, row.time(1)?, row.json(2, "updated_by")?);
            Ok(SecretFacts { name, updated_at, updated_by })
        };
        self.list(sql, values![tenant, plugin]).await?.iter().map(facts).collect()
    }

    fn open_uploaded_secret(&self, tenant: &TenantId, row: &Row) -> Result<PluginSecret, StorageError> {
        let broken = || StorageError::Inconsistent {
            table: "uploaded_plugin_secrets",
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
