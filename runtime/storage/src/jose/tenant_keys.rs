//! A tenant's keys, parsed once and kept ready until one of them changes.

use std::sync::Arc;

use ::jose::TenantKeys;
use ::oauth2::ports::{PortError, PortResult, TokenKeys};
use primitives::TenantId;

use super::ALL_KEYS;
use crate::cache::InvalidatedCache;
use crate::{Storage, StorageError};

/// Parsed keys by tenant.
pub(crate) type KeyCache = InvalidatedCache<Arc<TenantKeys>>;

impl Storage {
    async fn load_tenant_keys(&self, tenant: &TenantId) -> Result<Option<Arc<TenantKeys>>, StorageError> {
        let keys = self.read_signing_keys(tenant).await?;
        let keys =
            TenantKeys::new(&keys, self.inner.clock.now()).map_err(|error| StorageError::Inconsistent {
                table: "signing_keys",
                column: "private_jwk",
                detail: error.to_string(),
            })?;
        Ok(Some(Arc::new(keys)))
    }
}

impl TokenKeys for Storage {
    /// A retired key whose time is over stays in the set until the rotation job deletes its row.
    fn load_keys<'a>(&'a self, tenant: &'a TenantId) -> PortResult<'a, Arc<TenantKeys>> {
        Box::pin(async move {
            let load = self.load_tenant_keys(tenant);
            match self.inner.keys.find_or_load(tenant, ALL_KEYS, load).await {
                Ok(Some(keys)) => Ok(keys),
                Ok(None) => Err(PortError::Unavailable("the tenant's keys were not read".to_owned())),
                Err(error) => Err(PortError::Unavailable(error.to_string())),
            }
        })
    }
}
