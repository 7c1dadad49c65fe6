//! One call of one guest: its turn, a fresh instance, its limits, and what came of it.

use std::future::Future;
use std::time::Instant;

use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use tenancy::plugin::HookName;
use tracing::Instrument as _;
use wasmtime::{Store, Trap};

use crate::PluginHost;
use crate::component::Loaded;
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

impl PluginHost {
    /// Calls a guest and checks its answer. Leaves a span and metrics; a failure is logged here, once.
    pub(crate) async fn call<C: GuestCall, T>(
        &self,
        gate: &TenantGate,
        plugin: &Plugin,
        context: &HookContext,
        call: C,
        check: impl FnOnce(C::Answer) -> Result<T, Failure>,
    ) -> Result<T, HookFailure> {
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
            .attempt(gate, plugin, context, call, &mut used)
            .instrument(span.clone())
            .await
            .and_then(check);
        used.total = start.elapsed();
        let failure = answer.as_ref().err().map(|(kind, _)| *kind);
        plugin.metrics(C::HOOK).record(&used, failure);
        span.record("outcome", failure.map_or("answered", crate::metrics::outcome));
        span.record("microseconds", u64::try_from(used.total.as_micros()).unwrap_or(u64::MAX));
        span.record("peak_memory", used.peak_memory);
        span.record("host_calls", used.host_calls);
        answer.map_err(|(kind, detail)| {
            let detail = printable(&detail);
            tracing::warn!(
                parent: &span,
                tenant = %context.tenant,
                request = %context.request,
                kind = crate::metrics::outcome(kind),
                detail,
                "plugin failed"
            );
            HookFailure { plugin: plugin.name.to_string(), kind, detail }
        })
    }

    async fn attempt<C: GuestCall>(
        &self,
        gate: &TenantGate,
        plugin: &Plugin,
        context: &HookContext,
        call: C,
        used: &mut Used,
    ) -> Result<C::Answer, Failure> {
        let deadline = Instant::now() + plugin.limits.wall();
        let left = || deadline.saturating_duration_since(Instant::now());
        let crowded = || (HookFailureKind::Concurrency, "no place to run became free in time".to_owned());
        gate.check_cpu().map_err(|wait| {
            let detail =
                format!("the tenant used up its guest CPU; {} ms until there is more", wait.as_millis());
            (HookFailureKind::CpuLimit, detail)
        })?;
        let _tenant_place = gate.enter(plugin.limits.wall()).await.ok_or_else(crowded)?;
        let _node_place = take(&self.places, left()).await.ok_or_else(crowded)?;
        let loaded = self
            .loader
            .load(plugin.hash, &plugin.source)
            .await
            .map_err(|error| (HookFailureKind::Unavailable, error.to_string()))?;
        self.ticker.call_starts();

        let state = CallState::new(plugin, context);
        let meter = state.meter.clone();
        let mut store = state.into_store(&self.engine);
        let guest = crate::meter::metered(&meter, call.run(&loaded, &mut store));
        let outcome = tokio::time::timeout(left(), guest).await;

        used.cpu = meter.used();
        gate.pay(used.cpu);
        let state = store.data_mut();
        used.peak_memory = state.peak_memory;
        used.host_calls = state.host_calls;
        state.drain_streams();
        match outcome {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(classify(state, &error)),
            Err(_elapsed) => {
                Err((HookFailureKind::WallLimit, format!("ran past {} ms", plugin.limits.wall_ms)))
            }
        }
    }
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
