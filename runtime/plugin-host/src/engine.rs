//! The one engine of the process: how guests are compiled, where they live in memory, and their tick.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use tenancy::plugin::Settings;
use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use crate::HostError;
use crate::lanes::SlowGuests;
use crate::spares::SPARES_AT_MOST;

/// How often a running guest is looked at: it yields the worker, and its CPU limit is checked.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Epochs of the engine in a tick. They come together, unless guests are in the slow lane, which yield at each.
pub(crate) const EPOCHS: u32 = 4;

/// Makes the engine that runs guests.
pub(crate) fn engine(settings: &Settings) -> Result<Engine, HostError> {
    let mut config = code();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
    Engine::new(&config).map_err(HostError::engine)
}

/// Makes an engine that only compiles, for the one that runs. It reserves no slots, so that it fits into a
/// process with little address space.
pub(crate) fn compiling_engine() -> Result<Engine, HostError> {
    Engine::new(&code()).map_err(HostError::engine)
}

/// What compiled code depends on. It is part of the key of compiled code.
fn code() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .wasm_component_model(true)
        .wasm_backtrace_max_frames(None)
        .cranelift_opt_level(OptLevel::Speed)
        .parallel_compilation(false)
        .memory_init_cow(true);
    config
}

/// Slots for as many guests as may run at once, and for those that are made ahead; a slot is reused with its touched pages reset.
///
/// A component of an ordinary toolchain is a main module and a few shims, one of an interpreter is many
/// modules with large tables: hence the figures per component.
fn pool(settings: &Settings) -> PoolingAllocationConfig {
    let calls = settings.concurrent_calls.max(1).saturating_add(SPARES_AT_MOST);
    let keep = if PoolingAllocationConfig::is_pagemap_scan_available() { 2 << 20 } else { 256 << 10 };
    let mut pool = PoolingAllocationConfig::new();
    pool.pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(keep)
        .table_keep_resident(64 << 10)
        .total_component_instances(calls)
        .total_core_instances(calls.saturating_mul(8))
        .total_memories(calls.saturating_mul(2))
        .total_tables(calls.saturating_mul(8))
        .total_stacks(calls)
        .max_core_instances_per_component(100)
        .max_tables_per_component(40)
        .max_memories_per_component(4)
        .table_elements(40_000)
        .max_memory_size(settings.memory_ceiling())
        .max_core_instance_size(8 << 20)
        .max_component_instance_size(8 << 20)
        .max_unused_warm_slots(16);
    pool
}

/// How many ticks without a call pass before the ticking pauses.
const IDLE_TICKS: u32 = 60_000;

/// Raises the engine's epoch by [`EPOCHS`] every [`TICK`] while there are calls, on a thread of its own, until
/// the engine is gone. An idle node does not wake up.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Debug)]
struct Shared {
    calls: AtomicU64,
    slow: SlowGuests,
    paused: AtomicBool,
    ended: AtomicBool,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine, slow: SlowGuests) -> Result<Self, HostError> {
        let shared = Arc::new(Shared {
            calls: AtomicU64::new(0),
            slow,
            paused: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let (weak, ticking) = (engine.weak(), Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("plugin-tick".to_owned())
            .spawn(move || tick(&weak, &ticking))
            .map_err(|error| HostError::thread(&error))?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// Must be told of every call before its guest runs.
    pub(crate) fn call_starts(&self) {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.paused.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

fn tick(engine: &EngineWeak, shared: &Shared) {
    let (mut seen, mut idle) = (0, 0);
    while !shared.ended.load(Ordering::SeqCst) {
        let Some(engine) = engine.upgrade() else { return };
        let slow = shared.slow.any();
        let (epochs, sleep) = if slow { (1, TICK / EPOCHS) } else { (EPOCHS, TICK) };
        for _ in 0..epochs {
            engine.increment_epoch();
        }
        drop(engine);
        thread::sleep(sleep);
        let calls = shared.calls.load(Ordering::SeqCst);
        idle = if calls == seen && !slow { idle + 1 } else { 0 };
        seen = calls;
        // No call lives this long: its wall limit ended it. Announce the pause, then look once more, so
        // that a call which came in between either sees the pause or is seen.
        if idle >= IDLE_TICKS {
            shared.paused.store(true, Ordering::SeqCst);
            if shared.calls.load(Ordering::SeqCst) == seen {
                while shared.paused.load(Ordering::SeqCst) && !shared.ended.load(Ordering::SeqCst) {
                    thread::park();
                }
            }
            shared.paused.store(false, Ordering::SeqCst);
            idle = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    use super::*;

    #[test]
    fn both_engines_agree_on_compiled_code() {
        let hash = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let running = engine(&Settings { concurrent_calls: 1, ..Settings::default() }).unwrap();
        assert_eq!(hash(&running), hash(&compiling_engine().unwrap()));
    }
}
