//! What this room reads, implemented by storage.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::{TenantId, Timestamp};

use crate::key_set::{KeyOfSet, SetName};
use crate::signing_key::SigningKey;

/// The store could not answer. Never the client's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The database did not answer.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// A row holds what cannot be: its seal does not open, or a state is unknown. Names table, column
    /// and row.
    #[error("inconsistent row: {0}")]
    Inconsistent(String),
}

/// Reads a tenant's signing keys.
pub trait SigningKeys: Send + Sync + fmt::Debug {
    /// All keys of a tenant, whatever their state, in the order in which they were made.
    fn list_signing_keys<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<SigningKey>, ReadError>>;

    /// Tenants with a key that something is to be done about by `now`, in their order, after `after`,
    /// at most `limit`. For the rotation job, which walks all of them.
    fn list_tenants_due<'a>(
        &'a self,
        now: Timestamp,
        after: Option<&'a TenantId>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<TenantId>, ReadError>>;
}

/// Reads the sets of keys that an operator keeps.
pub trait KeySets: Send + Sync + fmt::Debug {
    /// The keys of a set, the newest first; none if there is no such set.
    fn list_keys_of_set<'a>(
        &'a self,
        tenant: &'a TenantId,
        set: &'a SetName,
    ) -> BoxFuture<'a, Result<Vec<KeyOfSet>, ReadError>>;
}
