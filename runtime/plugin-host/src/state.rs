//! What one call carries on the host's side: its budgets, and what its plugin may use (`capabilities`).

use std::mem;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use primitives::hooks::HookContext;
use primitives::{RequestId, TenantId};
use tenancy::plugin::Limits;
use uuid::Uuid;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use crate::capabilities::{Granted, LOG_LINES};
use crate::engine::EPOCHS;
use crate::meter::Meter;
use crate::plugin::Plugin;
use crate::tenant::TenantGate;
use crate::wasi::LazyWasi;

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
    pub(crate) granted: Arc<Granted>,
    pub(crate) limits: Limits,
    /// How long the call may take.
    pub(crate) wall: Duration,
    pub(crate) meter: Arc<Meter>,
    pub(crate) wasi: LazyWasi,
    pub(crate) memory_refused: bool,
    pub(crate) cpu_exceeded: bool,
    pub(crate) log_lines: u32,
    pub(crate) http_calls: u32,
    /// Whether what it logs is counted, and not written.
    pub(crate) is_unheard: bool,
    /// Where what it logs is kept besides, for the tenant.
    pub(crate) heard_by: Option<Arc<TenantGate>>,
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
            granted: Arc::clone(&plugin.granted),
            limits: plugin.limits,
            wall: Duration::ZERO,
            meter,
            wasi: LazyWasi::default(),
            memory_refused: false,
            cpu_exceeded: false,
            log_lines: LOG_LINES,
            http_calls: 0,
            is_unheard: false,
            heard_by: None,
            first_slice: ON_A_WORKER,
        }
    }

    /// The same, for a call that may take so long.
    pub(crate) const fn within(mut self, wall: Duration) -> Self {
        self.wall = wall;
        self
    }

    /// The same, for a guest whose words are not written.
    pub(crate) const fn unheard(mut self) -> Self {
        self.is_unheard = true;
        self
    }

    /// The same, for a guest of this tenant.
    pub(crate) fn heard_by(mut self, gate: &Arc<TenantGate>) -> Self {
        self.heard_by = Some(Arc::clone(gate));
        self
    }

    /// The same, for a guest that begins in the slow lane if `slow`.
    pub(crate) const fn beginning_slow(mut self, slow: bool) -> Self {
        self.first_slice = if slow { 1 } else { ON_A_WORKER };
        self
    }

    /// For an instance that nobody has called yet: of no tenant, with nothing to say, and small.
    pub(crate) fn of_nobody() -> Self {
        // Shared, so that nothing is freed inside a call that takes the instance over.
        static NOBODY: LazyLock<(Arc<str>, TenantId)> =
            LazyLock::new(|| (Arc::from(""), TenantId::default_tenant()));
        let (plugin, tenant) = NOBODY.clone();
        Self {
            plugin,
            tenant,
            request: RequestId(Uuid::nil()),
            granted: Granted::nothing(),
            limits: Limits { memory_bytes: SPARE_MEMORY, ..Limits::default() },
            wall: Duration::ZERO,
            meter: Meter::new(),
            wasi: LazyWasi::default(),
            memory_refused: false,
            cpu_exceeded: false,
            log_lines: 0,
            http_calls: 0,
            is_unheard: false,
            heard_by: None,
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

    /// Gives a store that waited for it to this call, with its limits. A guest that was called before keeps its
    /// handles of the host's resources, so the store keeps the resources.
    pub(crate) fn take_over(mut self, store: &mut Store<Self>, memory: usize) {
        self.meter.count_memory(memory);
        mem::swap(&mut self.wasi, &mut store.data_mut().wasi);
        *store.data_mut() = self;
        arm(store);
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
