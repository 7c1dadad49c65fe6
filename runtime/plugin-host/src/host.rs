//! The plugin host: which plugins a tenant has, and how one is replaced.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use primitives::hooks::HookContext;
use primitives::{Clock, Sealer, TenantId};
use tenancy::plugin::{HookName, Settings};
use tokio::sync::Semaphore;
use wasmtime::Engine;

use crate::HostError;
use crate::code_cache::CodeCache;
use crate::component::{ComponentHash, Loader};
use crate::engine::{Ticker, engine};
use crate::metrics::PluginMetrics;
use crate::plugin::Plugin;
use crate::spec::PluginSpec;
use crate::tenant::TenantGate;

/// Runs the plugins of all tenants of the node. Implements the hook traits of the rooms.
#[derive(Debug)]
pub struct PluginHost {
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) loader: Loader,
    pub(crate) places: Semaphore,
    pub(crate) clock: Arc<dyn Clock>,
    settings: Settings,
    metrics: PluginMetrics,
    tenants: RwLock<HashMap<TenantId, Arc<TenantPlugins>>>,
}

/// The plugins of one tenant, as they were at one moment. A call keeps the ones it started with.
#[derive(Debug, Clone)]
pub(crate) struct TenantPlugins {
    pub(crate) gate: Arc<TenantGate>,
    /// In the order of their names.
    plugins: Vec<Arc<Plugin>>,
    /// Every binding with its plugin, in the order in which they are called.
    bound: Vec<(HookName, usize, Arc<Plugin>)>,
}

impl PluginHost {
    /// Makes the host. Compiled components are kept in `cache_directory`, which is made with mode 0700
    /// and must not be reachable by other users; `sealer` authenticates them.
    pub fn new(
        settings: Settings,
        cache_directory: &Path,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HostError> {
        let engine = engine(&settings)?;
        let code = CodeCache::open(cache_directory, sealer, &settings)?;
        Ok(Self {
            ticker: Ticker::start(&engine)?,
            loader: Loader::new(&engine, code, &settings)?,
            places: Semaphore::new(usize::try_from(settings.concurrent_calls.max(1)).unwrap_or(1)),
            engine,
            clock,
            settings,
            metrics: PluginMetrics::default(),
            tenants: RwLock::new(HashMap::new()),
        })
    }

    /// The metrics, to be registered once.
    pub const fn metrics(&self) -> &PluginMetrics {
        &self.metrics
    }

    /// Installs a plugin of a tenant, or replaces the one of the same name.
    ///
    /// The component is compiled, linked, checked against its grants and bindings, and instantiated once
    /// before it takes the place of the old one in one step; calls in flight finish on the old one. A
    /// candidate that fails changes nothing.
    pub async fn install(&self, tenant: &TenantId, spec: PluginSpec) -> Result<ComponentHash, HostError> {
        let hash = self.loader.identify(&spec.source).await?;
        if let Some(expected) = spec.sha256.as_ref().filter(|expected| **expected != hash.to_string()) {
            return Err(HostError::WrongHash { found: hash.to_string(), expected: expected.clone() });
        }
        let loaded = self.loader.load(hash, &spec.source).await?;
        loaded.check_grants(&spec.grants)?;
        for binding in &spec.bindings {
            loaded.check_exports(binding.hook)?;
        }
        let plugin = Arc::new(Plugin::new(spec, hash, &self.settings.ceiling, &self.metrics)?);
        self.smoke_test(&plugin, &loaded).await?;
        self.change(tenant, |plugins| {
            plugins.retain(|old| old.name != plugin.name);
            plugins.push(plugin);
        });
        Ok(hash)
    }

    /// Removes a plugin. Returns whether there was one.
    pub fn remove(&self, tenant: &TenantId, name: &str) -> bool {
        let mut removed = false;
        self.change(tenant, |plugins| {
            let before = plugins.len();
            plugins.retain(|plugin| &*plugin.name != name);
            removed = plugins.len() != before;
        });
        removed
    }

    /// Forgets a tenant: it was evicted, suspended or deleted.
    pub fn remove_tenant(&self, tenant: &TenantId) {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }

    fn change(&self, tenant: &TenantId, change: impl FnOnce(&mut Vec<Arc<Plugin>>)) {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let (gate, mut plugins) = tenants.get(tenant).map_or_else(
            || (TenantGate::new(&self.settings), Vec::new()),
            |old| (Arc::clone(&old.gate), old.plugins.clone()),
        );
        change(&mut plugins);
        tenants.insert(tenant.clone(), Arc::new(TenantPlugins::new(gate, plugins)));
    }

    pub(crate) fn find_tenant(&self, tenant: &TenantId) -> Option<Arc<TenantPlugins>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }
}

impl TenantPlugins {
    fn new(gate: Arc<TenantGate>, mut plugins: Vec<Arc<Plugin>>) -> Self {
        plugins.sort_by(|a, b| a.name.cmp(&b.name));
        let mut bound: Vec<(i32, HookName, usize, Arc<Plugin>)> = Vec::new();
        for plugin in &plugins {
            for (index, binding) in plugin.bindings.iter().enumerate() {
                bound.push((binding.order, binding.hook, index, Arc::clone(plugin)));
            }
        }
        // Stable: plugins of the same order stay in the order of their names.
        bound.sort_by_key(|(order, ..)| *order);
        let bound = bound.into_iter().map(|(_, hook, index, plugin)| (hook, index, plugin)).collect();
        Self { gate, plugins, bound }
    }

    /// The plugins that a call of `hook` goes through, in order, each once.
    pub(crate) fn matching<'a>(
        &'a self,
        hook: HookName,
        context: &'a HookContext,
    ) -> impl Iterator<Item = &'a Arc<Plugin>> {
        let matches = move |(bound_hook, index, plugin): &(HookName, usize, Arc<Plugin>)| {
            *bound_hook == hook && plugin.bindings.get(*index).is_some_and(|binding| binding.matches(context))
        };
        self.bound.iter().enumerate().filter(move |(_, entry)| matches(entry)).filter_map(
            move |(at, entry)| {
                let earlier =
                    self.bound.iter().take(at).any(|other| Arc::ptr_eq(&other.2, &entry.2) && matches(other));
                (!earlier).then_some(&entry.2)
            },
        )
    }
}
