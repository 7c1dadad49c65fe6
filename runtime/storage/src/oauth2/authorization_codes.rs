//! Table `oauth2_authorization_codes`.

use ::oauth2::grant::{AuthorizationCode, Grant};
use primitives::{GrantId, KeyedHash, TenantId, Timestamp};

use super::grants::{self, grant_at, grant_columns};
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

pub(super) fn insert(tenant: &TenantId, code: &AuthorizationCode) -> Vec<Statement> {
    let row = Statement::one(
        "INSERT INTO oauth2_authorization_codes
             (tenant, hash, grant_id, redirect_uri, code_challenge, expires_at, consumed_at, dpop_jkt,
              code_challenge_method)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        values![
            tenant,
            &code.hash,
            &code.grant,
            code.redirect_uri.clone(),
            code.code_challenge.clone(),
            code.expires_at,
            code.consumed_at,
            code.dpop_jkt.as_ref().map(ToString::to_string),
            code.code_challenge_method.as_str(),
        ],
    );
    vec![row, grants::keep(tenant, code.grant, code.expires_at)]
}

pub(super) fn consume(
    tenant: &TenantId,
    code: &KeyedHash,
    grant: GrantId,
    (at, kept_until): (Timestamp, Timestamp),
) -> Vec<Statement> {
    let row = Statement::one(
        "UPDATE oauth2_authorization_codes SET consumed_at = $4
         WHERE tenant = $1 AND hash = $2 AND grant_id = $3 AND consumed_at IS NULL
             AND EXISTS (SELECT 1 FROM oauth2_grants g
                         WHERE g.tenant = $1 AND g.id = $3 AND g.revoked_at IS NULL)",
        values![tenant, code, &grant, at],
    );
    vec![row, grants::redeem(tenant, grant, code, kept_until)]
}

pub(super) async fn find(
    storage: &Storage,
    tenant: &TenantId,
    hash: &KeyedHash,
) -> Result<Option<(AuthorizationCode, Grant)>, StorageError> {
    let sql = concat!(
        "SELECT c.grant_id, c.redirect_uri, c.code_challenge, c.expires_at, c.consumed_at, c.dpop_jkt,
             c.code_challenge_method, ",
        grant_columns!(),
        " FROM oauth2_authorization_codes c
          JOIN oauth2_grants g ON g.tenant = c.tenant AND g.id = c.grant_id
          WHERE c.tenant = $1 AND c.hash = $2"
    );
    let Some(row) = storage.find_one(sql, values![tenant, hash]).await? else { return Ok(None) };
    let code = AuthorizationCode {
        hash: hash.clone(),
        grant: row.parse(0, "grant_id")?,
        redirect_uri: row.opt_text(1)?,
        code_challenge: row.opt_text(2)?,
        code_challenge_method: row.parse(6, "code_challenge_method")?,
        dpop_jkt: row.opt_parse(5, "dpop_jkt")?,
        expires_at: row.time(3)?,
        consumed_at: row.opt_time(4)?,
    };
    Ok(Some((code, grant_at(&row, 7)?)))
}

pub(super) async fn find_redeemed(
    storage: &Storage,
    tenant: &TenantId,
    hash: &KeyedHash,
) -> Result<Option<Grant>, StorageError> {
    let sql = concat!(
        "SELECT ",
        grant_columns!(),
        " FROM oauth2_grants g WHERE g.tenant = $1 AND g.redeemed_code = $2"
    );
    let row = storage.find_one(sql, values![tenant, hash]).await?;
    row.map(|row| grant_at(&row, 0)).transpose()
}
