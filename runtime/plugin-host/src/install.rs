//! How a tenant's plugins are installed and replaced.

use std::sync::{Arc, PoisonError};

use futures_util::future::BoxFuture;
use primitives::TenantId;
use tenancy::plugin::uploaded::{ShadowReport, StoredPlugin};
use tenancy::plugin::{
    DeclaredPlugin, PluginLines, PluginReport, Reread, TenantPlugins, Trust, TrustSettings,
};

use crate::capabilities::{Granted, printable};
use crate::component::ComponentHash;
use crate::file_stamp::Stamps;
use crate::hooks::FunctionName;
use crate::installed::{Installed, Runs, Slot};
use crate::plugin::Plugin;
use crate::settings_schema::check_settings;
use crate::shadow::Shadow;
use crate::signature::{check_signature, signature_file};
use crate::spec::{PluginSource, PluginSpec, ShadowSpec};
use crate::tenant::TenantGate;
use crate::{HostError, PluginHost};

impl TenantPlugins for PluginHost {
    fn install_all<'a>(
        &'a self,
        tenant: &'a TenantId,
        (declared, stored): (Vec<DeclaredPlugin>, Vec<StoredPlugin>),
        trust: &'a TrustSettings,
    ) -> BoxFuture<'a, Vec<PluginReport>> {
        Box::pin(async move {
            let turn = self.next_turn();
            let trust = Arc::new(trust.clone());
            let stored = stored.into_iter().map(|stored| self.stored_spec(tenant, stored, &trust));
            let declared =
                declared.into_iter().map(|plugin| PluginSpec::declared(plugin, Arc::clone(&trust)));
            let specs: Vec<PluginSpec> = declared.chain(stored).collect();
            loop {
                let reading = self.readings();
                let before = self.find_tenant(tenant);
                let slots = self.slots(tenant, before.as_deref(), &specs).await;
                let installed = slots.clone();
                if self.replace(tenant, (turn, reading), |_| slots) {
                    for slot in &installed {
                        slot.log_failure(tenant);
                    }
                    return installed.iter().map(|slot| slot.report()).collect();
                }
            }
        })
    }

    fn reread(&self, which: Reread) -> BoxFuture<'_, ()> {
        Box::pin(self.read_again(which))
    }

    fn forget(&self, tenant: &TenantId) {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }

    fn shadow(&self, tenant: &TenantId, plugin: &str) -> Option<ShadowReport> {
        let shadow = self.find_tenant(tenant)?.find(plugin)?.shadow.clone()?;
        Some(shadow.report())
    }

    fn lines(&self, tenant: &TenantId, plugin: &str, after: u64) -> Option<PluginLines> {
        self.find_tenant(tenant)?.gate.recent.since(plugin, after)
    }

    fn list(&self, tenant: &TenantId) -> Vec<PluginReport> {
        self.find_tenant(tenant)
            .map_or_else(Vec::new, |installed| installed.slots.iter().map(|slot| slot.report()).collect())
    }
}

impl PluginHost {
    /// Installs one plugin beside the tenant's others, or replaces the one of the same name.
    ///
    /// Calls in flight finish on the old one. A candidate that fails changes nothing.
    pub async fn install_plugin(
        &self,
        tenant: &TenantId,
        spec: PluginSpec,
    ) -> Result<ComponentHash, HostError> {
        let turn = self.next_turn();
        loop {
            let reading = self.readings();
            let before = self.find_tenant(tenant);
            let running = before.as_deref().and_then(|installed| running(installed, &spec.name));
            let files = self.stamps(&spec).await;
            let granted = self.gather(tenant, &spec).await?;
            let plugin = self.prepare(running, spec.clone(), granted).await?;
            let hash = plugin.hash;
            let runs = Runs::Declared(plugin);
            let slot = Arc::new(Slot { spec: spec.clone(), runs, files, shadow: None, again: false });
            let is_done = self.replace(tenant, (turn, reading), |installed| {
                let others = installed.into_iter().flat_map(|installed| &installed.slots);
                others
                    .filter(|other| other.name() != slot.name())
                    .cloned()
                    .chain([Arc::clone(&slot)])
                    .collect()
            });
            if is_done {
                return Ok(hash);
            }
        }
    }

    async fn slots(
        &self,
        tenant: &TenantId,
        before: Option<&Installed>,
        specs: &[PluginSpec],
    ) -> Vec<Arc<Slot>> {
        let mut slots: Vec<Arc<Slot>> = Vec::with_capacity(specs.len());
        for spec in specs.iter().cloned() {
            let slot = if slots.iter().any(|earlier| earlier.name() == spec.name) {
                let reason = "another plugin of this tenant has the same name".to_owned();
                let (runs, files) = (Runs::Nothing(reason), Stamps::default());
                Slot { spec, runs, files, shadow: None, again: false }
            } else {
                self.slot(tenant, before, spec).await
            };
            slots.push(Arc::new(slot));
        }
        slots
    }

    /// What becomes of one declaration.
    pub(crate) async fn slot(&self, tenant: &TenantId, before: Option<&Installed>, spec: PluginSpec) -> Slot {
        // Before the files are read: what is written to one meanwhile shows as a change.
        let files = self.stamps(&spec).await;
        let running = before.and_then(|installed| running(installed, &spec.name));
        let granted = self.gather(tenant, &spec).await;
        let prepared = match &granted {
            Ok(granted) => self.prepare(running, spec.clone(), Arc::clone(granted)).await,
            Err(error) => Err(error.clone()),
        };
        let again = matches!(&prepared, Err(HostError::Busy | HostError::Internal(_)));
        let runs = match prepared {
            Ok(plugin) => Runs::Declared(plugin),
            Err(error) => {
                let reason = printable(&error.to_string());
                // A grant that was taken away must be gone, whatever else is wrong; so must a key, and a plugin that
                // was deleted, whoever has its name now.
                let trust = self.trust(&spec);
                let kept = running.filter(|plugin| {
                    plugin.granted.upload == spec.upload
                        && plugin.grants.is_subset(&spec.grants)
                        && trust.still_accepts(plugin.signed_by.as_ref())
                        && granted.as_ref().map_or(true, |granted| plugin.granted.is_within(granted))
                });
                match kept {
                    Some(plugin) => Runs::Earlier(Arc::clone(plugin), reason),
                    None => Runs::Nothing(reason),
                }
            }
        };
        let beside = match &runs {
            Runs::Declared(plugin) | Runs::Earlier(plugin, _) => Some(plugin),
            Runs::Nothing(_) => None,
        };
        let shadow = self.prepare_shadow(tenant, before, &spec, beside).await;
        Slot { spec, runs, files, shadow, again }
    }

    /// What sees the calls of a slot. What does already goes on, with what it has counted.
    async fn prepare_shadow(
        &self,
        tenant: &TenantId,
        before: Option<&Installed>,
        spec: &PluginSpec,
        beside: Option<&Arc<Plugin>>,
    ) -> Option<Arc<Shadow>> {
        let ShadowSpec { spec, per_mille } = &**spec.shadow.as_ref()?;
        let known = before.and_then(|installed| installed.find(&spec.name)?.shadow.clone());
        let running = known.as_ref().and_then(|shadow| shadow.plugin.as_ref().ok());
        let prepared = async {
            let granted = self.gather(tenant, spec).await?;
            self.prepare(running, spec.clone(), granted).await
        };
        let plugin = prepared.await.map_err(|error| printable(&error.to_string()));
        if let Err(reason) = &plugin {
            tracing::warn!(%tenant, plugin = spec.name, reason, "a plugin's shadow cannot be loaded");
        }
        let is_same = |known: &&Arc<Shadow>| {
            known.per_mille == *per_mille
                && matches!((&known.plugin, &plugin), (Ok(known), Ok(plugin)) if Arc::ptr_eq(known, plugin))
                && matches!((&known.beside, beside), (Some(known), Some(beside)) if Arc::ptr_eq(known, beside))
        };
        if let Some(known) = known.as_ref().filter(is_same) {
            return Some(Arc::clone(known));
        }
        let sha256 = spec.sha256.clone().unwrap_or_default();
        Some(Arc::new(Shadow::new(plugin, (sha256, *per_mille), beside.cloned())))
    }

    fn trust(&self, spec: &PluginSpec) -> Trust {
        Trust::of(&self.settings, &spec.trust)
    }

    /// How the files that are read for a plugin look now.
    async fn stamps(&self, spec: &PluginSpec) -> Stamps {
        let component = match &spec.source {
            PluginSource::File(path) => Some(path.clone()),
            PluginSource::Bytes(_) | PluginSource::Stored(_) => None,
        };
        Stamps::of(component.into_iter().chain(signature_file(spec, &self.trust(spec)))).await
    }

    /// Makes a plugin ready to be called: read, its signature checked, compiled, linked, checked against its grants
    /// and bindings, started once. What runs already as it is declared is that plugin.
    pub(crate) async fn prepare(
        &self,
        running: Option<&Arc<Plugin>>,
        spec: PluginSpec,
        granted: Arc<Granted>,
    ) -> Result<Arc<Plugin>, HostError> {
        self.check_allowed(&spec)?;
        let (hash, bytes) = self.loader.identify(&spec.source).await?;
        if let Some(expected) = spec.sha256.as_ref().filter(|expected| **expected != hash.to_string()) {
            return Err(HostError::WrongHash { found: hash.to_string(), expected: expected.clone() });
        }
        // Of this hash, and only what has it is loaded below: a file that is replaced in between is not.
        let signed_by = check_signature(&spec, hash, &self.trust(&spec)).await?;
        if let Some(plugin) = running.filter(|plugin| {
            plugin.is(&spec, hash, &self.settings.ceiling)
                && plugin.granted.is(&granted)
                && plugin.signed_by == signed_by
        }) {
            return Ok(Arc::clone(plugin));
        }
        if let Some(bytes) = bytes {
            check_settings(bytes, spec.settings.clone()).await?;
        }
        let loaded = self.loader.load(hash, &spec.source).await?;
        loaded.check_grants(&spec.grants)?;
        for binding in &spec.bindings {
            loaded.check_exports(binding.hook)?;
        }
        let plugin = Plugin::new(spec, (hash, signed_by), granted, &self.settings.ceiling, &self.metrics)?;
        let introspects = loaded.exports.has_function(FunctionName::ShapeIntrospection);
        let plugin = Arc::new(plugin.introspecting(introspects));
        self.smoke_test(&plugin, &loaded).await?;
        Ok(plugin)
    }

    /// Puts new slots in the place of the tenant's, unless a later turn has done so. `false` if component
    /// files were read again since `reading`: then these slots may have what a file held before, and whoever
    /// made them makes them again.
    fn replace(
        &self,
        tenant: &TenantId,
        (turn, reading): (u64, u64),
        slots: impl FnOnce(Option<&Installed>) -> Vec<Arc<Slot>>,
    ) -> bool {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let old = tenants.get(tenant);
        if old.is_some_and(|old| old.turn > turn) {
            return true;
        }
        if self.readings() != reading {
            return false;
        }
        let gate =
            old.map_or_else(|| TenantGate::new(&self.settings, &self.lines), |old| Arc::clone(&old.gate));
        let installed = Installed::new(gate, turn, slots(old.map(|old| &**old)));
        tenants.insert(tenant.clone(), Arc::new(installed));
        true
    }
}

fn running<'a>(installed: &'a Installed, name: &str) -> Option<&'a Arc<Plugin>> {
    installed.find(name).and_then(|slot| slot.plugin().ok())
}
