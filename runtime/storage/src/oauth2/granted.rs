//! What somebody has granted, by client: of the tables `oauth2_grants` and `oauth2_consents`.
//!
//! Grants of somebody are found by the index `oauth2_grants_by_subject`, which has them by client, and consents by their key.

use ::oauth2::ports::Allowed;
use primitives::{ClientId, IdentityId, TenantId, Timestamp};

use super::scopes_at;
use crate::row::Row;
use crate::{Storage, StorageError, values};

/// Whether a grant `g` holds at `$3`. One that does not only waits for its batch (`expiry.rs`).
macro_rules! is_not_over {
    () => {
        "(g.kept_until > $3
          OR EXISTS (SELECT 1 FROM identity_sessions s WHERE s.tenant = g.tenant AND s.id = g.session
                     AND s.revoked_at IS NULL AND s.expires_at > $3)
          OR EXISTS (SELECT 1 FROM oauth2_login_sessions l WHERE l.tenant = g.tenant AND l.id = g.session
                     AND l.expires_at > $3))"
    };
}

/// The clients with live grants or remembered consents, each with the time of the latest, and the latest first.
pub(super) async fn clients(
    storage: &Storage,
    tenant: &TenantId,
    subject: IdentityId,
    (now, limit): (Timestamp, u32),
) -> Result<Vec<(ClientId, Timestamp)>, StorageError> {
    let sql = concat!(
        "SELECT client, MAX(granted_at) AS latest
         FROM (SELECT g.client, g.created_at AS granted_at FROM oauth2_grants g
               WHERE g.tenant = $1 AND g.subject = $2 AND g.revoked_at IS NULL AND ",
        is_not_over!(),
        " UNION ALL
               SELECT client, granted_at FROM oauth2_consents
               WHERE tenant = $1 AND subject = $2 AND (expires_at IS NULL OR expires_at > $3)) AS given
         GROUP BY client ORDER BY latest DESC, client LIMIT $4"
    );
    let rows = storage.list(sql, values![tenant, &subject, now, i64::from(limit)]).await?;
    rows.iter().map(|row| Ok((row.parse(0, "client")?, row.time(1)?))).collect()
}

/// What live grants to a client allow, the same once, and the latest first.
pub(super) async fn allowed(
    storage: &Storage,
    tenant: &TenantId,
    (subject, client): (IdentityId, &ClientId),
    (now, limit): (Timestamp, u32),
) -> Result<Vec<Allowed>, StorageError> {
    let sql = concat!(
        "SELECT g.scope, g.audience, g.authorization_details, g.requested_claims, MAX(g.created_at) AS latest
         FROM oauth2_grants g
         WHERE g.tenant = $1 AND g.subject = $2 AND g.client = $4 AND g.revoked_at IS NULL AND ",
        is_not_over!(),
        " GROUP BY g.scope, g.audience, g.authorization_details, g.requested_claims
         ORDER BY latest DESC, MIN(g.id) LIMIT $5"
    );
    let rows = storage.list(sql, values![tenant, &subject, now, client, i64::from(limit)]).await?;
    rows.iter().map(allowed_at).collect()
}

fn allowed_at(row: &Row) -> Result<Allowed, StorageError> {
    Ok(Allowed {
        scope: scopes_at(row, 0, "oauth2_grants")?,
        audience: row.json(1, "audience")?,
        details: row.opt_json(2, "authorization_details")?.unwrap_or_default(),
        requested: row.opt_json(3, "requested_claims")?.unwrap_or_default(),
    })
}
