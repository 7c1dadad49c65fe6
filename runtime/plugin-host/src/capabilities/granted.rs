//! What one plugin of one tenant may use, made once when it is installed.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use identity::Profiles;
use primitives::outbound::{Outbound, Reach};
use primitives::permissions::Permissions;
use primitives::time::FixedClock;
use primitives::{Clock, Origin, Secret, TenantId, Timestamp, UploadedPluginId};
use serde_json::Value;
use tenancy::plugin::{Capability, PluginValues};
use tokio::sync::Semaphore;

use crate::metrics::{CapabilityMetrics, PluginMetrics};
use crate::pretend::{NoWayOut, PretendedValues};
use crate::spec::PluginSpec;
use crate::{HostError, PluginHost};

/// What a plugin may use. Of a capability that was not granted it holds nothing.
#[derive(Debug)]
pub(crate) struct Granted {
    /// Whose plugin it is, whoever is called for.
    pub(crate) tenant: TenantId,
    /// Its name there.
    pub(super) plugin: String,
    /// Which uploaded plugin it is, if it was uploaded.
    pub(crate) upload: Option<UploadedPluginId>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Value,
    pub(super) secrets: BTreeMap<String, Secret<String>>,
    pub(super) values: Option<Arc<dyn PluginValues>>,
    /// The servers that it may call, each with where it may be.
    pub(super) origins: BTreeMap<Origin, Reach>,
    pub(super) outbound: Option<Arc<dyn Outbound>>,
    pub(super) profiles: Option<Arc<dyn Profiles>>,
    pub(super) permissions: Option<Arc<dyn Permissions>>,
    /// Places of the node's guests that wait for somebody else's server.
    pub(super) waits: Arc<Semaphore>,
    pub(super) metrics: CapabilityMetrics,
}

impl PluginHost {
    /// Gathers what `spec` grants to a plugin of this tenant. Refuses what this node does not offer.
    pub(crate) async fn gather(
        &self,
        tenant: &TenantId,
        spec: &PluginSpec,
    ) -> Result<Arc<Granted>, HostError> {
        let services = &self.services;
        let not_offered = |capability: &&Capability| !services.offers(**capability);
        if let Some(capability) = spec.grants.iter().find(not_offered) {
            return Err(HostError::NotOffered { capability: capability.as_str() });
        }
        let is_granted = |capability| spec.grants.contains(&capability);
        let mut secrets = BTreeMap::new();
        if let Some(port) = services.secrets.as_ref().filter(|_| is_granted(Capability::Secrets)) {
            // Attack: a plugin is uploaded under the name of one in the operator's file, whose secrets it would get; or one that
            // was deleted is loaded late, when another has its name.
            let listed = match (spec.upload, &services.components) {
                (Some(id), Some(uploads)) => uploads.list_uploaded_secrets(tenant, id, &spec.name).await,
                (Some(_), None) => Ok(Vec::new()),
                (None, _) => port.list_plugin_secrets(tenant, &spec.name).await,
            };
            let listed = listed.map_err(|error| HostError::Internal(format!("its secrets: {error}")))?;
            secrets.extend(listed.into_iter().map(|secret| (secret.name, secret.value)));
        }
        let (mut values, mut outbound) = (services.values.clone(), services.outbound.clone());
        if spec.pretends {
            values = values.map(|values| Arc::new(PretendedValues(values)) as Arc<dyn PluginValues>);
            outbound = outbound.map(|_| Arc::new(NoWayOut) as Arc<dyn Outbound>);
        }
        let origins = spec.http_origins.iter().filter(|_| is_granted(Capability::Http));
        let private = |origin| {
            let tenants = self.settings.private_origins.get(origin);
            tenants.is_some_and(|tenants| tenants.contains(tenant))
        };
        let reach = |origin| if private(origin) { Reach::NamedByOperator } else { Reach::Public };
        Ok(Arc::new(Granted {
            tenant: tenant.clone(),
            plugin: spec.name.clone(),
            upload: spec.upload,
            clock: Arc::clone(&self.clock),
            settings: Value::Object(spec.settings.clone()),
            secrets,
            values: values.filter(|_| is_granted(Capability::Kv)),
            origins: origins.map(|origin| (origin.clone(), reach(origin))).collect(),
            outbound: outbound.filter(|_| is_granted(Capability::Http)),
            profiles: services.profiles.clone().filter(|_| is_granted(Capability::Identities)),
            permissions: services.permissions.clone().filter(|_| is_granted(Capability::Permissions)),
            waits: Arc::clone(&self.waits),
            metrics: self.metrics.of_capabilities(&spec.name),
        }))
    }
}

impl Granted {
    /// For an instance that nobody has called yet. Shared, so that nothing is freed inside a call that takes
    /// the instance over.
    pub(crate) fn nothing() -> Arc<Self> {
        static NOTHING: LazyLock<Arc<Granted>> = LazyLock::new(|| {
            Arc::new(Granted {
                tenant: TenantId::default_tenant(),
                plugin: String::new(),
                upload: None,
                clock: Arc::new(FixedClock::new(Timestamp::from_seconds(0))),
                settings: Value::Null,
                secrets: BTreeMap::new(),
                values: None,
                origins: BTreeMap::new(),
                outbound: None,
                profiles: None,
                permissions: None,
                waits: Arc::new(Semaphore::new(0)),
                metrics: PluginMetrics::default().of_capabilities(""),
            })
        });
        Arc::clone(&NOTHING)
    }

    /// Whether it is the same as another one of the same plugin.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.tenant == other.tenant
            && self.upload == other.upload
            && self.settings == other.settings
            && self.secrets == other.secrets
            && self.origins == other.origins
    }

    /// Whether it holds nothing that another one of the same plugin does not. One secret may be an older value of
    /// the other's.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.secrets.keys().all(|name| other.secrets.contains_key(name))
            && self.origins.iter().all(|(origin, reach)| other.origins.get(origin) == Some(reach))
    }
}
