//! Passkeys and security keys, sealed, and found by the id that their authenticator gave them.

use ::identity::Identifier;
use ::identity::ports::StoreUnavailable;
use ::identity::webauthn::{CredentialId, CredentialRecord, StoredKey};
use futures_util::future::BoxFuture;
use primitives::{IdentityId, SealContext, Sealer, TenantId, Timestamp};

use super::factors::{hold, recount};
use super::identities::{if_asked_for, or_another};
use super::ways::has_another_way;
use super::{sealed_json, unavailable};
use crate::row::Row;
use crate::statement::{Statement, Value};
use crate::{Storage, StorageError, values};

const PURPOSE: &str = "identity_keys";

pub(super) fn add(
    sealer: &Sealer,
    tenant: &TenantId,
    identity: IdentityId,
    record: &CredentialRecord,
    at: Timestamp,
) -> Vec<Statement> {
    vec![
        hold(tenant, identity),
        Statement::one(
            "INSERT INTO identity_keys (tenant, id, identity, kind, document, version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, 1, $6, $6) ON CONFLICT DO NOTHING",
            values![
                tenant,
                record.id.to_string(),
                &identity,
                record.kind.as_str(),
                sealed(sealer, tenant, record),
                at
            ],
        ),
        recount(tenant, identity),
    ]
}

pub(super) fn used(
    sealer: &Sealer,
    tenant: &TenantId,
    record: &CredentialRecord,
    version: i64,
    at: Timestamp,
) -> Statement {
    Statement::one(
        "UPDATE identity_keys SET document = $3, updated_at = $5, version = version + 1
         WHERE tenant = $1 AND id = $2 AND version = $4",
        values![tenant, record.id.to_string(), sealed(sealer, tenant, record), version, at],
    )
}

pub(super) fn remove(tenant: &TenantId, identity: IdentityId, id: &CredentialId) -> Vec<Statement> {
    vec![
        hold(tenant, identity),
        Statement::one(
            concat!(
                "DELETE FROM identity_keys WHERE tenant = $1 AND identity = $2 AND id = $3
                     AND (kind = 'second_factor' OR ",
                has_another_way!(),
                ")"
            ),
            values![tenant, &identity, id.to_string()],
        ),
        recount(tenant, identity),
    ]
}

pub(super) fn remove_password(tenant: &TenantId, identity: IdentityId) -> Vec<Statement> {
    vec![
        hold(tenant, identity),
        Statement::one(
            concat!(
                "DELETE FROM identity_passwords WHERE tenant = $1 AND identity = $2 AND ",
                has_another_way!()
            ),
            values![tenant, &identity],
        ),
    ]
}

/// All that an identity signs in with, and its second factors.
pub(super) fn remove_all(tenant: &TenantId, identity: IdentityId) -> Vec<Statement> {
    let of_identity = |sql| Statement::any(sql, values![tenant, &identity]);
    vec![
        hold(tenant, identity),
        of_identity("DELETE FROM identity_passwords WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM identity_keys WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM identity_links WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM identity_factors WHERE tenant = $1 AND identity = $2"),
        recount(tenant, identity),
    ]
}

fn sealed(sealer: &Sealer, tenant: &TenantId, record: &CredentialRecord) -> Value {
    let row = record.id.to_string();
    sealed_json(sealer, context(tenant, &row), record)
}

fn context<'a>(tenant: &'a TenantId, row: &'a str) -> SealContext<'a> {
    SealContext { tenant, purpose: PURPOSE, row }
}

impl Storage {
    fn key(&self, tenant: &TenantId, row: &Row) -> Result<StoredKey, StorageError> {
        let broken = |column, detail: &str| StorageError::Inconsistent {
            table: "identity_keys",
            column,
            detail: detail.to_owned(),
        };
        let opened = self.sealer().open(context(tenant, &row.text(0)?), &row.blob(2)?);
        let plain = opened.map_err(|_| broken("document", "the seal is broken"))?;
        let record: CredentialRecord =
            serde_json::from_slice(&plain).map_err(|_| broken("document", "not a credential"))?;
        if record.id.to_string() != row.text(0)? {
            return Err(broken("id", "the credential has another id"));
        }
        Ok(StoredKey {
            identity: row.parse(1, "identity")?,
            record,
            version: row.int(3)?,
            created_at: row.time(4)?,
            updated_at: row.time(5)?,
        })
    }

    // Attack: the time of an answer tells who has keys. Of whoever has none, or is not, those of somebody who has are read.
    pub(super) fn keys_of_identifier<'a>(
        &'a self,
        tenant: &'a TenantId,
        identifier: &'a Identifier,
    ) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = concat!(
                "SELECT k.id, k.identity, k.document, k.version, k.created_at, k.updated_at, w.is_asked_for
                 FROM (",
                or_another!(
                    "SELECT * FROM (
                         SELECT k.identity, CAST(1 AS BIGINT) AS is_asked_for FROM identity_identifiers n
                         JOIN identity_keys k ON k.tenant = n.tenant AND k.identity = n.identity
                         WHERE n.tenant = $1 AND n.identifier = $2 LIMIT 1) o",
                    "SELECT identity, CAST(0 AS BIGINT) FROM identity_keys WHERE tenant = $1 ORDER BY id LIMIT 1"
                ),
                ") w JOIN identity_keys k ON k.tenant = $1 AND k.identity = w.identity ORDER BY k.created_at, k.id"
            );
            let rows = self.list(sql, values![tenant, identifier.as_str()]).await.map_err(unavailable)?;
            let keys = rows.iter().map(|row| if_asked_for(row, 6, self.key(tenant, row)));
            keys.filter_map(Result::transpose).collect::<Result<_, _>>().map_err(unavailable)
        })
    }

    pub(super) fn keys_of<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT id, identity, document, version, created_at, updated_at FROM identity_keys
                 WHERE tenant = $1 AND identity = $2 ORDER BY created_at, id";
            let rows = self.list(sql, values![tenant, &identity]).await.map_err(unavailable)?;
            let keys = rows.iter().map(|row| self.key(tenant, row));
            keys.collect::<Result<_, _>>().map_err(unavailable)
        })
    }

    pub(super) fn key_by_id<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a CredentialId,
    ) -> BoxFuture<'a, Result<Option<StoredKey>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT id, identity, document, version, created_at, updated_at FROM identity_keys
                 WHERE tenant = $1 AND id = $2";
            let row = self.find_one(sql, values![tenant, id.to_string()]).await.map_err(unavailable)?;
            row.map(|row| self.key(tenant, &row)).transpose().map_err(unavailable)
        })
    }
}
