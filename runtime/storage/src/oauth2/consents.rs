//! Table `oauth2_consents`.

use ::oauth2::grant::Consent;
use primitives::{ClientId, IdentityId, TenantId};

use super::{details_value, scopes_at};
use crate::statement::{Statement, json};
use crate::{Storage, StorageError, values};

pub(super) fn remember(tenant: &TenantId, consent: &Consent) -> Statement {
    Statement::one(
        "INSERT INTO oauth2_consents (tenant, subject, client, scope, audience, granted_at, expires_at,
             authorization_details)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (tenant, subject, client) DO UPDATE SET scope = excluded.scope,
             audience = excluded.audience, granted_at = excluded.granted_at, expires_at = excluded.expires_at,
             authorization_details = excluded.authorization_details",
        values![
            tenant,
            &consent.subject,
            &consent.client,
            consent.scope.to_text(),
            json(&consent.audience),
            consent.granted_at,
            consent.expires_at,
            details_value(&consent.details),
        ],
    )
}

pub(super) fn forget(tenant: &TenantId, subject: IdentityId, client: Option<&ClientId>) -> Statement {
    match client {
        Some(client) => Statement::any(
            "DELETE FROM oauth2_consents WHERE tenant = $1 AND subject = $2 AND client = $3",
            values![tenant, &subject, client],
        ),
        None => Statement::any(
            "DELETE FROM oauth2_consents WHERE tenant = $1 AND subject = $2",
            values![tenant, &subject],
        ),
    }
}

pub(super) async fn find(
    storage: &Storage,
    tenant: &TenantId,
    subject: IdentityId,
    client: &ClientId,
) -> Result<Option<Consent>, StorageError> {
    let sql = "SELECT scope, audience, granted_at, expires_at, authorization_details FROM oauth2_consents
         WHERE tenant = $1 AND subject = $2 AND client = $3";
    let Some(row) = storage.find_one(sql, values![tenant, &subject, client]).await? else { return Ok(None) };
    Ok(Some(Consent {
        subject,
        client: client.clone(),
        scope: scopes_at(&row, 0, "oauth2_consents")?,
        audience: row.json(1, "audience")?,
        details: row.opt_json(4, "authorization_details")?.unwrap_or_default(),
        granted_at: row.time(2)?,
        expires_at: row.opt_time(3)?,
    }))
}
