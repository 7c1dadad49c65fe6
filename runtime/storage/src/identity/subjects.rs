//! What the authorization server asks about people: identity stands behind its port.

use ::identity::identity::VerifiableAddress;
use ::oauth2::ports::{PortError, PortResult, SubjectClaims, SubjectProfile};
use primitives::{IdentityId, OrganisationId, SessionId, TenantId};
use serde_json::{Map, Value};

use crate::row::Row;
use crate::{Storage, StorageError, values};

fn profile(row: &Row) -> Result<SubjectProfile, StorageError> {
    let addresses: Vec<VerifiableAddress> = row.json(2, "verifiable_addresses")?;
    let metadata_public = match row.opt_text(1)?.map(|text| serde_json::from_str(&text)).transpose() {
        Ok(Some(Value::Object(metadata))) => metadata,
        // Public metadata may be any JSON; only members of an object can become claims.
        Ok(_) => Map::new(),
        Err(_) => {
            return Err(StorageError::Inconsistent {
                table: "identities",
                column: "metadata_public",
                detail: "not JSON".to_owned(),
            });
        }
    };
    Ok(SubjectProfile {
        traits: row.json(0, "traits")?,
        metadata_public,
        verified_addresses: addresses.into_iter().filter(|a| a.verified).map(|a| a.value).collect(),
        updated_at: row.time(3)?,
        not_before: row.time(4)?,
    })
}

impl SubjectClaims for Storage {
    fn find_subject<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
    ) -> PortResult<'a, Option<SubjectProfile>> {
        Box::pin(async move {
            let sql = "SELECT traits, metadata_public, verifiable_addresses, updated_at, tokens_not_before
                 FROM identities WHERE tenant = $1 AND id = $2 AND state = 'active'";
            let row = self.find_one(sql, values![tenant, &subject]).await.map_err(port_error)?;
            row.as_ref().map(profile).transpose().map_err(port_error)
        })
    }

    fn is_session_live<'a>(&'a self, tenant: &'a TenantId, session: SessionId) -> PortResult<'a, bool> {
        Box::pin(async move {
            let sql = "SELECT 1 FROM identity_sessions s
                 JOIN identities i ON i.tenant = s.tenant AND i.id = s.identity AND i.state = 'active'
                 WHERE s.tenant = $1 AND s.id = $2 AND s.revoked_at IS NULL AND s.expires_at > $3
                 UNION ALL
                 SELECT 1 FROM oauth2_login_sessions l
                 WHERE l.tenant = $1 AND l.id = $2 AND l.expires_at > $3";
            let args = values![tenant, &session, self.inner.clock.now()];
            Ok(self.find_one(sql, args).await.map_err(port_error)?.is_some())
        })
    }

    /// Of an organisation that is not kept here the identity's own word is all there is.
    fn is_in_organisation<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        subject: IdentityId,
    ) -> PortResult<'a, bool> {
        Box::pin(async move {
            let sql = "SELECT 1 FROM identities i WHERE i.tenant = $1 AND i.id = $3 AND (
                     EXISTS (SELECT 1 FROM organisations o
                         JOIN organisation_members m ON m.tenant = o.tenant AND m.organisation = o.id
                         WHERE o.tenant = $1 AND o.id = $2 AND o.state = 'active' AND m.identity = i.id)
                     OR (i.organisation = $2 AND NOT EXISTS (
                             SELECT 1 FROM organisations o WHERE o.tenant = $1 AND o.id = $2)
                         AND NOT EXISTS (SELECT 1 FROM deleted_organisations d
                             WHERE d.tenant = $1 AND d.organisation = $2)))";
            let found = self.find_one(sql, values![tenant, &organisation, &subject]).await;
            Ok(found.map_err(port_error)?.is_some())
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "is given to map_err")]
fn port_error(error: StorageError) -> PortError {
    PortError::Unavailable(error.to_string())
}
