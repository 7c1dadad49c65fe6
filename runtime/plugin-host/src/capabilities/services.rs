//! What the node offers to plugins beyond their own words and settings: ports, put in at the composition root.

use std::sync::Arc;

use identity::Profiles;
use primitives::outbound::Outbound;
use primitives::permissions::Permissions;
use tenancy::plugin::uploaded::UploadedPlugins;
use tenancy::plugin::{Capability, PluginSecrets, PluginValues};

/// What stands behind the capabilities. One of which there is nothing is not offered: a plugin that is granted
/// it is not loaded.
#[derive(Debug, Clone, Default)]
pub struct Services {
    /// Behind `secrets`.
    pub secrets: Option<Arc<dyn PluginSecrets>>,
    /// Behind `kv`.
    pub values: Option<Arc<dyn PluginValues>>,
    /// Behind `http`.
    pub outbound: Option<Arc<dyn Outbound>>,
    /// Behind `identities`.
    pub profiles: Option<Arc<dyn Profiles>>,
    /// Where the components of uploaded plugins are. No capability: without it, none of them runs.
    pub components: Option<Arc<dyn UploadedPlugins>>,
    /// Behind `permissions`.
    pub permissions: Option<Arc<dyn Permissions>>,
}

impl Services {
    /// Whether the node has what a capability needs.
    pub(crate) const fn offers(&self, capability: Capability) -> bool {
        match capability {
            Capability::Log | Capability::Config | Capability::Groups => true,
            Capability::Secrets => self.secrets.is_some(),
            Capability::Kv => self.values.is_some(),
            Capability::Http => self.outbound.is_some(),
            Capability::Identities => self.profiles.is_some(),
            Capability::Permissions => self.permissions.is_some(),
        }
    }
}
