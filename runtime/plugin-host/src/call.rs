//! One call of one guest, as a hook makes it: what runs in its slot is called, its answer is checked, and what came
//! of it is recorded. How it runs is in `runner`.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use tenancy::plugin::{HookName, LineLevel};
use tracing::Instrument as _;
use wasmtime::Store;

use crate::PluginHost;
use crate::capabilities::printable;
use crate::hooks::{FunctionName, GuestFunction};
use crate::installed::Slot;
use crate::meter::Meter;
use crate::metrics::Used;
use crate::plugin::Plugin;
use crate::runner::Waits;
use crate::state::CallState;
use crate::tenant::TenantGate;

/// What is done with a fresh instance: one function is called. An adapter in `hooks` implements it.
pub(crate) trait GuestCall: Clone + Send + 'static {
    /// What the guest's function returns, lifted.
    type Answer: Send + 'static;

    /// The hook.
    const HOOK: HookName;

    /// Whether what the guest is told must not be in any log: then nothing that it says is, either.
    fn carries_secrets(&self) -> bool {
        false
    }

    /// Which function is called.
    fn function(&self) -> FunctionName;

    /// Calls it.
    fn run(
        self,
        function: GuestFunction,
        store: &mut Store<CallState>,
    ) -> impl Future<Output = wasmtime::Result<Self::Answer>> + Send;
}

/// Why a call gave no answer: the kind, and words for the operator.
pub(crate) type Failure = (HookFailureKind, String);

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// The bounds of the tenant.
    pub(crate) gate: &'a Arc<TenantGate>,
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
    /// here, once: whoever answers the request need not. What shadows it may see the call, and changes nothing about
    /// it; no secret is told to both.
    pub(crate) async fn call<C: GuestCall, T: Clone + PartialEq + fmt::Debug + Send + Sync + 'static>(
        &self,
        caller: Caller<'_>,
        slot: &Slot,
        call: C,
        check: impl Fn(&Plugin, C::Answer) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, HookFailure> {
        let plugin = match slot.plugin() {
            Ok(plugin) => plugin,
            Err(reason) => {
                self.metrics.count_unavailable(C::HOOK.as_str(), slot.name());
                let failure = (HookFailureKind::Unavailable, reason.to_owned());
                return Err(self.failed(&tracing::Span::none(), caller, slot.name(), failure));
            }
        };
        // At a level that is off by default: written out with every change, as it would be for lines of log
        // inside it, it costs as much as the call.
        let span = tracing::debug_span!(
            "plugin_call",
            hook = C::HOOK.as_str(),
            plugin = &*plugin.name,
            version = plugin.version(),
            outcome = tracing::field::Empty,
            microseconds = tracing::field::Empty,
            peak_memory = tracing::field::Empty,
            host_calls = tracing::field::Empty,
        );
        let meter = Meter::new();
        let carries_secrets = call.carries_secrets();
        let shadow = slot.shadow.as_ref().filter(|_| !carries_secrets);
        let seen = shadow.and_then(|shadow| shadow.see(caller, &call));
        let answer = self
            .runner
            .attempt(caller, plugin, call, &meter, Waits::Usual)
            .instrument(span.clone())
            .await
            .and_then(|answer| check(plugin, answer))
            .map_err(|(kind, words)| (kind, if carries_secrets { unsaid(kind) } else { words }));
        let used = Used::of(&meter);
        if let Some(seen) = seen {
            let whose = (Arc::clone(caller.gate), caller.context.clone(), caller.subject.to_owned());
            seen.run(self.runner.clone(), whose, (answer.clone(), used.total), check);
        }
        let failure = answer.as_ref().err().map(|(kind, _)| *kind);
        if let Some(metrics) = plugin.metrics(C::HOOK) {
            metrics.record(&used, failure);
        }
        tracing::record_all!(
            span,
            outcome = failure.map_or("answered", crate::metrics::outcome),
            microseconds = u64::try_from(used.total.as_micros()).unwrap_or(u64::MAX),
            peak_memory = used.peak_memory,
            host_calls = used.host_calls
        );
        answer.map_err(|failure| self.failed(&span, caller, &plugin.name, failure))
    }

    /// Logs a failure, unless the tenant's plugins fail all the time, and puts it into the form that rooms know.
    fn failed(
        &self,
        span: &tracing::Span,
        caller: Caller<'_>,
        plugin: &str,
        (kind, detail): Failure,
    ) -> HookFailure {
        let (context, detail) = (caller.context, printable(&detail));
        if let Some(left_out) = caller.gate.failures.admit(Instant::now()) {
            tracing::warn!(
                parent: span,
                tenant = %context.tenant,
                request = %context.request,
                plugin,
                kind = crate::metrics::outcome(kind),
                detail,
                left_out,
                "plugin failed"
            );
            let words = printable(&format!("{}: {detail}", crate::metrics::outcome(kind)));
            let when = (self.clock.now(), context.request);
            caller.gate.recent.write(plugin, when, LineLevel::Failure, &words);
        }
        HookFailure { plugin: plugin.to_owned(), kind, detail }
    }
}

/// The words for a failure of a call whose guest may have any secret in its own.
fn unsaid(kind: HookFailureKind) -> String {
    format!("{}; a call with a secret says no more", crate::metrics::outcome(kind))
}
