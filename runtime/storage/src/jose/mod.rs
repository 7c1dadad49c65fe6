//! A tenant's signing keys, sealed at rest, and parsed for requests; and the sets of keys that it keeps.

mod key_sets;
pub(crate) mod signing_keys;
mod tenant_keys;

use ::jose::Write;
use ::jose::ports::ReadError;
use primitives::{Sealer, TenantId};

use crate::StorageError;
use crate::apply::Stored;
use crate::statement::Statement;

pub(crate) use tenant_keys::KeyCache;

/// Kind in the change log: something about a tenant's signing keys changed. The key is `all`.
pub const SIGNING_KEYS_CHANGED: &str = "signing_keys";
/// A tenant's keys are read and forgotten together.
const ALL_KEYS: &str = "all";

impl Stored for Write {
    fn statements(self, tenant: &TenantId, sealer: &Sealer) -> Result<Vec<Statement>, StorageError> {
        let statement = match self {
            // Read at each request: nobody has them in memory.
            Self::InsertKeyOfSet(key) => return Ok(vec![key_sets::insert(tenant, &key, sealer)]),
            Self::DeleteKeyOfSet { set, kid } => return Ok(vec![key_sets::delete_key(tenant, &set, &kid)]),
            Self::DeleteKeySet { set } => return Ok(vec![key_sets::delete(tenant, &set)]),
            Self::InsertSigningKey(key) => signing_keys::insert(tenant, &key, sealer),
            Self::ActivateSigningKey { kid, rotate_at } => signing_keys::activate(tenant, &kid, rotate_at),
            Self::RetireSigningKey { kid, until } => signing_keys::retire(tenant, &kid, until),
            Self::RevokeSigningKey { kid, at } => signing_keys::revoke(tenant, &kid, at),
            Self::DeleteSigningKey { kid, now } => signing_keys::delete(tenant, &kid, now),
        };
        Ok(vec![statement.changes(SIGNING_KEYS_CHANGED, ALL_KEYS)])
    }
}

fn read_error(error: StorageError) -> ReadError {
    match error {
        inconsistent @ StorageError::Inconsistent { .. } => ReadError::Inconsistent(inconsistent.to_string()),
        other => ReadError::Unavailable(other.to_string()),
    }
}
