//! Whom another issuer means: the people whom its provider has signed in here are linked to its names for them.

use federation::TenantProviders;
use identity::ports::Links as _;
use oauth2::ports::{FederatedSubjects, PortError, PortResult};
use primitives::{IdentityId, TenantId};
use storage::Storage;

/// The links of a tenant's own providers. Those of its organisations' connections are not looked through: what a customer's
/// administrator connects speaks for nobody at the token endpoint.
#[derive(Debug)]
pub(crate) struct LinkedSubjects {
    storage: Storage,
    /// Issuers, each with the name of its provider.
    issuers: Vec<(String, String)>,
}

impl LinkedSubjects {
    pub(crate) fn new(storage: &Storage, providers: &TenantProviders) -> Self {
        Self { storage: storage.clone(), issuers: providers.issuers() }
    }
}

impl FederatedSubjects for LinkedSubjects {
    fn find_federated<'a>(
        &'a self,
        tenant: &'a TenantId,
        issuer: &'a str,
        subject: &'a str,
    ) -> PortResult<'a, Option<IdentityId>> {
        Box::pin(async move {
            let mut found = None;
            for (_, provider) in self.issuers.iter().filter(|(name, _)| name == issuer) {
                let link = self.storage.find_by_link(tenant, provider, subject).await;
                let link = link.map_err(|error| PortError::Unavailable(error.to_string()))?;
                let Some((identity, _)) = link else { continue };
                // Two providers of one issuer that know two people by one name: nobody is meant rather than either.
                if found.is_some_and(|other| other != identity.id) {
                    return Ok(None);
                }
                found = Some(identity.id);
            }
            Ok(found)
        })
    }
}
