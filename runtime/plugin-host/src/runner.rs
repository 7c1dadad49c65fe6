//! How a guest runs: its turn, a fresh instance, its limits, and what it ended with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use primitives::hooks::HookFailureKind;
use primitives::{Clock, RequestId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Instance;
use wasmtime::{Engine, Store, Trap};

use crate::call::{Caller, Failure, GuestCall};
use crate::component::{Loaded, Loader};
use crate::engine::{Running, Ticker};
use crate::hooks::{FunctionName, GuestFunction};
use crate::lanes::{Way, run};
use crate::meter::Meter;
use crate::plugin::Plugin;
use crate::slow_lane::SlowLane;
use crate::spares::{Spare, Spares};
use crate::state::CallState;
use crate::tenant::{TenantGate, take};

/// What every call of the node shares. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Runner {
    pub(crate) engine: Engine,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) loader: Arc<Loader>,
    pub(crate) spares: Arc<Spares>,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) slow: Arc<SlowLane>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Whether a call waits for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// For a part of its wall time.
    Usual,
    /// Not at all: nobody waits for what it answers.
    Never,
}

impl Runner {
    /// Calls a plugin within its limits, those of its tenant and those of the node.
    pub(crate) async fn attempt<C: GuestCall>(
        &self,
        caller: Caller<'_>,
        plugin: &Plugin,
        call: C,
        meter: &Arc<Meter>,
        waits: Waits,
    ) -> Result<C::Answer, Failure> {
        let (start, wall) = (Instant::now(), plugin.wall(C::HOOK));
        let deadline = start + wall;
        let crowded = || (HookFailureKind::Concurrency, "no place to run became free in time".to_owned());
        // Whoever waits is refused after half of the time at least, and not all at once.
        let (patience, latest) = match waits {
            Waits::Usual => (start + wall / 2 + spread(wall / 2, caller.context.request), deadline),
            Waits::Never => (start, start),
        };
        let admission = plugin.breaker.admit(|| self.clock.now()).map_err(|until| {
            let detail = format!("limits were hit for several subjects; one call is tried after {until}");
            (HookFailureKind::CircuitOpen, detail)
        })?;
        // A place of the node last: whoever still waits for the tenant's own bounds takes none from others.
        let place = caller.gate.enter(patience).await;
        let tenant_place = place.map_err(|why| (HookFailureKind::Concurrency, why.to_owned()))?;
        let mut drawn = caller.gate.draw(&plugin.usual, patience, meter).await.map_err(|wait| {
            let detail =
                format!("the tenant used up its guest CPU; {} ms until there is more", wait.as_millis());
            (HookFailureKind::CpuLimit, detail)
        })?;
        let node_place = take(&self.places, latest).await.ok_or_else(crowded)?;
        let loaded = match plugin.held.find() {
            Some(loaded) => loaded,
            None => self.find_loaded(plugin, deadline.saturating_duration_since(Instant::now())).await?,
        };
        self.loader.wake(&loaded);
        let places = Places { _tenant: tenant_place, _node: node_place, _running: self.ticker.call_starts() };

        let at_once = plugin.usual.is_long();
        let state =
            CallState::new(plugin, caller.context, Arc::clone(meter)).within(wall).beginning_slow(at_once);
        let carries_secrets = call.carries_secrets();
        let state = if carries_secrets { state.unheard() } else { state.heard_by(caller.gate) };
        let spare = self.spares.take(&loaded, plugin);
        let function = call.function();
        let guest = Box::pin(guest(self.engine.clone(), Arc::clone(&loaded), spare, state, call, places));
        let way = Way { slow: &self.slow, turns: caller.gate.turns(), at_once, usual: &plugin.usual };
        let ended = tokio::time::timeout_at(deadline.into(), run(meter, way, guest)).await;
        let answer = match ended {
            Ok(Some(ended)) => {
                drawn.guest_ended();
                let Ended { answer, used, places } = ended;
                // One that was told a secret is not used again.
                let used = if carries_secrets { used.spent() } else { used };
                self.clear_up((used, places), Arc::clone(caller.gate), loaded, plugin, function);
                answer
            }
            Ok(None) => Err((HookFailureKind::Unavailable, "there is no thread to run it on".to_owned())),
            Err(_elapsed) => Err((HookFailureKind::WallLimit, format!("ran past {} ms", wall.as_millis()))),
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

    /// Gives back what a call used. Its instance waits for the plugin's next call where it may serve more than one;
    /// otherwise the next instance is made ahead, when the answer is on its way.
    ///
    /// Attack: a component whose start takes nearly a slice, made after each call for nothing. So the tenant
    /// pays for it too.
    fn clear_up(
        &self,
        (used, places): (UsedInstance, Places),
        gate: Arc<TenantGate>,
        loaded: Arc<Loaded>,
        plugin: &Plugin,
        function: FunctionName,
    ) {
        let store = match used {
            UsedInstance::Whole(spare) if spare.calls < plugin.calls_per_instance.get() => {
                self.spares.keep(loaded, plugin, spare);
                return;
            }
            UsedInstance::Whole(Spare { store, .. }) | UsedInstance::Spent(store) => store,
        };
        let (spares, engine) = (Arc::clone(&self.spares), self.engine.clone());
        tokio::spawn(async move {
            drop(store);
            gate.pay(spares.refill(&engine, &loaded, function).await, Duration::ZERO);
            drop(places);
        });
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

/// A part of `most` that differs from request to request: those who are refused together do not come back
/// together.
fn spread(most: Duration, request: RequestId) -> Duration {
    // The last bits of an identifier are random.
    most * u32::from(request.0.as_bytes()[15]) / 256
}

/// What a guest occupies, as long as its instance lives.
struct Places {
    _tenant: OwnedSemaphorePermit,
    _node: OwnedSemaphorePermit,
    _running: Running,
}

/// What is left of a guest that came to its end.
struct Ended<T> {
    answer: Result<T, Failure>,
    used: UsedInstance,
    places: Places,
}

/// The instance of a guest that came to its end.
enum UsedInstance {
    /// It answered, and could be called again.
    Whole(Spare),
    /// It failed, or has words in its streams that are still to be logged.
    Spent(Store<CallState>),
}

impl UsedInstance {
    fn spent(self) -> Self {
        match self {
            Self::Whole(Spare { store, .. }) | Self::Spent(store) => Self::Spent(store),
        }
    }
}

/// Takes one that waits or instantiates, and calls. It keeps its places as long as its instance lives, also when
/// nobody waits for it any more.
async fn guest<C: GuestCall>(
    engine: Engine,
    loaded: Arc<Loaded>,
    spare: Option<Spare>,
    state: CallState,
    call: C,
    places: Places,
) -> Ended<C::Answer> {
    let (mut store, waited) = match spare {
        Some(Spare { mut store, instance, memory, function, calls }) => {
            state.take_over(&mut store, memory);
            (store, Some((instance, function, calls)))
        }
        None => (state.into_store(&engine), None),
    };
    match answer(&loaded, &mut store, waited, call).await {
        Ok((answer, instance, function, calls)) => {
            let (is_whole, memory) = (!store.data().wasi.has_output(), store.data().meter.peak_memory());
            let spare = Spare { store, instance, memory, function: Some(function), calls };
            let used = if is_whole { UsedInstance::Whole(spare) } else { UsedInstance::Spent(spare.store) };
            Ended { answer: Ok(answer), used, places }
        }
        Err(error) => {
            let failure = classify(store.data(), &error);
            Ended { answer: Err(failure), used: UsedInstance::Spent(store), places }
        }
    }
}

/// An instance, the function that was found in it last, and how many calls it has served.
type Waited = (Instance, Option<(FunctionName, GuestFunction)>, u32);

/// Calls an instance that waited, or a fresh one; with its answer, what is to be known of it for another call.
async fn answer<C: GuestCall>(
    loaded: &Loaded,
    store: &mut Store<CallState>,
    waited: Option<Waited>,
    call: C,
) -> wasmtime::Result<(C::Answer, Instance, (FunctionName, GuestFunction), u32)> {
    let name = call.function();
    let (instance, known, calls) = match waited {
        Some(waited) => waited,
        None => (loaded.pre.instantiate_async(&mut *store).await?, None, 0),
    };
    let function = match known {
        Some((known, function)) if known == name => function,
        _ => name.find(&loaded.exports, store, &instance)?,
    };
    let answer = call.run(function, store).await?;
    Ok((answer, instance, (name, function), calls.saturating_add(1)))
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
