//! What this room reads, as traits that storage implements.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::{AdminKeyId, KeyedHash, TenantId};

use crate::admin_key::{AdminKey, KeyOwner};
use crate::tenant::Tenant;

/// Storage did not answer, or answered something impossible. The cause is logged where it happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("storage failed: {0}")]
pub struct ReadError(pub String);

/// A page of a list, in the order of identifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Only what comes after this identifier.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// Reads tenants.
pub trait Tenants: Send + Sync + fmt::Debug {
    /// The tenant with this id, in whatever state.
    fn find_tenant(&self, id: TenantId) -> BoxFuture<'_, Result<Option<Tenant>, ReadError>>;
    /// The tenant that answers at this host name. Across tenants: this is how one is found.
    fn find_tenant_by_host(&self, host: String) -> BoxFuture<'_, Result<Option<Tenant>, ReadError>>;
    /// Tenants in the order of their ids.
    fn list_tenants(&self, page: Page) -> BoxFuture<'_, Result<Vec<Tenant>, ReadError>>;
    /// All tenants that a configuration file owns.
    fn list_file_tenants(&self) -> BoxFuture<'_, Result<Vec<Tenant>, ReadError>>;
}

/// Reads admin keys.
pub trait AdminKeys: Send + Sync + fmt::Debug {
    /// The key with this id and the hash of its secret. Across tenants: the owner is in the answer.
    fn find_admin_key(
        &self,
        id: AdminKeyId,
    ) -> BoxFuture<'_, Result<Option<(AdminKey, KeyedHash)>, ReadError>>;
    /// Keys of one owner in the order of their ids.
    fn list_admin_keys(&self, owner: KeyOwner, page: Page)
    -> BoxFuture<'_, Result<Vec<AdminKey>, ReadError>>;
}
