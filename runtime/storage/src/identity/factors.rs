//! Second factors, sealed, and how much their identity can prove.

use ::identity::Identifier;
use ::identity::factor::{FactorKind, SecondFactor, StoredFactor};
use ::identity::ports::{Factors, StoreUnavailable};
use ::identity::trusted_device::TrustedDevice;
use ::identity::webauthn::{CredentialId, StoredKey};
use futures_util::future::BoxFuture;
use primitives::{IdentityId, KeyedHash, SealContext, Sealer, TenantId, Timestamp};

use super::{IDENTITY_CHANGED, sealed_json, unavailable};
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

const PURPOSE: &str = "identity_factors";

pub(super) fn set(
    sealer: &Sealer,
    tenant: &TenantId,
    identity: IdentityId,
    factor: &SecondFactor,
    replaces: Option<i64>,
    at: Timestamp,
) -> Vec<Statement> {
    let kind = factor.kind();
    let row = row_name(identity, kind);
    let document = sealed_json(sealer, context(tenant, &row), factor);
    if let Some(version) = replaces {
        return vec![Statement::one(
            "UPDATE identity_factors SET document = $4, updated_at = $6, version = version + 1
             WHERE tenant = $1 AND identity = $2 AND kind = $3 AND version = $5",
            values![tenant, &identity, kind.as_str(), document, version, at],
        )];
    }
    vec![
        hold(tenant, identity),
        Statement::one(
            "INSERT INTO identity_factors (tenant, identity, kind, document, version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, 1, $5, $5) ON CONFLICT DO NOTHING",
            values![tenant, &identity, kind.as_str(), document, at],
        ),
        recount(tenant, identity),
    ]
}

pub(super) fn remove(tenant: &TenantId, identity: IdentityId, kind: FactorKind) -> Vec<Statement> {
    vec![
        hold(tenant, identity),
        Statement::one(
            "DELETE FROM identity_factors WHERE tenant = $1 AND identity = $2 AND kind = $3",
            values![tenant, &identity, kind.as_str()],
        ),
        recount(tenant, identity),
    ]
}

/// Takes the identity's row for this change. Two changes of its credentials at a time would each count them without the
/// other's: what can be proven would be wrong for ever, and nothing might be left to sign in with.
pub(super) fn hold(tenant: &TenantId, identity: IdentityId) -> Statement {
    Statement::one(
        "UPDATE identities SET available_assurance = available_assurance WHERE tenant = $1 AND id = $2",
        values![tenant, &identity],
    )
}

pub(super) fn recount(tenant: &TenantId, identity: IdentityId) -> Statement {
    Statement::one(
        "UPDATE identities SET available_assurance = CASE WHEN EXISTS (
             SELECT 1 FROM identity_factors f WHERE f.tenant = $1 AND f.identity = $2) OR EXISTS (
             SELECT 1 FROM identity_keys k WHERE k.tenant = $1 AND k.identity = $2 AND k.kind = 'second_factor')
             THEN 'aal2' ELSE 'aal1' END
         WHERE tenant = $1 AND id = $2",
        values![tenant, &identity],
    )
    .changes(IDENTITY_CHANGED, identity.to_string())
}

fn row_name(identity: IdentityId, kind: FactorKind) -> String {
    format!("{identity}/{}", kind.as_str())
}

fn context<'a>(tenant: &'a TenantId, row: &'a str) -> SealContext<'a> {
    SealContext { tenant, purpose: PURPOSE, row }
}

impl Storage {
    fn factor(
        &self,
        tenant: &TenantId,
        identity: IdentityId,
        row: &Row,
    ) -> Result<StoredFactor, StorageError> {
        let broken = |column, detail: &str| StorageError::Inconsistent {
            table: "identity_factors",
            column,
            detail: detail.to_owned(),
        };
        let kind = FactorKind::parse(&row.text(0)?).ok_or_else(|| broken("kind", "no such kind"))?;
        let name = row_name(identity, kind);
        let opened = self.sealer().open(context(tenant, &name), &row.blob(1)?);
        let plain = opened.map_err(|_| broken("document", "the seal is broken"))?;
        let factor = serde_json::from_slice(&plain).map_err(|_| broken("document", "not a factor"))?;
        Ok(StoredFactor { factor, version: row.int(2)?, created_at: row.time(3)?, updated_at: row.time(4)? })
    }
}

impl Factors for Storage {
    fn list_factors<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<StoredFactor>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT kind, document, version, created_at, updated_at FROM identity_factors
                 WHERE tenant = $1 AND identity = $2 ORDER BY kind";
            let rows = self.list(sql, values![tenant, &identity]).await.map_err(unavailable)?;
            let factors = rows.iter().map(|row| self.factor(tenant, identity, row));
            factors.collect::<Result<_, _>>().map_err(unavailable)
        })
    }

    fn list_keys<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreUnavailable>> {
        self.keys_of(tenant, identity)
    }

    fn list_keys_of_identifier<'a>(
        &'a self,
        tenant: &'a TenantId,
        identifier: &'a Identifier,
    ) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreUnavailable>> {
        self.keys_of_identifier(tenant, identifier)
    }

    fn find_key<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a CredentialId,
    ) -> BoxFuture<'a, Result<Option<StoredKey>, StoreUnavailable>> {
        self.key_by_id(tenant, id)
    }

    fn find_trusted_device<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
        hashes: &'a [KeyedHash],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<TrustedDevice>, StoreUnavailable>> {
        self.trusted_device(tenant, identity, hashes, now)
    }

    fn list_trusted_devices<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<TrustedDevice>, StoreUnavailable>> {
        self.trusted_devices(tenant, identity, now)
    }
}
