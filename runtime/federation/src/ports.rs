//! What this room needs from outside: the connections of organisations, and the secrets that prove to providers who we are.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::{OrganisationId, Secret, TenantId};

use crate::connection::Connection;

/// The store could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store is unavailable: {0}")]
pub struct StoreUnavailable(pub String);

/// A secret by its provider's name.
pub type NamedSecret = (String, Secret<String>);

/// Reads the connections of organisations. Implemented by `storage`.
pub trait Connections: Send + Sync + fmt::Debug {
    /// An organisation's.
    fn find_connection<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
    ) -> BoxFuture<'a, Result<Option<Connection>, StoreUnavailable>>;

    /// The one of this name.
    fn find_connection_by_provider<'a>(
        &'a self,
        tenant: &'a TenantId,
        provider: &'a str,
    ) -> BoxFuture<'a, Result<Option<Connection>, StoreUnavailable>>;
}

/// Reads the secrets of providers. Implemented by `storage`.
pub trait ProviderSecrets: Send + Sync + fmt::Debug {
    /// The secret of one provider.
    fn find_provider_secret<'a>(
        &'a self,
        tenant: &'a TenantId,
        provider: &'a str,
    ) -> BoxFuture<'a, Result<Option<Secret<String>>, StoreUnavailable>>;

    /// The secrets of all of a tenant's providers, by their names.
    fn list_provider_secrets<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<NamedSecret>, StoreUnavailable>>;
}
