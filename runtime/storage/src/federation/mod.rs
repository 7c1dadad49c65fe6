//! Tables `provider_secrets` and `organisation_connections`.

use ::federation::Connection;
use ::federation::ports::{Connections, NamedSecret, ProviderSecrets, StoreUnavailable};
use ::federation::secrets::Write;
use futures_util::future::BoxFuture;
use primitives::{OrganisationId, SealContext, Sealer, Secret, TenantId};

use crate::apply::Stored;
use crate::row::Row;
use crate::statement::{Statement, json};
use crate::{Storage, StorageError, values};

const fn context<'a>(tenant: &'a TenantId, provider: &'a str) -> SealContext<'a> {
    SealContext { tenant, purpose: "provider_secrets", row: provider }
}

impl Stored for Write {
    fn statements(self, tenant: &TenantId, sealer: &Sealer) -> Result<Vec<Statement>, StorageError> {
        Ok(vec![match self {
            Self::PutSecret { provider, value, at } => {
                let sealed = sealer.seal(context(tenant, &provider), value.expose().as_bytes());
                Statement::one(
                    "INSERT INTO provider_secrets (tenant, provider, secret, updated_at) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (tenant, provider) DO UPDATE
                     SET secret = excluded.secret, updated_at = excluded.updated_at",
                    values![tenant, provider, sealed, at],
                )
            }
            Self::DeleteSecret { provider } => Statement::any(
                "DELETE FROM provider_secrets WHERE tenant = $1 AND provider = $2",
                values![tenant, provider],
            ),
            Self::PutConnection(connection) => put_connection(tenant, &connection),
            Self::DeleteConnection { organisation, provider } => Statement::one(
                "DELETE FROM organisation_connections
                 WHERE tenant = $1 AND organisation = $2 AND provider = $3",
                values![tenant, &organisation, provider],
            ),
        }])
    }
}

fn put_connection(tenant: &TenantId, new: &Connection) -> Statement {
    let provider = new.settings.id.as_str();
    if new.version == 0 {
        return Statement::one(
            "INSERT INTO organisation_connections
                 (tenant, organisation, provider, settings, enabled, version, created_at, updated_at)
             SELECT o.tenant, o.id, $3, $4, $5, 1, $6, $7 FROM organisations o WHERE o.tenant = $1 AND o.id = $2
             ON CONFLICT DO NOTHING",
            values![
                tenant,
                &new.organisation,
                provider,
                json(&new.settings),
                new.enabled,
                new.created_at,
                new.updated_at
            ],
        );
    }
    Statement::one(
        "UPDATE organisation_connections
         SET provider = $4, settings = $5, enabled = $6, updated_at = $7, version = version + 1
         WHERE tenant = $1 AND organisation = $2 AND version = $3",
        values![
            tenant,
            &new.organisation,
            new.version,
            provider,
            json(&new.settings),
            new.enabled,
            new.updated_at
        ],
    )
}

/// A statement that reads what [`connection_at`] takes.
macro_rules! connections {
    ($which:literal) => {
        concat!(
            "SELECT organisation, settings, enabled, version, created_at, updated_at FROM organisation_connections ",
            $which
        )
    };
}

fn connection_at(row: &Row) -> Result<Connection, StorageError> {
    Ok(Connection {
        organisation: row.parse(0, "organisation")?,
        settings: row.json(1, "settings")?,
        enabled: row.flag(2)?,
        version: row.int(3)?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
    })
}

impl Storage {
    fn open_provider_secret(&self, tenant: &TenantId, row: &Row) -> Result<NamedSecret, StorageError> {
        let broken = || StorageError::Inconsistent {
            table: "provider_secrets",
            column: "secret",
            detail: "the seal is broken".to_owned(),
        };
        let provider = row.text(0)?;
        let plain = self.sealer().open(context(tenant, &provider), &row.blob(1)?).map_err(|_| broken())?;
        let value = std::str::from_utf8(&plain).map_err(|_| broken())?;
        Ok((provider, Secret::new(value.to_owned())))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used by map_err")]
fn unavailable(error: StorageError) -> StoreUnavailable {
    StoreUnavailable(error.to_string())
}

impl ProviderSecrets for Storage {
    fn find_provider_secret<'a>(
        &'a self,
        tenant: &'a TenantId,
        provider: &'a str,
    ) -> BoxFuture<'a, Result<Option<Secret<String>>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT provider, secret FROM provider_secrets WHERE tenant = $1 AND provider = $2";
            let row = self.find_one(sql, values![tenant, provider]).await.map_err(unavailable)?;
            let secret = row.map(|row| self.open_provider_secret(tenant, &row)).transpose();
            Ok(secret.map_err(unavailable)?.map(|(_, value)| value))
        })
    }

    fn list_provider_secrets<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<NamedSecret>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT provider, secret FROM provider_secrets WHERE tenant = $1 ORDER BY provider";
            let rows = self.list(sql, values![tenant]).await.map_err(unavailable)?;
            let secrets = rows.iter().map(|row| self.open_provider_secret(tenant, row));
            secrets.collect::<Result<_, _>>().map_err(unavailable)
        })
    }
}

impl Connections for Storage {
    fn find_connection<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
    ) -> BoxFuture<'a, Result<Option<Connection>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = connections!("WHERE tenant = $1 AND organisation = $2");
            let row = self.find_one(sql, values![tenant, &organisation]).await.map_err(unavailable)?;
            row.as_ref().map(connection_at).transpose().map_err(unavailable)
        })
    }

    fn find_connection_by_provider<'a>(
        &'a self,
        tenant: &'a TenantId,
        provider: &'a str,
    ) -> BoxFuture<'a, Result<Option<Connection>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = connections!("WHERE tenant = $1 AND provider = $2");
            let row = self.find_one(sql, values![tenant, provider]).await.map_err(unavailable)?;
            row.as_ref().map(connection_at).transpose().map_err(unavailable)
        })
    }
}
