//! A plugin on trial: the real plugin host with one plugin, in this process, without a node.
//!
//! Its compiled code is kept in a temporary directory under a key of its own. A directory that stays, such as the
//! project's, could hold machine code that came with somebody's project; loading it would be running it.

mod log;
mod per_call;
mod secrets;
mod servers;
mod values;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context as _, anyhow};
use plugin_host::{Compiler, HostError, PluginHost, PluginSpec, Services, Settings};
use primitives::hooks::HookFailure;
use primitives::seal::{DataKey, Keyring};
use primitives::{Clock, Rng as _, Sealer, Timestamp};
use serde_json::Value;
use tenancy::plugin::TenantPlugins as _;
use tokio::runtime::Runtime;

pub(super) use self::log::Log;
pub(super) use self::per_call::PerCall;
use self::secrets::TrialSecrets;
use self::servers::TrialServers;
use self::values::TrialValues;
use super::cases::{Case, Exchange, FailureName, Outcome, Sent};
use crate::randomness::SystemRng;
use crate::temporary::Temporary;

/// The host, and what it needs to be one.
pub(super) struct Trial {
    host: PluginHost,
    clock: Arc<CaseClock>,
    secrets: Arc<TrialSecrets>,
    servers: Arc<TrialServers>,
    values: Arc<TrialValues>,
    sealer: Arc<Sealer>,
    settings: Settings,
    directory: Arc<Temporary>,
}

/// What came of asking once.
pub(super) struct Tried {
    pub(super) answer: Result<Value, NoAnswer>,
    /// What the plugin wrote.
    pub(super) log: Vec<String>,
    /// What it keeps.
    pub(super) kept: BTreeMap<String, String>,
    /// The requests that it sent.
    pub(super) sent: Vec<Sent>,
}

/// Why a case has no answer.
#[derive(Debug)]
pub(super) struct NoAnswer {
    pub(super) name: FailureName,
    pub(super) detail: String,
}

impl From<HookFailure> for NoAnswer {
    fn from(failure: HookFailure) -> Self {
        Self { name: failure.kind.into(), detail: failure.detail }
    }
}

/// The time of the case that is asked.
#[derive(Debug, Default)]
struct CaseClock(AtomicI64);

impl Clock for CaseClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

impl Trial {
    /// Makes the host.
    pub(super) fn new(mut settings: Settings) -> anyhow::Result<Self> {
        // Compiling a component of one's own is waited for, also where an interpreter is in it.
        settings.compile_ms = settings.compile_ms.saturating_mul(10);
        let rng = Arc::new(SystemRng::new());
        let directory = Arc::new(Temporary::make("plugin", &*rng)?);
        let mut material = [0; 32];
        rng.fill(&mut material);
        let keyring = Keyring::new(DataKey { id: 1, material: material.into() }, Vec::new());
        Self::with(settings, Arc::new(Sealer::new(keyring, rng)), directory)
    }

    /// Another host with the same compiled code: what a node is that starts again.
    pub(super) fn again(&self) -> anyhow::Result<Self> {
        Self::with(self.settings.clone(), Arc::clone(&self.sealer), Arc::clone(&self.directory))
    }

    fn with(settings: Settings, sealer: Arc<Sealer>, directory: Arc<Temporary>) -> anyhow::Result<Self> {
        let clock = Arc::new(CaseClock::default());
        let compiled: &Path = directory.path();
        let compiler = Compiler::this_program();
        let host = PluginHost::new(settings.clone(), compiled, compiler, Arc::clone(&sealer), clock.clone())?;
        let values = Arc::new(TrialValues::default());
        let secrets = Arc::new(TrialSecrets::default());
        let servers = Arc::new(TrialServers::default());
        let host = host.offering(Services {
            secrets: Some(secrets.clone()),
            values: Some(values.clone()),
            outbound: Some(servers.clone()),
            ..Services::default()
        });
        Ok(Self { host, clock, secrets, servers, values, sealer, settings, directory })
    }

    /// Loads the plugin for a case as if nobody had ever called it: with what the case says that it keeps, and no memory
    /// of limits that earlier calls hit. An error that is a [`HostError`] says that the case's settings are refused.
    pub(super) async fn install(&self, case: &Case, mut spec: PluginSpec) -> anyhow::Result<()> {
        let tenant = &case.call.context().tenant;
        // An operator names the servers; here the case does.
        spec.http_origins = case.http.iter().map(Exchange::origin).collect::<anyhow::Result<_>>()?;
        self.servers.begin_with(&case.http);
        self.secrets.begin_with(&case.secrets);
        self.values.begin_with(&case.kept);
        self.host.forget(tenant);
        let loaded = self.host.install_plugin(tenant, spec).await;
        loaded.map(drop).map_err(|error| match error {
            HostError::SettingsRefused(_) | HostError::SettingsDoNotFit { .. } => anyhow::Error::new(error),
            error => anyhow!("a node would not load it: {error}"),
        })
    }

    /// Asks the plugin what a case asks.
    pub(super) async fn ask(&self, case: &Case) -> Result<Value, HookFailure> {
        self.clock.0.store(case.call.now().micros(), Ordering::SeqCst);
        self.servers.again();
        (case.ask)(&self.host, &case.call.context()).await
    }

    /// What the calls so far used, on average.
    pub(super) fn per_call(&self) -> PerCall {
        PerCall::of(self.host.metrics())
    }

    /// Asks once, and also returns what the plugin wrote and keeps.
    pub(super) fn try_case(&self, case: &Case, spec: &PluginSpec, log: &Log) -> anyhow::Result<Tried> {
        let mut spec = spec.clone();
        if let Some(settings) = &case.settings {
            spec.settings.clone_from(settings);
        }
        // A machine that is busy with other things is no failure of the plugin; its CPU time is counted anyway.
        if !matches!(case.expect.outcome, Outcome::Failure(FailureName::WallLimit, _)) {
            spec.limits.wall_ms = self.settings.ceiling.wall_ms;
        }
        log.take();
        // A runtime of its own: with it goes whatever the call left to be done, and a guest's standard streams are
        // logged when the guest goes.
        let runtime = runtime()?;
        let answer = runtime.block_on(async {
            match self.install(case, spec).await {
                Ok(()) => Ok(self.ask(case).await.map_err(NoAnswer::from)),
                Err(error) => error.downcast::<HostError>().map(|refused| {
                    Err(NoAnswer { name: FailureName::SettingsRefused, detail: refused.to_string() })
                }),
            }
        })?;
        drop(runtime);
        Ok(Tried { answer, log: log.take(), kept: self.values.in_words(), sent: self.servers.sent() })
    }
}

/// A runtime on this thread.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}
