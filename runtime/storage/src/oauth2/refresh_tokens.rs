//! Table `oauth2_refresh_tokens`.

use ::oauth2::grant::{Grant, RefreshToken, Rotation};
use primitives::{GrantId, KeyedHash, TenantId};

use super::grants::{self, grant_at, grant_columns};
use super::scopes_at;
use crate::statement::{Statement, opt_json};
use crate::{Storage, StorageError, values};

pub(super) fn insert(tenant: &TenantId, token: &RefreshToken) -> Vec<Statement> {
    let rotation = token.rotation.as_ref();
    let row = Statement::one(
        "INSERT INTO oauth2_refresh_tokens
             (tenant, hash, grant_id, scope, issued_at, expires_at, rotated_at, successor, sealed_successor,
              cnf)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        values![
            tenant,
            &token.hash,
            &token.grant,
            token.scope.to_text(),
            token.issued_at,
            token.expires_at,
            rotation.map(|rotation| rotation.at),
            rotation.map(|rotation| rotation.successor.0.clone()),
            rotation.map(|rotation| rotation.sealed_successor.clone()),
            opt_json(token.confirmation.as_ref()),
        ],
    )
    .apart();
    vec![row, grants::keep(tenant, token.grant, token.expires_at)]
}

pub(super) fn rotate(tenant: &TenantId, token: &KeyedHash, grant: GrantId, rotation: &Rotation) -> Statement {
    Statement::one(
        "UPDATE oauth2_refresh_tokens SET rotated_at = $4, successor = $5, sealed_successor = $6
         WHERE tenant = $1 AND hash = $2 AND grant_id = $3 AND rotated_at IS NULL
             AND EXISTS (SELECT 1 FROM oauth2_grants g
                         WHERE g.tenant = $1 AND g.id = $3 AND g.revoked_at IS NULL)",
        values![tenant, token, &grant, rotation.at, &rotation.successor, rotation.sealed_successor.clone(),],
    )
    // Nobody revokes a grant in the change in which a token of it is rotated.
    .apart()
}

pub(super) async fn find(
    storage: &Storage,
    tenant: &TenantId,
    hash: &KeyedHash,
) -> Result<Option<(RefreshToken, Grant)>, StorageError> {
    let sql = concat!(
        "SELECT r.grant_id, r.scope, r.issued_at, r.expires_at, r.rotated_at, r.successor, r.sealed_successor,
         r.cnf, ",
        grant_columns!(),
        " FROM oauth2_refresh_tokens r
          JOIN oauth2_grants g ON g.tenant = r.tenant AND g.id = r.grant_id
          WHERE r.tenant = $1 AND r.hash = $2"
    );
    let Some(row) = storage.find_one(sql, values![tenant, hash]).await? else { return Ok(None) };
    let rotation = match row.opt_time(4)? {
        Some(at) => {
            let sealed_successor = row.blob(6)?;
            Some(Rotation { at, successor: KeyedHash(row.blob(5)?), sealed_successor })
        }
        None => None,
    };
    let token = RefreshToken {
        hash: hash.clone(),
        grant: row.parse(0, "grant_id")?,
        scope: scopes_at(&row, 1, "oauth2_refresh_tokens")?,
        confirmation: row.opt_json(7, "cnf")?,
        issued_at: row.time(2)?,
        expires_at: row.time(3)?,
        rotation,
    };
    Ok(Some((token, grant_at(&row, 8)?)))
}
