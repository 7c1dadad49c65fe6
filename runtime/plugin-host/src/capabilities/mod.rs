//! What guests may ask of the host: one file per capability.
//!
//! Everything is linked once for all components; whether one may import a capability is decided by its
//! plugin's grants when it loads (`component`). What a plugin gets is in its [`Granted`], made then and for
//! its tenant alone: so no argument of a guest, and no mistake about whose call it is, leads to another's.

mod config;
mod granted;
mod log;
mod secrets;
mod services;

pub(crate) use granted::Granted;
pub(crate) use log::{LOG_LINES, printable};
pub use services::Services;

use std::sync::Arc;
use std::time::Instant;

use tenancy::plugin::Capability;
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::host::portcullis::host as wit;
use crate::state::CallState;

/// Links everything that there is.
pub(crate) fn link_capabilities(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    wit::log::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    wit::config::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    wit::secrets::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
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
            let answer = self.admit().and_then(|()| answer(self));
            self.granted.metrics.count(capability, answer.is_ok());
            answer
        })
    }

    /// Counts a host call against the budget.
    fn admit(&self) -> Result<(), String> {
        if self.meter.count_host_call() > self.limits.host_calls {
            return Err(format!("a call may make {} host calls", self.limits.host_calls));
        }
        Ok(())
    }
}

/// Leaves a trace of a host call, within the span of its call. What was asked for and answered stays out: either
/// may be a secret or about a person.
fn trace(capability: Capability, function: &'static str, start: Instant, answered: bool) {
    let microseconds = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(capability = capability.as_str(), function, answered, microseconds, "host call");
}
