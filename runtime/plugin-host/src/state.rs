//! What one call carries on the host's side: its budgets, and the capabilities that the guest may use.

use std::sync::{Arc, LazyLock};

use primitives::hooks::HookContext;
use primitives::{RequestId, TenantId};
use serde_json::Value;
use tenancy::plugin::Limits;
use uuid::Uuid;
use wasmtime::component::HasSelf;
use wasmtime::component::Linker;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use crate::bindings::token::portcullis::host::{config, log};
use crate::engine::EPOCHS;
use crate::meter::Meter;
use crate::plugin::Plugin;
use crate::wasi::LazyWasi;

/// How many lines one call may log.
const LOG_LINES: u32 = 32;
/// How many bytes of a line are kept.
const LOG_LINE_BYTES: usize = 1024;

/// Epochs of a first slice on a worker. Until the second tick: the next one comes at any moment.
const ON_A_WORKER: u64 = 2 * EPOCHS as u64;

/// What an instance that is made ahead may take, in bytes: it stays for a while.
const SPARE_MEMORY: u64 = 4 << 20;

/// The state of one call. Nothing of it outlives the call but the figures that are recorded.
#[derive(Debug)]
pub(crate) struct CallState {
    pub(crate) plugin: Arc<str>,
    pub(crate) tenant: TenantId,
    pub(crate) request: RequestId,
    pub(crate) settings: Arc<Value>,
    pub(crate) limits: Limits,
    pub(crate) meter: Arc<Meter>,
    pub(crate) wasi: LazyWasi,
    pub(crate) memory_refused: bool,
    pub(crate) cpu_exceeded: bool,
    log_lines: u32,
    /// Epochs until it is looked at for the first time.
    first_slice: u64,
}

impl CallState {
    /// For one call. `meter` counts what it uses.
    pub(crate) fn new(plugin: &Plugin, context: &HookContext, meter: Arc<Meter>) -> Self {
        Self {
            plugin: Arc::clone(&plugin.name),
            tenant: context.tenant.clone(),
            request: context.request,
            settings: Arc::clone(&plugin.settings),
            limits: plugin.limits,
            meter,
            wasi: LazyWasi::default(),
            memory_refused: false,
            cpu_exceeded: false,
            log_lines: LOG_LINES,
            first_slice: ON_A_WORKER,
        }
    }

    /// The same, for a guest that begins in the slow lane if `slow`.
    pub(crate) const fn beginning_slow(mut self, slow: bool) -> Self {
        self.first_slice = if slow { 1 } else { ON_A_WORKER };
        self
    }

    /// For an instance that nobody has called yet: of no tenant, with nothing to say, and small.
    pub(crate) fn of_nobody() -> Self {
        // Shared, so that nothing is freed inside a call that takes the instance over.
        static NOBODY: LazyLock<(Arc<str>, TenantId, Arc<Value>)> =
            LazyLock::new(|| (Arc::from(""), TenantId::default_tenant(), Arc::new(Value::Null)));
        let (plugin, tenant, settings) = NOBODY.clone();
        Self {
            plugin,
            tenant,
            request: RequestId(Uuid::nil()),
            settings,
            limits: Limits { memory_bytes: SPARE_MEMORY, ..Limits::default() },
            meter: Meter::new(),
            wasi: LazyWasi::default(),
            memory_refused: false,
            cpu_exceeded: false,
            log_lines: 0,
            first_slice: ON_A_WORKER,
        }
    }

    /// Puts the state into a store with its limits armed: memory, lifted bytes, and a look at the CPU
    /// used at every tick, where the guest yields the worker too.
    pub(crate) fn into_store(self, engine: &wasmtime::Engine) -> Store<Self> {
        let mut store = Store::new(engine, self);
        store.limiter(|state| state);
        arm(&mut store);
        store.epoch_deadline_callback(|mut cx| {
            let state = cx.data_mut();
            if state.meter.used_now() >= state.limits.cpu() {
                state.cpu_exceeded = true;
                return Ok(UpdateDeadline::Interrupt);
            }
            Ok(UpdateDeadline::Yield(1))
        });
        store
    }

    /// Gives a store that was made ahead to this call, with its limits.
    pub(crate) fn take_over(self, store: &mut Store<Self>, memory: usize) {
        self.meter.count_memory(memory);
        *store.data_mut() = self;
        arm(store);
    }

    /// Counts a host call against the budget.
    fn admit(&mut self) -> Result<(), String> {
        if self.meter.count_host_call() > self.limits.host_calls {
            return Err(format!("a call may make {} host calls", self.limits.host_calls));
        }
        Ok(())
    }

    /// Writes what the guest wrote to its standard streams into the log.
    fn drain_streams(&mut self) {
        for (level, text) in self.wasi.take_output() {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                if self.write_line(level, line).is_err() {
                    return;
                }
            }
        }
    }

    fn write_line(&mut self, level: log::Level, message: &str) -> Result<(), String> {
        self.log_lines = self
            .log_lines
            .checked_sub(1)
            .ok_or_else(|| format!("a call may write {LOG_LINES} lines of log"))?;
        let (plugin, tenant, request) = (&*self.plugin, &self.tenant, self.request);
        let message = printable(message);
        match level {
            log::Level::Debug => tracing::debug!(plugin, %tenant, %request, "plugin says: {message}"),
            log::Level::Info => tracing::info!(plugin, %tenant, %request, "plugin says: {message}"),
            log::Level::Warn => tracing::warn!(plugin, %tenant, %request, "plugin says: {message}"),
            log::Level::Error => tracing::error!(plugin, %tenant, %request, "plugin says: {message}"),
        }
        Ok(())
    }
}

impl Drop for CallState {
    fn drop(&mut self) {
        // However the call ended: what a guest that was stopped wrote is what explains it.
        self.drain_streams();
    }
}

/// Starts the budgets that the store itself keeps.
fn arm(store: &mut Store<CallState>) {
    let state = store.data();
    let (output, first_slice) = (state.limits.output(), state.first_slice);
    store.set_hostcall_fuel(output);
    store.set_epoch_deadline(first_slice);
}

/// A guest's words on one line: control characters would let it forge lines of its own.
pub(crate) fn printable(text: &str) -> String {
    let mut kept: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut end = kept.len().min(LOG_LINE_BYTES);
    while !kept.is_char_boundary(end) {
        end -= 1;
    }
    kept.truncate(end);
    kept
}

impl log::Host for CallState {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<Result<(), String>> {
        let meter = Arc::clone(&self.meter);
        Ok(meter.uncounted(|| {
            self.admit()?;
            self.write_line(level, &message)
        }))
    }
}

impl config::Host for CallState {
    fn get(&mut self, pointer: String) -> wasmtime::Result<Result<Option<String>, String>> {
        let meter = Arc::clone(&self.meter);
        Ok(meter.uncounted(|| {
            self.admit()?;
            if !(pointer.is_empty() || pointer.starts_with('/')) {
                return Err("not a JSON Pointer (RFC 6901)".to_owned());
            }
            Ok(self.settings.pointer(&pointer).map(Value::to_string))
        }))
    }
}

impl ResourceLimiter for CallState {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = desired <= self.limits.memory();
        if allowed {
            self.meter.count_memory(desired);
        } else {
            self.memory_refused = true;
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= maximum.unwrap_or(usize::MAX).min(40_000))
    }
}

/// Everything that there is to link; what a plugin may use of it is decided by its grants when it loads.
pub(crate) fn link_capabilities(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    log::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    config::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    crate::wasi::link(linker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(printable("a\nlevel=ERROR\u{1b}[0m"), "a level=ERROR [0m");
        assert_eq!(printable(&"é".repeat(LOG_LINE_BYTES)).len(), LOG_LINE_BYTES);
    }
}
