//! Instances made ahead, so that a call finds a fresh one and need not wait for it to be made.
//!
//! A spare is as fresh as one that the call makes: nobody has called it, and it serves one call. It belongs
//! to no tenant. That is sound because only an instance whose start asked the host for nothing, no clock, no
//! randomness, no settings, is kept: such a start is the same whenever and for whomever it runs. A component
//! whose start does ask, takes long or wants much memory gets its instances in its calls.

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use prometheus_client::metrics::counter::Counter;
use wasmtime::component::Instance;
use wasmtime::{Engine, Store};

use crate::component::{ComponentHash, Loaded};
use crate::metrics::PluginMetrics;
use crate::state::CallState;

/// So many are kept by the node, whatever they are of: the ones used last.
pub(crate) const SPARES_AT_MOST: u32 = 16;

/// So many of one component, for calls that come at once.
const OF_ONE_COMPONENT: usize = 4;

/// An instance that nobody has called.
pub(crate) struct Spare {
    pub(crate) store: Store<CallState>,
    pub(crate) instance: Instance,
    /// What its linear memories take, in bytes.
    pub(crate) memory: usize,
}

/// What came of making an instance ahead.
pub(crate) enum MadeAhead {
    /// Here it is.
    Spare(Spare),
    /// Its start did not end in one slice, this time.
    TooSlow,
    /// Its start fails, or is not the same for everybody.
    InCallsOnly,
}

/// The instances made ahead.
pub(crate) struct Spares {
    /// The newest last.
    kept: Mutex<VecDeque<(ComponentHash, Spare)>>,
    taken: Counter,
    missed: Counter,
}

impl std::fmt::Debug for Spares {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Spares").field(&self.kept().len()).finish()
    }
}

impl Spares {
    pub(crate) fn new(metrics: &PluginMetrics) -> Self {
        let [taken, missed] = metrics.instances();
        Self { kept: Mutex::default(), taken, missed }
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<(ComponentHash, Spare)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one of this component that fits into `memory` bytes.
    pub(crate) fn take(&self, hash: ComponentHash, memory: usize) -> Option<Spare> {
        let found = {
            let mut kept = self.kept();
            let at = kept.iter().rposition(|(of, spare)| *of == hash && spare.memory <= memory);
            at.and_then(|at| kept.remove(at))
        };
        let counter = if found.is_some() { &self.taken } else { &self.missed };
        counter.inc();
        found.map(|(_, spare)| spare)
    }

    fn is_full_of(&self, hash: ComponentHash) -> bool {
        self.kept().iter().filter(|(of, _)| *of == hash).count() >= OF_ONE_COMPONENT
    }

    /// Makes one of this component, unless there are enough. Must hold a place: while it is made it is one
    /// instance more.
    pub(crate) async fn refill(&self, engine: &Engine, hash: ComponentHash, loaded: &Loaded) {
        if !loaded.may_be_made_ahead() || self.is_full_of(hash) {
            return;
        }
        let made = make(engine, loaded).await;
        loaded.learn_ahead(&made);
        let MadeAhead::Spare(spare) = made else { return };
        let left = {
            let mut kept = self.kept();
            let full = kept.len() >= usize::try_from(SPARES_AT_MOST).unwrap_or(0);
            let left = if full { kept.pop_front() } else { None };
            kept.push_back((hash, spare));
            left
        };
        drop(left);
    }
}

/// Makes an instance within one slice. What comes of a start that asks for something is thrown away.
async fn make(engine: &Engine, loaded: &Loaded) -> MadeAhead {
    let state = CallState::of_nobody();
    let meter = state.meter.clone();
    let mut store = state.into_store(engine);
    let instance = {
        let mut start = pin!(loaded.pre.instantiate_async(&mut store));
        let start = poll_fn(|cx| Poll::Ready(start.as_mut().poll(cx)));
        match start.await {
            Poll::Ready(Ok(instance)) => instance,
            // Its call will say why.
            Poll::Ready(Err(_)) => return MadeAhead::InCallsOnly,
            Poll::Pending => return MadeAhead::TooSlow,
        }
    };
    let state = store.data();
    let asked = meter.host_calls() > 0 || state.wasi.is_used() || state.memory_refused;
    if asked {
        return MadeAhead::InCallsOnly;
    }
    MadeAhead::Spare(Spare { store, instance, memory: meter.peak_memory() })
}
