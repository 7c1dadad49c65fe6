//! Identities, their identifiers and their passwords.

use ::identity::Identifier;
use ::identity::identity::{AddressKind, Identity, IdentityState};
use ::identity::password::{HashedPassword, StoredPassword};
use ::identity::ports::{AddressUse, Identities, StoreUnavailable};
use futures_util::future::BoxFuture;
use primitives::{IdentityId, OrganisationId, Secret, TenantId};

use super::{IDENTITY_CHANGED, assurance, seal_context, unavailable};
use crate::row::Row;
use crate::statement::{Statement, json, opt_json};
use crate::{Storage, StorageError, values};

/// The columns that [`identity_at`] takes, in its order, of the table by this name. All who read identities name them so:
/// one that is left out is found when a row is read.
macro_rules! identity_columns {
    ($table:literal) => {
        concat!(
            $table,
            ".id, ",
            $table,
            ".schema_id, ",
            $table,
            ".state, ",
            $table,
            ".state_changed_at, ",
            $table,
            ".traits, ",
            $table,
            ".metadata_public, ",
            $table,
            ".metadata_admin, ",
            $table,
            ".external_id, ",
            $table,
            ".organisation, ",
            $table,
            ".verifiable_addresses, ",
            $table,
            ".recovery_addresses, ",
            $table,
            ".version, ",
            $table,
            ".created_at, ",
            $table,
            ".updated_at, ",
            $table,
            ".available_assurance",
        )
    };
}

pub(super) use identity_columns;

/// A statement that reads what [`identity_at`] takes.
macro_rules! select {
    ($which:literal) => {
        concat!("SELECT ", identity_columns!("i"), " FROM identities i ", $which)
    };
}

/// The identity that the first statement finds (`identity`, and 1 as `is_asked_for`), else the one that the second does, and 0.
/// Both are looked for whoever there is, so that it takes the same time.
macro_rules! or_another {
    ($asked_for:literal, $another:literal) => {
        concat!(
            "SELECT identity, is_asked_for FROM (",
            $asked_for,
            " UNION ALL SELECT * FROM (",
            $another,
            ") f) e ORDER BY is_asked_for DESC LIMIT 1"
        )
    };
}

/// The same, and the tenant's first for whoever is not there.
macro_rules! or_the_first {
    ($asked_for:literal) => {
        or_another!(
            $asked_for,
            "SELECT id, CAST(0 AS BIGINT) FROM identities WHERE tenant = $1 ORDER BY id LIMIT 1"
        )
    };
}

pub(super) use or_another;

/// How many columns [`identity_at`] reads.
pub(super) const COLUMNS: usize = 15;

/// `terms` is by which reading its terms are taken in the same change, 0 if they are not.
pub(super) fn insert(tenant: &TenantId, identity: &Identity, terms: i64) -> Statement {
    Statement::one(
        "INSERT INTO identities (tenant, id, schema_id, state, state_changed_at, traits, metadata_public,
             metadata_admin, external_id, organisation, verifiable_addresses, recovery_addresses, version,
             created_at, updated_at, terms_version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING",
        values![
            tenant,
            &identity.id,
            identity.schema_id.as_str(),
            identity.state.as_str(),
            identity.state_changed_at,
            json(&identity.traits),
            opt_json(identity.metadata_public.as_ref()),
            opt_json(identity.metadata_admin.as_ref()),
            identity.external_id.clone(),
            identity.organisation.as_ref(),
            json(&identity.verifiable_addresses),
            json(&identity.recovery_addresses),
            identity.version,
            identity.created_at,
            identity.updated_at,
            terms,
        ],
    )
}

pub(super) fn replace(tenant: &TenantId, identity: &Identity) -> Statement {
    Statement::one(
        "UPDATE identities SET schema_id = $4, state = $5, state_changed_at = $6, traits = $7,
             metadata_public = $8, metadata_admin = $9, external_id = $10, organisation = $11,
             verifiable_addresses = $12, recovery_addresses = $13, updated_at = $14, version = version + 1,
             terms_version = $15,
             tokens_not_before = CASE WHEN $5 = 'inactive' AND tokens_not_before < $6 THEN $6
                 ELSE tokens_not_before END
         WHERE tenant = $1 AND id = $2 AND version = $3 AND NOT EXISTS (
             SELECT 1 FROM identities o WHERE o.tenant = $1 AND o.external_id = $10 AND o.id <> $2)",
        values![
            tenant,
            &identity.id,
            identity.version,
            identity.schema_id.as_str(),
            identity.state.as_str(),
            identity.state_changed_at,
            json(&identity.traits),
            opt_json(identity.metadata_public.as_ref()),
            opt_json(identity.metadata_admin.as_ref()),
            identity.external_id.clone(),
            identity.organisation.as_ref(),
            json(&identity.verifiable_addresses),
            json(&identity.recovery_addresses),
            identity.updated_at,
            super::terms::VERSION,
        ],
    )
    .changes(IDENTITY_CHANGED, identity.id.to_string())
}

pub(super) fn delete(tenant: &TenantId, identity: IdentityId) -> Vec<Statement> {
    let of_identity = |sql| Statement::any(sql, values![tenant, &identity]);
    vec![
        of_identity("DELETE FROM identity_sessions WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM identity_factors WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM identity_links WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM identity_keys WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM identity_passwords WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM identity_identifiers WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM identity_addresses WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM organisation_members WHERE tenant = $1 AND identity = $2"),
        of_identity("DELETE FROM organisation_group_members WHERE tenant = $1 AND identity = $2"),
        super::terms::delete(tenant, identity),
        // What they granted, by which names apps know them, and where a login app signed them in.
        of_identity("DELETE FROM oauth2_consents WHERE tenant = $1 AND subject = $2"),
        of_identity("DELETE FROM oauth2_forced_subjects WHERE tenant = $1 AND subject = $2"),
        of_identity("DELETE FROM oauth2_login_sessions WHERE tenant = $1 AND subject = $2"),
        of_identity("DELETE FROM trusted_devices WHERE tenant = $1 AND identity = $2"),
        Statement::one("DELETE FROM identities WHERE tenant = $1 AND id = $2", values![tenant, &identity])
            .changes(IDENTITY_CHANGED, identity.to_string()),
    ]
}

/// Reads an identity from the columns that begin at `at`.
pub(super) fn identity_at(row: &Row, at: usize) -> Result<Identity, StorageError> {
    let inconsistent = |column, detail: &str| StorageError::Inconsistent {
        table: "identities",
        column,
        detail: detail.to_owned(),
    };
    let document = |index: usize, column: &'static str| {
        row.opt_text(index)?
            .map(|text| serde_json::from_str(&text).map_err(|_| inconsistent(column, "not JSON")))
            .transpose()
    };
    Ok(Identity {
        id: row.parse(at, "id")?,
        schema_id: row.text(at + 1)?,
        state: match row.text(at + 2)?.as_str() {
            "active" => IdentityState::Active,
            "inactive" => IdentityState::Inactive,
            _ => return Err(inconsistent("state", "no such state")),
        },
        state_changed_at: row.time(at + 3)?,
        traits: row.json(at + 4, "traits")?,
        metadata_public: document(at + 5, "metadata_public")?,
        metadata_admin: document(at + 6, "metadata_admin")?,
        external_id: row.opt_text(at + 7)?,
        organisation: row.opt_parse(at + 8, "organisation")?,
        verifiable_addresses: row.json(at + 9, "verifiable_addresses")?,
        recovery_addresses: row.json(at + 10, "recovery_addresses")?,
        version: row.int(at + 11)?,
        created_at: row.time(at + 12)?,
        updated_at: row.time(at + 13)?,
        available: assurance(&row.text(at + 14)?)
            .ok_or_else(|| inconsistent("available_assurance", "no such level"))?,
    })
}

/// What was read, if the row is of whom [`or_another`] was asked for. That somebody else could not be read is nobody's error.
pub(super) fn if_asked_for<T>(
    row: &Row,
    at: usize,
    read: Result<T, StorageError>,
) -> Result<Option<T>, StorageError> {
    if row.int(at)? == 0 { Ok(None) } else { read.map(Some) }
}

impl Storage {
    fn open_password(
        &self,
        tenant: &TenantId,
        identity: IdentityId,
        sealed: &[u8],
        version: i64,
    ) -> Result<StoredPassword, StorageError> {
        let broken = || StorageError::Inconsistent {
            table: "identity_passwords",
            column: "hash",
            detail: "the seal is broken".to_owned(),
        };
        let row = identity.to_string();
        let plain = self.sealer().open(seal_context(tenant, &row), sealed).map_err(|_| broken())?;
        let hash = String::from_utf8(plain.to_vec()).map_err(|_| broken())?;
        Ok(StoredPassword { password: HashedPassword(Secret::new(hash)), version })
    }
}

impl Identities for Storage {
    fn find_identity<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: IdentityId,
    ) -> BoxFuture<'a, Result<Option<Identity>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = select!("WHERE tenant = $1 AND id = $2");
            let row = self.find_one(sql, values![tenant, &id]).await.map_err(unavailable)?;
            row.map(|row| identity_at(&row, 0)).transpose().map_err(unavailable)
        })
    }

    // Attack: the time of an answer tells who has an account. Of nobody, what is read, opened and thrown away is somebody
    // else: the first of the tenant.
    fn find_by_identifier<'a>(
        &'a self,
        tenant: &'a TenantId,
        identifier: &'a Identifier,
    ) -> BoxFuture<'a, Result<Option<(Identity, Option<StoredPassword>)>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = concat!(
                "SELECT ",
                identity_columns!("i"),
                ", p.hash, p.version, w.is_asked_for
                 FROM (",
                or_the_first!(
                    "SELECT identity, CAST(1 AS BIGINT) AS is_asked_for FROM identity_identifiers
                     WHERE tenant = $1 AND identifier = $2"
                ),
                ") w
                 JOIN identities i ON i.tenant = $1 AND i.id = w.identity
                 LEFT JOIN identity_passwords p ON p.tenant = i.tenant AND p.identity = i.id"
            );
            let row = self.find_one(sql, values![tenant, identifier.as_str()]).await.map_err(unavailable)?;
            let Some(row) = row else { return Ok(None) };
            let read = || {
                let identity = identity_at(&row, 0)?;
                let password = row
                    .opt_blob(COLUMNS)?
                    .map(|sealed| self.open_password(tenant, identity.id, &sealed, row.int(COLUMNS + 1)?))
                    .transpose()?;
                Ok((identity, password))
            };
            if_asked_for(&row, COLUMNS + 2, read()).map_err(unavailable)
        })
    }

    fn find_by_address<'a>(
        &'a self,
        tenant: &'a TenantId,
        purpose: AddressUse,
        via: AddressKind,
        address: &'a str,
    ) -> BoxFuture<'a, Result<Option<Identity>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = concat!(
                "SELECT ",
                identity_columns!("i"),
                ", w.is_asked_for
                 FROM (",
                or_the_first!(
                    "SELECT * FROM (
                         SELECT a.identity, CAST(1 AS BIGINT) AS is_asked_for
                         FROM identity_addresses a
                         JOIN identities i ON i.tenant = a.tenant AND i.id = a.identity
                         LEFT JOIN identity_identifiers n
                             ON n.tenant = a.tenant AND n.identifier = a.address AND n.identity = a.identity
                         WHERE a.tenant = $1 AND a.use = $2 AND a.via = $3 AND a.address = $4
                         ORDER BY CASE WHEN n.identity IS NULL THEN 1 ELSE 0 END, i.created_at, i.id LIMIT 1) o"
                ),
                ") w JOIN identities i ON i.tenant = $1 AND i.id = w.identity"
            );
            let purpose = match purpose {
                AddressUse::Verification => "verification",
                AddressUse::Recovery => "recovery",
            };
            let args = values![tenant, purpose, super::addresses::via(via), address];
            let row = self.find_one(sql, args).await.map_err(unavailable)?;
            let Some(row) = row else { return Ok(None) };
            if_asked_for(&row, COLUMNS, identity_at(&row, 0)).map_err(unavailable)
        })
    }

    fn find_by_external_id<'a>(
        &'a self,
        tenant: &'a TenantId,
        external_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Identity>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = select!("WHERE tenant = $1 AND external_id = $2");
            let row = self.find_one(sql, values![tenant, external_id]).await.map_err(unavailable)?;
            row.map(|row| identity_at(&row, 0)).transpose().map_err(unavailable)
        })
    }

    fn find_look_alike<'a>(
        &'a self,
        tenant: &'a TenantId,
        identifier: &'a Identifier,
    ) -> BoxFuture<'a, Result<Option<IdentityId>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT identity FROM identity_identifiers WHERE tenant = $1 AND skeleton = $2";
            let row =
                self.find_one(sql, values![tenant, identifier.skeleton()]).await.map_err(unavailable)?;
            row.map(|row| row.parse(0, "identity")).transpose().map_err(unavailable)
        })
    }

    fn find_password<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Option<StoredPassword>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT hash, version FROM identity_passwords WHERE tenant = $1 AND identity = $2";
            let row = self.find_one(sql, values![tenant, &identity]).await.map_err(unavailable)?;
            row.map(|row| self.open_password(tenant, identity, &row.blob(0)?, row.int(1)?))
                .transpose()
                .map_err(unavailable)
        })
    }

    fn list_identifiers<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT identifier FROM identity_identifiers WHERE tenant = $1 AND identity = $2
                 ORDER BY identifier";
            let rows = self.list(sql, values![tenant, &identity]).await.map_err(unavailable)?;
            rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>().map_err(unavailable)
        })
    }

    fn list_identities<'a>(
        &'a self,
        tenant: &'a TenantId,
        after: Option<IdentityId>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Identity>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = select!("WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3");
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let rows = self.list(sql, values![tenant, after, i64::from(limit)]).await.map_err(unavailable)?;
            rows.iter().map(|row| identity_at(row, 0)).collect::<Result<_, _>>().map_err(unavailable)
        })
    }

    fn list_of_organisation<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        after: Option<IdentityId>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Identity>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = select!("WHERE tenant = $1 AND organisation = $2 AND id > $3 ORDER BY id LIMIT $4");
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let args = values![tenant, &organisation, after, i64::from(limit)];
            let rows = self.list(sql, args).await.map_err(unavailable)?;
            rows.iter().map(|row| identity_at(row, 0)).collect::<Result<_, _>>().map_err(unavailable)
        })
    }
}
