//! Profiles: identities without anything that proves them.

use ::identity::identity::IdentityState;
use ::identity::ports::StoreUnavailable;
use ::identity::profile::{Profile, ProfileKey, Profiles};
use futures_util::future::BoxFuture;
use primitives::TenantId;

use super::unavailable;
use crate::row::Row;
use crate::{Storage, StorageError, values};

fn read(row: &Row) -> Result<Profile, StorageError> {
    let inconsistent = |column, detail: &str| StorageError::Inconsistent {
        table: "identities",
        column,
        detail: detail.to_owned(),
    };
    Ok(Profile {
        id: row.parse(0, "id")?,
        external_id: row.opt_text(1)?,
        schema_id: row.text(2)?,
        state: match row.text(3)?.as_str() {
            "active" => IdentityState::Active,
            "inactive" => IdentityState::Inactive,
            _ => return Err(inconsistent("state", "no such state")),
        },
        organisation: row.opt_parse(4, "organisation")?,
        traits: row.json(5, "traits")?,
        metadata_public: row
            .opt_text(6)?
            .map(|text| serde_json::from_str(&text).map_err(|_| inconsistent("metadata_public", "not JSON")))
            .transpose()?,
    })
}

impl Profiles for Storage {
    fn find_profile<'a>(
        &'a self,
        tenant: &'a TenantId,
        key: ProfileKey<'a>,
    ) -> BoxFuture<'a, Result<Option<Profile>, StoreUnavailable>> {
        Box::pin(async move {
            let (sql, key) = match key {
                ProfileKey::Id(id) => (
                    "SELECT id, external_id, schema_id, state, organisation, traits, metadata_public
                     FROM identities WHERE tenant = $1 AND id = $2",
                    id.to_string(),
                ),
                ProfileKey::Identifier(identifier) => (
                    "SELECT i.id, i.external_id, i.schema_id, i.state, i.organisation, i.traits, i.metadata_public
                     FROM identity_identifiers n
                     JOIN identities i ON i.tenant = n.tenant AND i.id = n.identity
                     WHERE n.tenant = $1 AND n.identifier = $2",
                    identifier.as_str().to_owned(),
                ),
            };
            let row = self.find_one(sql, values![tenant, key]).await.map_err(unavailable)?;
            row.as_ref().map(read).transpose().map_err(unavailable)
        })
    }
}
