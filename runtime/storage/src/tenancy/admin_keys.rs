//! Table `admin_keys`.

use ::tenancy::ports::{AdminKeys, Page, ReadError};
use ::tenancy::{AdminKey, KeyOwner, Scope};
use futures_util::future::BoxFuture;
use primitives::{AdminKeyId, KeyedHash, TenantId, Timestamp};

use super::read_error;
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// Guard: the id is not taken.
pub(super) fn insert(tenant: &TenantId, key: &AdminKey, hash: &KeyedHash) -> Statement {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    Statement::one(
        "INSERT INTO admin_keys
             (tenant, id, operator, name, scopes, secret_hash, created_at, expires_at, last_used_at, organisation,
              uses_left)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT DO NOTHING",
        values![
            tenant,
            &key.id,
            key.owner == KeyOwner::Operator,
            key.name.as_str(),
            scopes.join(" "),
            hash,
            key.created_at,
            key.expires_at,
            key.last_used_at,
            key.owner.organisation().map(|id| id.to_string()),
            key.uses_left.map(i64::from),
        ],
    )
    .changes("admin_key", key.id.to_string())
}

/// Guard: it exists.
pub(super) fn delete(tenant: &TenantId, id: AdminKeyId) -> Statement {
    Statement::one("DELETE FROM admin_keys WHERE tenant = $1 AND id = $2", values![tenant, &id])
        .changes("admin_key", id.to_string())
}

/// Guard: it is counted, and has a use left. Not in the change log: each use reads what is left.
pub(crate) fn use_once(tenant: &TenantId, id: AdminKeyId) -> Statement {
    let sql =
        "UPDATE admin_keys SET uses_left = uses_left - 1 WHERE tenant = $1 AND id = $2 AND uses_left > 0";
    Statement::one(sql, values![tenant, &id])
}

/// No guard. Not in the change log either: nobody decides anything on when a key was last used.
pub(super) fn touch(tenant: &TenantId, id: AdminKeyId, used_at: Timestamp) -> Statement {
    let sql = "UPDATE admin_keys SET last_used_at = $3 WHERE tenant = $1 AND id = $2";
    Statement::any(sql, values![tenant, &id, used_at])
}

impl AdminKeys for Storage {
    fn find_admin_key(
        &self,
        id: AdminKeyId,
    ) -> BoxFuture<'_, Result<Option<(AdminKey, KeyedHash)>, ReadError>> {
        Box::pin(async move {
            let sql =
                "SELECT tenant, id, operator, name, scopes, created_at, expires_at, last_used_at, organisation, uses_left, secret_hash
                       FROM admin_keys WHERE id = $1";
            let row = self.find_one(sql, values![&id]).await.map_err(read_error)?;
            let key = row.as_ref().map(|row| Ok((read(row)?, KeyedHash(row.blob(10)?)))).transpose();
            key.map_err(read_error)
        })
    }

    fn list_admin_keys(
        &self,
        owner: KeyOwner,
        page: Page,
    ) -> BoxFuture<'_, Result<Vec<AdminKey>, ReadError>> {
        Box::pin(async move {
            let sql =
                "SELECT tenant, id, operator, name, scopes, created_at, expires_at, last_used_at, organisation, uses_left
                       FROM admin_keys WHERE tenant = $1 AND operator = $2 AND id > $3
                           AND ($5 = '' OR organisation = $5) ORDER BY id LIMIT $4";
            let organisation = owner.organisation().map(|id| id.to_string()).unwrap_or_default();
            let operator = owner == KeyOwner::Operator;
            let args = values![
                &owner.home(),
                operator,
                page.after.unwrap_or_default(),
                i64::from(page.limit),
                organisation
            ];
            let rows = self.list(sql, args).await.map_err(read_error)?;
            rows.iter().map(read).collect::<Result<_, _>>().map_err(read_error)
        })
    }
}

fn owner(row: &Row) -> Result<KeyOwner, StorageError> {
    if row.flag(2)? {
        return Ok(KeyOwner::Operator);
    }
    let tenant = row.parse(0, "tenant")?;
    Ok(match row.opt_text(8)? {
        Some(_) => KeyOwner::Organisation(tenant, row.parse(8, "organisation")?),
        None => KeyOwner::Tenant(tenant),
    })
}

fn read(row: &Row) -> Result<AdminKey, StorageError> {
    let scopes = row.text(4)?.split_whitespace().map(str::parse::<Scope>).collect::<Result<_, _>>();
    Ok(AdminKey {
        id: row.parse(1, "id")?,
        owner: owner(row)?,
        name: row.text(3)?,
        scopes: scopes.map_err(|_| StorageError::Inconsistent {
            table: "admin_keys",
            column: "scopes",
            detail: "holds a scope that this binary does not know".to_owned(),
        })?,
        created_at: row.time(5)?,
        expires_at: row.opt_time(6)?,
        last_used_at: row.opt_time(7)?,
        uses_left: uses_left(row)?,
    })
}

fn uses_left(row: &Row) -> Result<Option<u32>, StorageError> {
    let left = row.opt_int(9)?.map(u32::try_from).transpose();
    left.map_err(|_| StorageError::Inconsistent {
        table: "admin_keys",
        column: "uses_left",
        detail: "holds no number of uses".to_owned(),
    })
}
