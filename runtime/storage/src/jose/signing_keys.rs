//! Table `signing_keys`. Two partial unique indexes hold the guards: one pending and one active key of
//! an algorithm in a tenant.

use ::jose::ports::{ReadError, SigningKeys};
use ::jose::{KeyId, KeyState, PrivateJwk, SigningKey};
use futures_util::future::BoxFuture;
use primitives::{SealContext, Sealer, TenantId, Timestamp};

use super::read_error;
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

const TABLE: &str = "signing_keys";

pub(super) fn insert(tenant: &TenantId, key: &SigningKey, sealer: &Sealer) -> Statement {
    let sealed = sealer.seal(context(tenant, key.kid.as_str()), key.key.to_json().as_bytes());
    Statement::one(
        "INSERT INTO signing_keys (tenant, kid, algorithm, state, due_at, private_jwk, created_at, revoked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        values![
            tenant,
            key.kid.as_str(),
            key.algorithm.as_str(),
            state_text(key.state),
            key.state.due_at(),
            sealed,
            key.created_at,
            match key.state {
                KeyState::Revoked { at } => Some(at),
                KeyState::Pending { .. } | KeyState::Active { .. } | KeyState::Retired { .. } => None,
            },
        ],
    )
}

pub(super) fn activate(tenant: &TenantId, kid: &KeyId, rotate_at: Timestamp) -> Statement {
    Statement::one(
        "UPDATE signing_keys SET state = 'active', due_at = $3
         WHERE tenant = $1 AND kid = $2 AND state = 'pending'",
        values![tenant, kid.as_str(), rotate_at],
    )
}

/// It stays for longer where [`keep`] has said so.
pub(super) fn retire(tenant: &TenantId, kid: &KeyId, until: Timestamp) -> Statement {
    Statement::one(
        "UPDATE signing_keys SET state = 'retired',
             due_at = CASE WHEN needed_until > $3 THEN needed_until ELSE $3 END
         WHERE tenant = $1 AND kid = $2 AND state <> 'retired'",
        values![tenant, kid.as_str(), until],
    )
}

/// Notes until when those that have not retired are needed at least. When one retires is decided on the lifespans of then, in a
/// change that waits for this one's row or is waited for: it sees what is noted here, or the lifespans from before.
pub(crate) fn keep(tenant: &TenantId, until: Timestamp) -> Statement {
    Statement::any(
        "UPDATE signing_keys SET needed_until = $2
         WHERE tenant = $1 AND state <> 'retired' AND (needed_until IS NULL OR needed_until < $2)",
        values![tenant, until],
    )
}

/// Due at once, so that a binary that does not know the column does not publish it either.
pub(super) fn revoke(tenant: &TenantId, kid: &KeyId, at: Timestamp) -> Statement {
    Statement::one(
        "UPDATE signing_keys SET state = 'retired', due_at = $3, revoked_at = $3
         WHERE tenant = $1 AND kid = $2 AND revoked_at IS NULL",
        values![tenant, kid.as_str(), at],
    )
}

pub(super) fn delete(tenant: &TenantId, kid: &KeyId, now: Timestamp) -> Statement {
    Statement::one(
        "DELETE FROM signing_keys
         WHERE tenant = $1 AND kid = $2 AND state = 'retired' AND due_at <= $3 AND revoked_at IS NULL",
        values![tenant, kid.as_str(), now],
    )
}

const fn state_text(state: KeyState) -> &'static str {
    match state {
        KeyState::Pending { .. } => "pending",
        KeyState::Active { .. } => "active",
        KeyState::Retired { .. } | KeyState::Revoked { .. } => "retired",
    }
}

fn context<'a>(tenant: &'a TenantId, kid: &'a str) -> SealContext<'a> {
    SealContext { tenant, purpose: TABLE, row: kid }
}

fn read(tenant: &TenantId, row: &Row, sealer: &Sealer) -> Result<SigningKey, StorageError> {
    let inconsistent =
        |column, detail: &str| StorageError::Inconsistent { table: TABLE, column, detail: detail.to_owned() };
    let kid: KeyId = row.parse(0, "kid")?;
    let due_at = row.time(3)?;
    let state = match row.text(2)?.as_str() {
        "retired" if row.opt_time(6)?.is_some() => KeyState::Revoked { at: due_at },
        "pending" => KeyState::Pending { signs_from: due_at },
        "active" => KeyState::Active { rotate_at: due_at },
        "retired" => KeyState::Retired { until: due_at },
        _ => return Err(inconsistent("state", "no such state")),
    };
    let json = sealer
        .open(context(tenant, kid.as_str()), &row.blob(4)?)
        .map_err(|_| inconsistent("private_jwk", "the seal is broken"))?;
    let key = PrivateJwk::parse(&json).map_err(|_| inconsistent("private_jwk", "is no private key"))?;
    Ok(SigningKey { kid, algorithm: row.parse(1, "algorithm")?, created_at: row.time(5)?, state, key })
}

impl Storage {
    pub(super) async fn read_signing_keys(&self, tenant: &TenantId) -> Result<Vec<SigningKey>, StorageError> {
        let sql =
            "SELECT kid, algorithm, state, due_at, private_jwk, created_at, revoked_at FROM signing_keys
             WHERE tenant = $1 ORDER BY created_at, kid";
        let rows = self.list(sql, values![tenant]).await?;
        rows.iter().map(|row| read(tenant, row, self.sealer())).collect()
    }
}

impl SigningKeys for Storage {
    fn list_signing_keys<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<SigningKey>, ReadError>> {
        Box::pin(async move { self.read_signing_keys(tenant).await.map_err(read_error) })
    }

    fn list_tenants_due<'a>(
        &'a self,
        now: Timestamp,
        after: Option<&'a TenantId>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TenantId>, ReadError>> {
        Box::pin(async move {
            let sql = "SELECT DISTINCT tenant FROM signing_keys
                 WHERE due_at <= $1 AND tenant > $2 AND revoked_at IS NULL ORDER BY tenant LIMIT $3";
            let args = values![now, after.map_or("", TenantId::as_str), i64::from(limit)];
            let rows = self.list(sql, args).await.map_err(read_error)?;
            rows.iter().map(|row| row.parse(0, "tenant")).collect::<Result<_, _>>().map_err(read_error)
        })
    }
}
