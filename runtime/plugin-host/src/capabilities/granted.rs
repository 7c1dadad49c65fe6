//! What one plugin of one tenant may use, made once when it is installed.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use primitives::time::FixedClock;
use primitives::{Clock, Secret, TenantId, Timestamp};
use serde_json::Value;
use tenancy::plugin::{Capability, PluginValues};

use super::Services;
use crate::HostError;
use crate::metrics::{CapabilityMetrics, PluginMetrics};
use crate::spec::PluginSpec;

/// What a plugin may use. Of a capability that was not granted it holds nothing.
#[derive(Debug)]
pub(crate) struct Granted {
    /// Whose plugin it is, whoever is called for.
    pub(crate) tenant: TenantId,
    /// Its name there.
    pub(super) plugin: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Value,
    pub(super) secrets: BTreeMap<String, Secret<String>>,
    pub(super) values: Option<Arc<dyn PluginValues>>,
    pub(super) metrics: CapabilityMetrics,
}

impl Granted {
    /// Gathers what `spec` grants. Refuses what this node does not offer.
    pub(crate) async fn gather(
        tenant: &TenantId,
        spec: &PluginSpec,
        services: &Services,
        clock: &Arc<dyn Clock>,
        metrics: &PluginMetrics,
    ) -> Result<Arc<Self>, HostError> {
        let not_offered = |capability: &&Capability| !services.offers(**capability);
        if let Some(capability) = spec.grants.iter().find(not_offered) {
            return Err(HostError::NotOffered { capability: capability.as_str() });
        }
        let is_granted = |capability| spec.grants.contains(&capability);
        let mut secrets = BTreeMap::new();
        if let Some(port) = services.secrets.as_ref().filter(|_| is_granted(Capability::Secrets)) {
            let listed = port.list_plugin_secrets(tenant, &spec.name).await;
            let listed = listed.map_err(|error| HostError::Internal(format!("its secrets: {error}")))?;
            secrets.extend(listed.into_iter().map(|secret| (secret.name, secret.value)));
        }
        Ok(Arc::new(Self {
            tenant: tenant.clone(),
            plugin: spec.name.clone(),
            clock: Arc::clone(clock),
            settings: Value::Object(spec.settings.clone()),
            secrets,
            values: services.values.clone().filter(|_| is_granted(Capability::Kv)),
            metrics: metrics.of_capabilities(&spec.name),
        }))
    }

    /// For an instance that nobody has called yet. Shared, so that nothing is freed inside a call that takes
    /// the instance over.
    pub(crate) fn nothing() -> Arc<Self> {
        static NOTHING: LazyLock<Arc<Granted>> = LazyLock::new(|| {
            Arc::new(Granted {
                tenant: TenantId::default_tenant(),
                plugin: String::new(),
                clock: Arc::new(FixedClock::new(Timestamp::from_seconds(0))),
                settings: Value::Null,
                secrets: BTreeMap::new(),
                values: None,
                metrics: PluginMetrics::default().of_capabilities(""),
            })
        });
        Arc::clone(&NOTHING)
    }

    /// Whether it is the same as another one of the same plugin.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.tenant == other.tenant && self.settings == other.settings && self.secrets == other.secrets
    }

    /// Whether it holds nothing that another one of the same plugin does not.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.secrets.iter().all(|(name, secret)| other.secrets.get(name) == Some(secret))
    }
}
