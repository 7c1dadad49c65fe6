//! Table `oauth2_clients`, and the clients that decisions use, kept ready.

use std::sync::Arc;

use ::oauth2::client::{Client, ClientRecord, ManagedBy, StoredSecret};
use ::oauth2::ports::{ClientFilter, ClientRepository, PortResult};
use ::oauth2::registration::SelfRegistered;
use primitives::{ClientId, SealContext, Sealer, TenantId, Timestamp};

use super::{CLIENT_CHANGED, port_error};
use crate::cache::InvalidatedCache;
use crate::row::Row;
use crate::statement::{Statement, Value, json, sealed_json};
use crate::{Storage, StorageError, values};

const TABLE: &str = "oauth2_clients";

/// Checked clients by their id.
pub(crate) type ClientCache = InvalidatedCache<Arc<Client>>;

pub(super) fn insert(
    tenant: &TenantId,
    client: &ClientRecord,
    sealer: &Sealer,
) -> Result<Statement, StorageError> {
    let id = id_of(client)?;
    let statement = Statement::one(
        "INSERT INTO oauth2_clients (tenant, id, name, owner, document, secrets, managed_by, enabled,
             created_at, updated_at, not_before, version, registered, unused_until, backchannel_logout)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING",
        values![
            tenant,
            id,
            client.document.client_name.as_str(),
            client.document.owner.as_str(),
            json(&client.document),
            sealed_secrets(tenant, id, &client.secrets, sealer),
            client.managed_by.as_str(),
            client.enabled,
            client.created_at,
            client.updated_at,
            client.not_before,
            client.version,
            client.registration.is_some(),
            client.registration.and_then(|registration| registration.unused_until),
            client.document.backchannel_logout_uri().is_some(),
        ],
    );
    Ok(statement.changes(CLIENT_CHANGED, id.as_str()))
}

/// The time of its making never changes, nor when it leaves: one that got a token meanwhile goes on to stay.
pub(super) fn update(
    tenant: &TenantId,
    client: &ClientRecord,
    expected: i64,
    sealer: &Sealer,
) -> Result<Statement, StorageError> {
    let id = id_of(client)?;
    let statement = Statement::one(
        "UPDATE oauth2_clients SET name = $4, owner = $5, document = $6, secrets = $7, managed_by = $8,
             enabled = $9, updated_at = $10, not_before = $11, version = $12, backchannel_logout = $14,
             registered = $13
         WHERE tenant = $1 AND id = $2 AND version = $3",
        values![
            tenant,
            id,
            expected,
            client.document.client_name.as_str(),
            client.document.owner.as_str(),
            json(&client.document),
            sealed_secrets(tenant, id, &client.secrets, sealer),
            client.managed_by.as_str(),
            client.enabled,
            client.updated_at,
            client.not_before,
            client.version,
            client.registration.is_some(),
            client.document.backchannel_logout_uri().is_some(),
        ],
    );
    Ok(statement.changes(CLIENT_CHANGED, id.as_str()))
}

/// Whoever registers at the same time waits at the tenant's row, and counts what the other has left: on PostgreSQL a statement sees
/// what was there when it began, so that one alone would count two as none.
pub(super) fn count_registration(tenant: &TenantId, most: u32) -> Vec<Statement> {
    let turn = Statement::one(
        "INSERT INTO oauth2_registration_turns (tenant, turn) VALUES ($1, 1)
         ON CONFLICT (tenant) DO UPDATE SET turn = oauth2_registration_turns.turn + 1",
        values![tenant],
    );
    let is_left = Statement::one(
        "UPDATE oauth2_registration_turns SET turn = turn WHERE tenant = $1 AND $2 >
             (SELECT COUNT(*) FROM (SELECT 1 FROM oauth2_clients
                  WHERE tenant = $1 AND registered = 1 LIMIT $2) AS registered)",
        values![tenant, i64::from(most)],
    );
    vec![turn, is_left]
}

/// It got a token, and stays. Of two at once the later end counts.
pub(super) fn keep(tenant: &TenantId, client: &ClientId, until: Option<Timestamp>) -> Statement {
    let statement = match until {
        None => Statement::any(
            "UPDATE oauth2_clients SET unused_until = NULL WHERE tenant = $1 AND id = $2 AND unused_until IS NOT NULL",
            values![tenant, client],
        ),
        Some(until) => Statement::any(
            "UPDATE oauth2_clients SET unused_until = $3
             WHERE tenant = $1 AND id = $2 AND registered = 1 AND (unused_until IS NULL OR unused_until < $3)",
            values![tenant, client, until],
        ),
    };
    statement.changes(CLIENT_CHANGED, client.as_str())
}

/// Attack: a client is deleted and somebody else takes its id, to inherit what people consented to.
/// Consents therefore leave with the client, and the names that people have there; the opaque tokens that it had for itself are
/// not found without it, and what hangs on a grant is revoked with that.
pub(super) fn delete(tenant: &TenantId, client: &ClientId, expected: i64) -> Vec<Statement> {
    vec![
        Statement::one(
            "DELETE FROM oauth2_clients WHERE tenant = $1 AND id = $2 AND version = $3",
            values![tenant, client, expected],
        )
        .changes(CLIENT_CHANGED, client.as_str()),
        Statement::any(
            "DELETE FROM oauth2_consents WHERE tenant = $1 AND client = $2",
            values![tenant, client],
        ),
        Statement::any(
            "DELETE FROM oauth2_forced_subjects WHERE tenant = $1 AND client = $2",
            values![tenant, client],
        ),
    ]
}

fn id_of(client: &ClientRecord) -> Result<&ClientId, StorageError> {
    client.document.client_id.as_ref().ok_or_else(|| StorageError::Inconsistent {
        table: TABLE,
        column: "id",
        detail: "a record to be written has none".to_owned(),
    })
}

fn sealed_secrets(tenant: &TenantId, id: &ClientId, secrets: &[StoredSecret], sealer: &Sealer) -> Value {
    sealed_json(sealer, context(tenant, id), &secrets)
}

fn context<'a>(tenant: &'a TenantId, id: &'a ClientId) -> SealContext<'a> {
    SealContext { tenant, purpose: TABLE, row: id.as_str() }
}

fn read(tenant: &TenantId, row: &Row, sealer: &Sealer) -> Result<ClientRecord, StorageError> {
    let inconsistent =
        |column, detail: &str| StorageError::Inconsistent { table: TABLE, column, detail: detail.to_owned() };
    let id: ClientId = row.parse(0, "id")?;
    let secrets = sealer
        .open(context(tenant, &id), &row.blob(2)?)
        .map_err(|_| inconsistent("secrets", "the seal is broken"))?;
    Ok(ClientRecord {
        document: row.json(1, "document")?,
        secrets: serde_json::from_slice(&secrets).map_err(|_| inconsistent("secrets", "not JSON"))?,
        managed_by: [ManagedBy::Api, ManagedBy::File]
            .into_iter()
            .find(|known| row.text(3).is_ok_and(|text| text == known.as_str()))
            .ok_or_else(|| inconsistent("managed_by", "is no word that we know"))?,
        enabled: row.flag(4)?,
        created_at: row.time(5)?,
        updated_at: row.time(6)?,
        not_before: row.time(7)?,
        version: row.int(8)?,
        registration: if row.flag(9)? {
            Some(SelfRegistered { unused_until: row.opt_time(10)? })
        } else {
            None
        },
    })
}

impl Storage {
    async fn load_client_record(
        &self,
        tenant: &TenantId,
        id: &ClientId,
    ) -> Result<Option<ClientRecord>, StorageError> {
        let sql =
            "SELECT id, document, secrets, managed_by, enabled, created_at, updated_at, not_before, version,
                 registered, unused_until
             FROM oauth2_clients WHERE tenant = $1 AND id = $2";
        let row = self.find_one(sql, values![tenant, id]).await?;
        row.map(|row| read(tenant, &row, self.sealer())).transpose()
    }

    async fn load_client(
        &self,
        tenant: &TenantId,
        id: &ClientId,
    ) -> Result<Option<Arc<Client>>, StorageError> {
        let Some(record) = self.load_client_record(tenant, id).await? else { return Ok(None) };
        let client = Client::check(record).map_err(|error| StorageError::Inconsistent {
            table: TABLE,
            column: "document",
            detail: error.to_string(),
        })?;
        Ok(Some(Arc::new(client)))
    }
}

impl ClientRepository for Storage {
    fn find_client<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a ClientId,
    ) -> PortResult<'a, Option<Arc<Client>>> {
        Box::pin(async move {
            let load = self.load_client(tenant, id);
            self.inner.clients.find_or_load(tenant, id.as_str(), load).await.map_err(port_error)
        })
    }

    fn find_client_record<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a ClientId,
    ) -> PortResult<'a, Option<ClientRecord>> {
        Box::pin(async move { self.load_client_record(tenant, id).await.map_err(port_error) })
    }

    fn list_clients<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: &'a ClientFilter,
        limit: u32,
    ) -> PortResult<'a, Vec<ClientRecord>> {
        Box::pin(async move {
            let sql =
                "SELECT id, document, secrets, managed_by, enabled, created_at, updated_at, not_before, version,
                     registered, unused_until
                 FROM oauth2_clients
                 WHERE tenant = $1 AND (created_at, id) > ($2, $3) AND ($4 IS NULL OR name = $4)
                     AND ($5 IS NULL OR owner = $5)
                 ORDER BY created_at, id LIMIT $6";
            let after = filter.after.as_ref();
            let args = values![
                tenant,
                after.map_or(Timestamp::from_micros(i64::MIN), |place| place.created_at),
                after.map_or("", |place| place.id.as_str()),
                filter.client_name.clone(),
                filter.owner.clone(),
                i64::from(limit),
            ];
            let rows = self.list(sql, args).await.map_err(port_error)?;
            rows.iter()
                .map(|row| read(tenant, row, self.sealer()))
                .collect::<Result<_, _>>()
                .map_err(port_error)
        })
    }

    fn count_registered_clients<'a>(&'a self, tenant: &'a TenantId, most: u32) -> PortResult<'a, u32> {
        Box::pin(async move {
            let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM oauth2_clients
                           WHERE tenant = $1 AND registered = 1 LIMIT $2) AS registered";
            let row = self.find_one(sql, values![tenant, i64::from(most)]).await.map_err(port_error)?;
            let count = row.map(|row| row.int(0)).transpose().map_err(port_error)?.unwrap_or(0);
            Ok(u32::try_from(count).unwrap_or(most))
        })
    }
}
