//! One call of one guest: its turn, a fresh instance, its limits, and what came of it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use tenancy::plugin::HookName;
use tracing::Instrument as _;
use wasmtime::{Store, Trap};

use crate::PluginHost;
use crate::component::Loaded;
use crate::installed::Slot;
use crate::meter::{SlowLane, metered};
use crate::metrics::Used;
use crate::plugin::Plugin;
use crate::state::{CallState, printable};
use crate::tenant::{TenantGate, take};

/// What is done with a fresh store: instantiate, call one function. An adapter in `hooks` implements it.
pub(crate) trait GuestCall: Send {
    /// What the guest's function returns, lifted.
    type Answer: Send;

    /// The hook.
    const HOOK: HookName;

    /// Instantiates and calls.
    fn run(
        self,
        loaded: &Loaded,
        store: &mut Store<CallState>,
    ) -> impl Future<Output = wasmtime::Result<Self::Answer>> + Send;
}

/// Why a call gave no answer: the kind, and words for the operator.
pub(crate) type Failure = (HookFailureKind, String);

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// The bounds of the tenant.
    pub(crate) gate: &'a TenantGate,
    /// Whose call it is.
    pub(crate) context: &'a HookContext,
    /// Whom it is about, as far as the circuit breaker tells subjects apart.
    pub(crate) subject: &'a str,
}

/// A hook of a tenant of whose plugins nothing is known fails: it may have one that denies.
pub(crate) fn not_installed() -> HookFailure {
    HookFailure {
        plugin: String::new(),
        kind: HookFailureKind::Unavailable,
        detail: "the tenant's plugins are not installed".to_owned(),
    }
}

impl PluginHost {
    /// Calls what runs in a slot and checks its answer. Leaves a span and metrics; a failure is logged
    /// here, once.
    pub(crate) async fn call<C: GuestCall, T>(
        &self,
        caller: Caller<'_>,
        slot: &Slot,
        call: C,
        check: impl FnOnce(&Plugin, C::Answer) -> Result<T, Failure>,
    ) -> Result<T, HookFailure> {
        let plugin = match slot.plugin() {
            Ok(plugin) => plugin,
            Err(reason) => {
                self.metrics.count_unavailable(C::HOOK.as_str(), slot.name());
                let failure = (HookFailureKind::Unavailable, reason.to_owned());
                return Err(failed(&tracing::Span::none(), caller.context, slot.name(), failure));
            }
        };
        let span = tracing::info_span!(
            "plugin_call",
            hook = C::HOOK.as_str(),
            plugin = &*plugin.name,
            version = plugin.version(),
            outcome = tracing::field::Empty,
            microseconds = tracing::field::Empty,
            peak_memory = tracing::field::Empty,
            host_calls = tracing::field::Empty,
        );
        let start = Instant::now();
        let mut used = Used::default();
        let answer = self
            .attempt(caller, plugin, call, &mut used)
            .instrument(span.clone())
            .await
            .and_then(|answer| check(plugin, answer));
        used.total = start.elapsed();
        let failure = answer.as_ref().err().map(|(kind, _)| *kind);
        plugin.metrics(C::HOOK).record(&used, failure);
        span.record("outcome", failure.map_or("answered", crate::metrics::outcome));
        span.record("microseconds", u64::try_from(used.total.as_micros()).unwrap_or(u64::MAX));
        span.record("peak_memory", used.peak_memory);
        span.record("host_calls", used.host_calls);
        answer.map_err(|failure| failed(&span, caller.context, &plugin.name, failure))
    }

    async fn attempt<C: GuestCall>(
        &self,
        caller: Caller<'_>,
        plugin: &Plugin,
        call: C,
        used: &mut Used,
    ) -> Result<C::Answer, Failure> {
        let deadline = Instant::now() + plugin.limits.wall();
        let left = || deadline.saturating_duration_since(Instant::now());
        let crowded = || (HookFailureKind::Concurrency, "no place to run became free in time".to_owned());
        let admission = plugin.breaker.admit(|| self.clock.now()).map_err(|until| {
            let detail = format!("limits were hit for several subjects; one call is tried after {until}");
            (HookFailureKind::CircuitOpen, detail)
        })?;
        caller.gate.check_cpu().map_err(|wait| {
            let detail =
                format!("the tenant used up its guest CPU; {} ms until there is more", wait.as_millis());
            (HookFailureKind::CpuLimit, detail)
        })?;
        let _tenant_place = caller.gate.enter(plugin.limits.wall()).await.ok_or_else(crowded)?;
        let _node_place = take(&self.places, left()).await.ok_or_else(crowded)?;
        let loaded = match plugin.held.find() {
            Some(loaded) => loaded,
            None => self.find_loaded(plugin, left()).await?,
        };
        self.ticker.call_starts();

        let state = CallState::new(plugin, caller.context);
        let meter = state.meter.clone();
        let mut store = state.into_store(&self.engine);
        let lane = SlowLane { tenant: caller.gate.slow(), node: &self.slow };
        let guest = metered(&meter, lane, call.run(&loaded, &mut store));
        let outcome = tokio::time::timeout(left(), guest).await;

        used.cpu = meter.used();
        caller.gate.pay(used.cpu);
        let state = store.data_mut();
        used.peak_memory = state.peak_memory;
        used.host_calls = state.host_calls;
        state.drain_streams();
        let answer = match outcome {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(classify(state, &error)),
            Err(_elapsed) => {
                Err((HookFailureKind::WallLimit, format!("ran past {} ms", plugin.limits.wall_ms)))
            }
        };
        match &answer {
            Err((
                HookFailureKind::CpuLimit | HookFailureKind::WallLimit | HookFailureKind::MemoryLimit,
                _,
            )) => admission.killed(caller.subject, self.clock.now()),
            _ => admission.ended(),
        }
        answer
    }

    /// Asks the loader for a component, which loads it if it made room for others. It goes on being loaded
    /// when this call cannot wait for it: a later one finds it.
    async fn find_loaded(&self, plugin: &Plugin, patience: Duration) -> Result<Arc<Loaded>, Failure> {
        if let Some(loaded) = self.loader.find(plugin.hash).await {
            plugin.held.hold(&loaded);
            return Ok(loaded);
        }
        let (loader, hash, source) = (Arc::clone(&self.loader), plugin.hash, plugin.source.clone());
        let loading = tokio::spawn(async move { loader.load(hash, &source).await });
        let unavailable = |detail: String| (HookFailureKind::Unavailable, detail);
        match tokio::time::timeout(patience, loading).await {
            Ok(Ok(loaded)) => loaded.map_err(|error| unavailable(error.to_string())),
            Ok(Err(error)) => Err(unavailable(error.to_string())),
            Err(_elapsed) => Err(unavailable("it is being loaded".to_owned())),
        }
    }
}

/// Logs a failure, and puts it into the form that rooms know.
fn failed(span: &tracing::Span, context: &HookContext, plugin: &str, (kind, detail): Failure) -> HookFailure {
    let detail = printable(&detail);
    tracing::warn!(
        parent: span,
        tenant = %context.tenant,
        request = %context.request,
        plugin,
        kind = crate::metrics::outcome(kind),
        detail,
        "plugin failed"
    );
    HookFailure { plugin: plugin.to_owned(), kind, detail }
}

/// Tells why a guest stopped. The budgets are asked first: running out of one shows as a trap.
fn classify(state: &CallState, error: &wasmtime::Error) -> Failure {
    let limits = &state.limits;
    if state.cpu_exceeded {
        return (HookFailureKind::CpuLimit, format!("used its {} ms of CPU", limits.cpu_ms));
    }
    if state.memory_refused {
        return (HookFailureKind::MemoryLimit, format!("asked for more than {} bytes", limits.memory_bytes));
    }
    let words = format!("{error:#}");
    // wasmtime keeps the type of this error to itself; a test of ours fails when the words change.
    if words.contains("fuel allocated for hostcalls has been exhausted") {
        return (HookFailureKind::OutputLimit, format!("returned more than {} bytes", limits.output_bytes));
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return (HookFailureKind::Trap, trap.to_string());
    }
    if error.downcast_ref::<wasmtime_wasi::I32Exit>().is_some() {
        return (HookFailureKind::Trap, "exited".to_owned());
    }
    (HookFailureKind::BadAnswer, words)
}
