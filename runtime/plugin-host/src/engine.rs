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
use crate::slow_guests::SlowGuests;
use crate::spares::SPARES_AT_MOST;

/// How often a running guest is looked at: it yields the worker, and its CPU limit is checked.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Epochs of the engine in a tick. They come together.
pub(crate) const EPOCHS: u32 = 4;

/// How often a guest in the slow lane is looked at: at the epochs that come for its sake.
const SLOW_TICK: Duration = Duration::from_micros(250);

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
        // For backtraces and profilers: a third of what is mapped of a component beside its code.
        .native_unwind_info(false)
        .generate_address_map(false)
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

/// How many ticks without a guest pass before the ticking pauses.
const IDLE_TICKS: u32 = 200;

/// Raises the engine's epoch by [`EPOCHS`] every [`TICK`] while there are guests, on a thread of its own, until
/// the engine is gone. An idle node does not wake up.
///
/// Guests in the slow lane are looked at more often, by another thread of lower priority: it would cost a worker
/// more than it is worth to the guest if it took its core every time.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    threads: [Thread; 2],
}

#[derive(Debug)]
struct Shared {
    /// Calls that have started, ever.
    calls: AtomicU64,
    /// Guests that have not come to their end.
    running: AtomicU64,
    slow: SlowGuests,
    paused: AtomicBool,
    ended: AtomicBool,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine, slow: SlowGuests) -> Result<Self, HostError> {
        let shared = Arc::new(Shared {
            calls: AtomicU64::new(0),
            running: AtomicU64::new(0),
            slow,
            paused: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let spawn = |name: &str, ticking: fn(&EngineWeak, &Shared)| {
            let (weak, shared) = (engine.weak(), Arc::clone(&shared));
            let started = thread::Builder::new().name(name.to_owned()).spawn(move || ticking(&weak, &shared));
            started.map(|thread| thread.thread().clone()).map_err(|error| HostError::thread(&error))
        };
        let threads = [spawn("plugin-tick", tick)?, spawn("plugin-tick-slow", tick_for_the_slow)?];
        let [_, for_the_slow] = &threads;
        shared.slow.wake(for_the_slow.clone());
        Ok(Self { shared, threads })
    }

    /// Must be told of every call before its guest runs; what it returns must be kept until the guest has ended.
    pub(crate) fn call_starts(&self) -> Running {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        if self.shared.paused.swap(false, Ordering::SeqCst) {
            let [thread, _] = &self.threads;
            thread.unpark();
        }
        Running(Arc::clone(&self.shared))
    }
}

/// A guest that needs the epochs: without them it would never be interrupted.
#[derive(Debug)]
pub(crate) struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        for thread in &self.threads {
            thread.unpark();
        }
    }
}

fn tick(engine: &EngineWeak, shared: &Shared) {
    let mut quiet = Quiet::default();
    while !shared.ended.load(Ordering::SeqCst) {
        let Some(engine) = engine.upgrade() else { return };
        for _ in 0..EPOCHS {
            engine.increment_epoch();
        }
        drop(engine);
        thread::sleep(TICK);
        let (calls, running) = (shared.calls.load(Ordering::SeqCst), shared.running.load(Ordering::SeqCst));
        // Announce the pause, then look once more, so that a call which came in between either sees the pause
        // or is seen.
        if quiet.lasts(calls, running) {
            shared.paused.store(true, Ordering::SeqCst);
            if shared.calls.load(Ordering::SeqCst) == calls {
                while shared.paused.load(Ordering::SeqCst) && !shared.ended.load(Ordering::SeqCst) {
                    thread::park();
                }
            }
            shared.paused.store(false, Ordering::SeqCst);
        }
    }
}

/// Raises the epoch every [`SLOW_TICK`] while guests are in the slow lane.
fn tick_for_the_slow(engine: &EngineWeak, shared: &Shared) {
    if let Err(error) = rustix::process::setpriority_process(None, LOW) {
        tracing::warn!(%error, "guests that need long are looked at with ordinary priority");
    }
    while !shared.ended.load(Ordering::SeqCst) {
        if !shared.slow.any() {
            // Whoever enters wakes it; a wake-up that comes before the pause ends it at once.
            thread::park();
            continue;
        }
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
        drop(engine);
        thread::sleep(SLOW_TICK);
    }
}

/// The nice value of that thread: it waits for a worker to sleep, but not for a guest in the slow lane.
const LOW: i32 = 19;

/// For how many ticks in a row there was no guest.
#[derive(Debug, Default)]
struct Quiet {
    seen: u64,
    ticks: u32,
}

impl Quiet {
    /// Takes note of a tick; whether it has been quiet for long. Guests that came and went in between count too.
    const fn lasts(&mut self, calls: u64, running: u64) -> bool {
        let is_quiet = calls == self.seen && running == 0;
        self.seen = calls;
        self.ticks = if is_quiet { self.ticks + 1 } else { 0 };
        let long = self.ticks >= IDLE_TICKS;
        if long {
            self.ticks = 0;
        }
        long
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    use super::*;

    #[test]
    fn ticking_goes_on_while_there_is_a_guest() {
        let lasts = |calls: fn(u32) -> u64, running| {
            let mut quiet = Quiet::default();
            (0..3 * IDLE_TICKS).any(|tick| quiet.lasts(calls(tick), running))
        };
        assert!(lasts(|_| 0, 0));
        assert!(lasts(|_| 7, 0), "after the first look");
        assert!(!lasts(|_| 0, 1), "a guest that runs");
        assert!(!lasts(|tick| u64::from(tick / 100), 0), "guests that come and go");
    }

    #[test]
    fn guest_counts_until_it_has_ended() {
        let engine = engine(&Settings { concurrent_calls: 1, ..Settings::default() }).unwrap();
        let ticker = Ticker::start(&engine, SlowGuests::default()).unwrap();
        let running = || ticker.shared.running.load(Ordering::SeqCst);
        let (first, second) = (ticker.call_starts(), ticker.call_starts());
        assert_eq!(running(), 2);
        drop(first);
        assert_eq!(running(), 1);
        drop(second);
        assert_eq!(running(), 0);
    }

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
