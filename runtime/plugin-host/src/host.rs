//! The plugin host: the engine, what is loaded, and the plugins of each tenant.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use primitives::{Clock, Sealer, TenantId};
use tenancy::plugin::Settings;
use tokio::sync::{Mutex, Semaphore};
use wasmtime::Engine;

use crate::HostError;
use crate::capabilities::Services;
use crate::code_cache::CodeCache;
use crate::compiler::Compiler;
use crate::component::Loader;
use crate::engine::{Ticker, engine};
use crate::installed::Installed;
use crate::metrics::PluginMetrics;
use crate::recent::NodeLines;
use crate::runner::Runner;
use crate::slow_lane::SlowLane;
use crate::spares::Spares;

/// Runs the plugins of all tenants of the node. Implements the hook traits of the rooms, and
/// [`TenantPlugins`](tenancy::plugin::TenantPlugins).
#[derive(Debug)]
pub struct PluginHost {
    pub(crate) engine: Engine,
    pub(crate) runner: Runner,
    pub(crate) loader: Arc<Loader>,
    /// Half of the places: those of guests that wait for somebody else's server.
    pub(crate) waits: Arc<Semaphore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) services: Services,
    pub(crate) metrics: PluginMetrics,
    /// What all plugins said lately.
    pub(crate) lines: Arc<NodeLines>,
    pub(crate) tenants: RwLock<HashMap<TenantId, Arc<Installed>>>,
    turns: AtomicU64,
    readings: AtomicU64,
    /// Component files are read again by one at a time.
    pub(crate) reading: Mutex<()>,
}

impl PluginHost {
    /// Makes the host. Compiled components are kept in `cache_directory`, which is made with mode 0700
    /// and must not be reachable by other users; `sealer` authenticates them.
    pub fn new(
        settings: Settings,
        cache_directory: &Path,
        compiler: Compiler,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HostError> {
        let engine = engine(&settings)?;
        let (metrics, slow) = (PluginMetrics::default(), SlowLane::default());
        let places = usize::try_from(settings.concurrent_calls.max(1)).unwrap_or(1);
        let code = CodeCache::open(cache_directory, compiler, sealer, &settings)?;
        let loader = Arc::new(Loader::new(&engine, code, &settings)?);
        let runner = Runner {
            engine: engine.clone(),
            ticker: Arc::new(Ticker::start(&engine, slow.guests())?),
            loader: Arc::clone(&loader),
            spares: Arc::new(Spares::new(&metrics)),
            places: Arc::new(Semaphore::new(places)),
            slow: Arc::new(slow),
            clock: Arc::clone(&clock),
        };
        Ok(Self {
            runner,
            loader,
            waits: Arc::new(Semaphore::new(places.div_ceil(2))),
            engine,
            clock,
            settings,
            services: Services::default(),
            metrics,
            lines: Arc::default(),
            tenants: RwLock::new(HashMap::new()),
            turns: AtomicU64::new(0),
            readings: AtomicU64::new(0),
            reading: Mutex::new(()),
        })
    }

    /// The same, with what the node offers to plugins beyond their own words and settings.
    #[must_use]
    pub fn offering(self, services: Services) -> Self {
        Self { services, ..self }
    }

    /// The metrics, to be registered once.
    pub const fn metrics(&self) -> &PluginMetrics {
        &self.metrics
    }

    pub(crate) fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::SeqCst)
    }

    /// How often component files were read again.
    pub(crate) fn readings(&self) -> u64 {
        self.readings.load(Ordering::SeqCst)
    }

    pub(crate) fn count_reading(&self) {
        self.readings.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn find_tenant(&self, tenant: &TenantId) -> Option<Arc<Installed>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }
}
