//! What guests may ask of the host: one file per capability.
//!
//! Everything is linked once for all components; whether one may import a capability is decided by its
//! plugin's grants when it loads (`component`). What a plugin gets is in its [`Granted`], made then and for
//! its tenant alone: so no argument of a guest, and no mistake about whose call it is, leads to another's.

mod config;
mod granted;
mod http;
mod identities;
mod kv;
mod log;
mod permissions;
mod secrets;
mod services;

pub(crate) use granted::Granted;
pub(crate) use log::{LOG_LINES, printable};
pub use services::Services;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenancy::plugin::{Capability, Limits};
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::host::portcullis::host as wit;
use crate::meter::Meter;
use crate::state::CallState;

/// Links everything that there is.
pub(crate) fn link_capabilities(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wit::log::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    wit::config::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    wit::secrets::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    wit::kv::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    wit::http::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    wit::identities::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    wit::permissions::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    crate::wasi::link(linker)
}

impl CallState {
    /// Answers a host call at once: counted against the call's budget, and its time is not the guest's.
    fn answer<T>(
        &mut self,
        capability: Capability,
        answer: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        let meter = Arc::clone(&self.meter);
        meter.uncounted(|| {
            let answer = admit(&meter, self.limits).and_then(|()| answer(self));
            self.granted.metrics.count(capability, answer.is_ok());
            answer
        })
    }

    /// Begins a host call that waits.
    fn host_call(&self, capability: Capability, function: &'static str) -> HostCall {
        let (meter, granted) = (Arc::clone(&self.meter), Arc::clone(&self.granted));
        HostCall { meter, granted, limits: self.limits, wall: self.wall, capability, function }
    }
}

/// Counts a host call against the budget.
fn admit(meter: &Meter, limits: Limits) -> Result<(), String> {
    if meter.count_host_call() > limits.host_calls {
        return Err(format!("a call may make {} host calls", limits.host_calls));
    }
    Ok(())
}

/// A host call that waits for something outside. Its guest waits with it and keeps its place; so it ends with
/// the call's wall time at the latest, when what is awaited here is dropped.
struct HostCall {
    meter: Arc<Meter>,
    granted: Arc<Granted>,
    limits: Limits,
    wall: Duration,
    capability: Capability,
    function: &'static str,
}

impl HostCall {
    /// Awaits the answer: counted against the call's budget, and its time is not the guest's.
    async fn answer<T, E: From<String>>(
        &self,
        answer: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let (start, mut answer) = (Instant::now(), pin!(answer));
        let answer = match admit(&self.meter, self.limits) {
            Ok(()) => poll_fn(|cx| self.meter.uncounted(|| answer.as_mut().poll(cx))).await,
            Err(refused) => Err(refused.into()),
        };
        self.granted.metrics.count(self.capability, answer.is_ok());
        trace(self.capability, self.function, start, answer.is_ok());
        answer
    }
}

/// What a capability says of which its plugin holds nothing. Such a one is refused when it is loaded; this is
/// for an instance that nobody has called yet.
fn not_granted() -> String {
    "not granted".to_owned()
}

/// Leaves a trace of a host call, within the span of its call. What was asked for and answered stays out: either
/// may be a secret or about a person.
fn trace(capability: Capability, function: &'static str, start: Instant, answered: bool) {
    let microseconds = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(capability = capability.as_str(), function, answered, microseconds, "host call");
}
