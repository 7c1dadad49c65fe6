//! Tables `uploaded_plugins` and `plugin_versions`.

use ::tenancy::plugin::PluginSecret;
use ::tenancy::plugin::uploaded::{
    ComponentRoom, PluginVersion, SecretFacts, UploadedPlugin, UploadedPlugins,
};
use ::tenancy::ports::ReadError;
use futures_util::future::BoxFuture;
use primitives::{TenantId, UploadedPluginId};

use super::{components, plugin_values, read_error};
use crate::row::Row;
use crate::statement::{Statement, json};
use crate::{Storage, StorageError, values};

/// Guard: the revision before of this very plugin is there; the first one is put where nothing is. What it keeps is
/// counted from then on.
pub(super) fn put(tenant: &TenantId, plugin: &UploadedPlugin, reloads: bool) -> Vec<Statement> {
    let row = values![
        tenant,
        plugin.name.as_str(),
        plugin.revision,
        i64::from(plugin.latest_version),
        json(&plugin.state),
        plugin.created_at,
        plugin.updated_at,
        &plugin.id,
    ];
    let sql = if plugin.revision == 1 {
        "INSERT INTO uploaded_plugins (tenant, name, revision, latest_version, state, created_at, updated_at, id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT DO NOTHING"
    } else {
        "UPDATE uploaded_plugins
         SET revision = $3, latest_version = $4, state = $5, created_at = $6, updated_at = $7
         WHERE tenant = $1 AND name = $2 AND revision = $3 - 1 AND id = $8"
    };
    let statement = Statement::one(sql, row);
    let statement = if reloads { statement.changes("tenant", tenant.as_str()) } else { statement };
    let counted = (plugin.revision == 1).then(|| plugin_values::begin(tenant, &plugin.name, plugin.id));
    std::iter::once(statement).chain(counted).collect()
}

/// Guard: this very plugin has this revision.
pub(super) fn delete(tenant: &TenantId, plugin: &str, id: UploadedPluginId, revision: i64) -> Vec<Statement> {
    let statements = [
        Statement::one(
            "DELETE FROM uploaded_plugins WHERE tenant = $1 AND name = $2 AND revision = $3 AND id = $4",
            values![tenant, plugin, revision, &id],
        )
        .changes("tenant", tenant.as_str()),
        Statement::any(
            "DELETE FROM plugin_versions WHERE tenant = $1 AND plugin = $2",
            values![tenant, plugin],
        ),
    ];
    statements.into_iter().chain(components::collect(tenant)).collect()
}

/// Guard: there is none of its number.
pub(super) fn insert_version(tenant: &TenantId, version: &PluginVersion) -> Statement {
    Statement::one(
        "INSERT INTO plugin_versions (tenant, plugin, version, sha256, facts, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT DO NOTHING",
        values![
            tenant,
            version.plugin.as_str(),
            i64::from(version.version),
            version.facts.sha256.as_str(),
            json(&version.facts),
            version.created_at,
            json(&version.created_by),
        ],
    )
}

/// Guard: it exists.
pub(super) fn delete_version(tenant: &TenantId, plugin: &str, version: u32) -> Vec<Statement> {
    let deleted = Statement::one(
        "DELETE FROM plugin_versions WHERE tenant = $1 AND plugin = $2 AND version = $3",
        values![tenant, plugin, i64::from(version)],
    );
    std::iter::once(deleted).chain(components::collect(tenant)).collect()
}

impl UploadedPlugins for Storage {
    fn list_uploaded_plugins<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<UploadedPlugin>, ReadError>> {
        Box::pin(async move {
            let sql = "SELECT name, revision, latest_version, state, created_at, updated_at, id
                       FROM uploaded_plugins WHERE tenant = $1 ORDER BY name";
            let rows = self.list(sql, values![tenant]).await.map_err(read_error)?;
            rows.iter().map(read).collect::<Result<_, _>>().map_err(read_error)
        })
    }

    fn find_uploaded_plugin<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<UploadedPlugin>, ReadError>> {
        Box::pin(async move {
            let sql = "SELECT name, revision, latest_version, state, created_at, updated_at, id
                       FROM uploaded_plugins WHERE tenant = $1 AND name = $2";
            let row = self.find_one(sql, values![tenant, name]).await.map_err(read_error)?;
            row.as_ref().map(read).transpose().map_err(read_error)
        })
    }

    fn list_plugin_versions<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PluginVersion>, ReadError>> {
        Box::pin(async move {
            let sql = "SELECT plugin, version, facts, created_at, created_by
                       FROM plugin_versions WHERE tenant = $1 AND plugin = $2 ORDER BY version DESC";
            let rows = self.list(sql, values![tenant, name]).await.map_err(read_error)?;
            rows.iter().map(read_version).collect::<Result<_, _>>().map_err(read_error)
        })
    }

    fn find_component<'a>(
        &'a self,
        tenant: &'a TenantId,
        sha256: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReadError>> {
        Box::pin(async move {
            let sql = "SELECT component FROM plugin_components WHERE tenant = $1 AND sha256 = $2";
            let row = self.find_one(sql, values![tenant, sha256]).await.map_err(read_error)?;
            row.map(|row| row.blob(0)).transpose().map_err(read_error)
        })
    }

    fn list_secret_facts<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<SecretFacts>, ReadError>> {
        Box::pin(async move { self.uploaded_secret_facts(tenant, name).await.map_err(read_error) })
    }

    fn list_uploaded_secrets<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: UploadedPluginId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>> {
        Box::pin(async move { self.uploaded_secrets(tenant, id, name).await.map_err(read_error) })
    }

    fn component_usage<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<ComponentRoom, ReadError>> {
        Box::pin(async move {
            let sql = "SELECT versions, bytes FROM component_usage WHERE tenant = $1";
            let row = self.find_one(sql, values![tenant]).await.map_err(read_error)?;
            row.map_or_else(|| Ok(ComponentRoom::default()), |row| read_usage(&row)).map_err(read_error)
        })
    }
}

fn read(row: &Row) -> Result<UploadedPlugin, StorageError> {
    Ok(UploadedPlugin {
        name: row.text(0)?,
        revision: row.int(1)?,
        latest_version: number(row.int(2)?, "latest_version")?,
        state: row.json(3, "state")?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
        id: row.parse(6, "id")?,
    })
}

fn read_version(row: &Row) -> Result<PluginVersion, StorageError> {
    Ok(PluginVersion {
        plugin: row.text(0)?,
        version: number(row.int(1)?, "version")?,
        facts: row.json(2, "facts")?,
        created_at: row.time(3)?,
        created_by: row.json(4, "created_by")?,
    })
}

fn read_usage(row: &Row) -> Result<ComponentRoom, StorageError> {
    let count = |index, column| number(row.int(index)?, column);
    Ok(ComponentRoom { versions: count(0, "versions")?, bytes: count(1, "bytes")? })
}

fn number<T: TryFrom<i64>>(stored: i64, column: &'static str) -> Result<T, StorageError> {
    T::try_from(stored).map_err(|_| StorageError::Inconsistent {
        table: "uploaded_plugins",
        column,
        detail: "no possible number".to_owned(),
    })
}
