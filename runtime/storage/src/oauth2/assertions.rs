//! Table `oauth2_used_assertions`.

use primitives::{ClientId, TenantId, Timestamp};

use crate::statement::Statement;
use crate::{Storage, StorageError, values};

pub(super) fn use_once(
    tenant: &TenantId,
    client: &ClientId,
    jti: String,
    expires_at: Timestamp,
) -> Statement {
    Statement::one(
        "INSERT INTO oauth2_used_assertions (tenant, client, jti, expires_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        values![tenant, client, jti, expires_at],
    )
}

/// The clients' names are not empty, so that an assertion for a grant is nobody's of them.
const BEARER: &str = "";

pub(super) fn use_bearer_once(tenant: &TenantId, jti: String, expires_at: Timestamp) -> Statement {
    Statement::one(
        "INSERT INTO oauth2_used_assertions (tenant, client, jti, expires_at)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        values![tenant, BEARER, jti, expires_at],
    )
}

pub(super) async fn is_bearer_used(
    storage: &Storage,
    tenant: &TenantId,
    jti: &str,
) -> Result<bool, StorageError> {
    let sql = "SELECT 1 FROM oauth2_used_assertions WHERE tenant = $1 AND client = $2 AND jti = $3";
    Ok(storage.find_one(sql, values![tenant, BEARER, jti]).await?.is_some())
}

pub(super) async fn is_used(
    storage: &Storage,
    tenant: &TenantId,
    client: &ClientId,
    jti: &str,
) -> Result<bool, StorageError> {
    let sql = "SELECT 1 FROM oauth2_used_assertions WHERE tenant = $1 AND client = $2 AND jti = $3";
    Ok(storage.find_one(sql, values![tenant, client, jti]).await?.is_some())
}
