//! Tables `oauth2_access_tokens` and `oauth2_revoked_jwts`.

use ::oauth2::grant::{AccessToken, Grant};
use ::oauth2::lineage::{MOST_ANCESTORS, Mark};
use primitives::{KeyedHash, TenantId, Timestamp, base64url};

use super::grants::{self, grant_at, grant_columns};
use super::{ACCESS_TOKEN_CHANGED, details_value, scopes_at};
use crate::statement::{Statement, Value, json, opt_json};
use crate::{Storage, StorageError, values};

pub(super) fn insert(tenant: &TenantId, token: &AccessToken) -> Vec<Statement> {
    let row = Statement::one(
        "INSERT INTO oauth2_access_tokens
             (tenant, hash, grant_id, client, scope, audience, claims, issued_at, expires_at, cnf, subject,
              authorization_details, derivation, lineage)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING",
        values![
            tenant,
            &token.hash,
            token.grant.as_ref(),
            &token.client,
            token.scope.to_text(),
            json(&token.audience),
            json(&token.claims),
            token.issued_at,
            token.expires_at,
            opt_json(token.confirmation.as_ref()),
            token.subject.clone(),
            details_value(&token.details),
            opt_json(token.derivation.as_ref()),
            opt_json(Some(&token.lineage).filter(|lineage| !lineage.is_empty())),
        ],
    )
    .apart();
    std::iter::once(row)
        .chain(token.grant.map(|grant| grants::keep(tenant, grant, token.expires_at)))
        .collect()
}

pub(super) fn delete(tenant: &TenantId, token: &KeyedHash) -> Statement {
    Statement::any("DELETE FROM oauth2_access_tokens WHERE tenant = $1 AND hash = $2", values![tenant, token])
        .changes(ACCESS_TOKEN_CHANGED, base64url::encode(&token.0))
}

pub(super) fn revoke_jwt(tenant: &TenantId, jti: String, expires_at: Timestamp) -> Statement {
    let changed = jti.clone();
    Statement::any(
        "INSERT INTO oauth2_revoked_jwts (tenant, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        values![tenant, jti, expires_at],
    )
    .changes(ACCESS_TOKEN_CHANGED, changed)
}

/// A token is found only while its client is the one that it was issued to: a client that was deleted takes what it had for
/// itself along, and whatever it had where another one gets its id later. Of a token that hangs on a grant the client need have
/// no row: one that describes itself has none, and whether there is such a client is for the reader to ask. A token whose grant
/// is gone is dead.
pub(super) async fn find(
    storage: &Storage,
    tenant: &TenantId,
    hash: &KeyedHash,
) -> Result<Option<(AccessToken, Option<Grant>)>, StorageError> {
    let sql = concat!(
        "SELECT t.grant_id, t.client, t.scope, t.audience, t.claims, t.issued_at, t.expires_at, t.cnf, \
             t.subject, t.authorization_details, t.derivation, t.lineage, ",
        grant_columns!(),
        " FROM oauth2_access_tokens t
          LEFT JOIN oauth2_clients c ON c.tenant = t.tenant AND c.id = t.client
          LEFT JOIN oauth2_grants g ON g.tenant = t.tenant AND g.id = t.grant_id
          WHERE t.tenant = $1 AND t.hash = $2 AND (t.grant_id IS NULL OR g.id IS NOT NULL)
              AND (c.created_at <= t.issued_at OR (c.id IS NULL AND t.grant_id IS NOT NULL))"
    );
    let Some(row) = storage.find_one(sql, values![tenant, hash]).await? else { return Ok(None) };
    let token = AccessToken {
        hash: hash.clone(),
        grant: row.opt_parse(0, "grant_id")?,
        client: row.parse(1, "client")?,
        scope: scopes_at(&row, 2, "oauth2_access_tokens")?,
        audience: row.json(3, "audience")?,
        details: row.opt_json(9, "authorization_details")?.unwrap_or_default(),
        confirmation: row.opt_json(7, "cnf")?,
        claims: row.json(4, "claims")?,
        issued_at: row.time(5)?,
        expires_at: row.time(6)?,
        subject: row.opt_text(8)?,
        derivation: row.opt_json(10, "derivation")?,
        lineage: row.opt_json(11, "lineage")?.unwrap_or_default(),
    };
    let grant = token.grant.map(|_| grant_at(&row, 12)).transpose()?;
    Ok(Some((token, grant)))
}

/// A signed token and all that it comes of.
const MOST_MARKS: usize = MOST_ANCESTORS + 1;

/// Whether one of at most [`MOST_MARKS`] tokens is written down: one statement, whatever their number. Most are asked for alone.
pub(super) async fn is_any_revoked(
    storage: &Storage,
    tenant: &TenantId,
    marks: &[Mark],
) -> Result<bool, StorageError> {
    let [first, others @ ..] = marks else { return Ok(false) };
    let mut args = values![tenant, first.as_str()];
    let sql = if others.is_empty() {
        "SELECT 1 FROM oauth2_revoked_jwts WHERE tenant = $1 AND jti = $2"
    } else {
        let padding = std::iter::repeat_n(first, MOST_MARKS.saturating_sub(marks.len()));
        args.extend(others.iter().chain(padding).map(|mark| Value::from(mark.as_str())));
        "SELECT 1 FROM oauth2_revoked_jwts WHERE tenant = $1 AND jti IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
             $12, $13, $14, $15, $16, $17, $18) LIMIT 1"
    };
    Ok(storage.find_one(sql, args).await?.is_some())
}
