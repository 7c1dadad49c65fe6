//! Table `key_set_keys`: keys that an operator keeps, each sealed whole.

use ::jose::KeyId;
use ::jose::key_set::{KeyOfSet, SetName};
use ::jose::ports::{KeySets, ReadError};
use futures_util::future::BoxFuture;
use primitives::{SealContext, Sealer, TenantId};

use super::read_error;
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

const TABLE: &str = "key_set_keys";

pub(super) fn insert(tenant: &TenantId, key: &KeyOfSet, sealer: &Sealer) -> Statement {
    let place = place(&key.set, &key.kid);
    let context = SealContext { tenant, purpose: TABLE, row: &place };
    Statement::one(
        "INSERT INTO key_set_keys (tenant, set_name, kid, document, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        values![
            tenant,
            key.set.as_str(),
            key.kid.as_str(),
            sealer.seal(context, key.document().as_bytes()),
            key.created_at,
        ],
    )
}

pub(super) fn delete_key(tenant: &TenantId, set: &SetName, kid: &KeyId) -> Statement {
    Statement::any(
        "DELETE FROM key_set_keys WHERE tenant = $1 AND set_name = $2 AND kid = $3",
        values![tenant, set.as_str(), kid.as_str()],
    )
}

pub(super) fn delete(tenant: &TenantId, set: &SetName) -> Statement {
    Statement::any(
        "DELETE FROM key_set_keys WHERE tenant = $1 AND set_name = $2",
        values![tenant, set.as_str()],
    )
}

/// Neither name holds a space.
fn place(set: &SetName, kid: &KeyId) -> String {
    format!("{set} {kid}")
}

fn read(tenant: &TenantId, set: &SetName, row: &Row, sealer: &Sealer) -> Result<KeyOfSet, StorageError> {
    let inconsistent = |detail: &str| StorageError::Inconsistent {
        table: TABLE,
        column: "document",
        detail: detail.to_owned(),
    };
    let kid: KeyId = row.parse(0, "kid")?;
    let place = place(set, &kid);
    let context = SealContext { tenant, purpose: TABLE, row: &place };
    let text = sealer.open(context, &row.blob(1)?).map_err(|_| inconsistent("the seal is broken"))?;
    KeyOfSet::stored(set, &kid, &text, row.time(2)?).ok_or_else(|| inconsistent("is no key of that name"))
}

impl KeySets for Storage {
    fn list_keys_of_set<'a>(
        &'a self,
        tenant: &'a TenantId,
        set: &'a SetName,
    ) -> BoxFuture<'a, Result<Vec<KeyOfSet>, ReadError>> {
        Box::pin(async move {
            let sql = "SELECT kid, document, created_at FROM key_set_keys
                 WHERE tenant = $1 AND set_name = $2 ORDER BY created_at DESC, kid";
            let rows = self.list(sql, values![tenant, set.as_str()]).await.map_err(read_error)?;
            let keys = rows.iter().map(|row| read(tenant, set, row, self.sealer()));
            keys.collect::<Result<_, _>>().map_err(read_error)
        })
    }
}
