//! Instances that wait for a call, so that it need not wait for one to be made.
//!
//! Most are made ahead: as fresh as one that the call makes, since nobody has called them, and of no tenant.
//! That is sound because only an instance whose start asked the host for nothing, no clock, no randomness, no
//! settings, is kept: such a start is the same whenever and for whomever it runs. A component whose start does
//! ask, takes long or wants much memory gets its instances in its calls.
//!
//! A plugin whose operator let its instances serve several calls gets back the ones that it has used. Nobody
//! else does: what one call left in it, the next one may read.

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::thread::{self, ThreadId};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Engine, Store};

use crate::component::Loaded;
use crate::hooks::{FunctionName, GuestFunction};
use crate::metrics::PluginMetrics;
use crate::plugin::{Plugin, Unique};
use crate::state::CallState;

/// So many are kept by the node, whatever they are of: the ones used last.
pub(crate) const SPARES_AT_MOST: u32 = 16;

/// So many of one component that nobody has called, and of one plugin that it has, for calls that come at once.
const OF_ONE_KIND: usize = 4;

/// So many bytes of linear memory are kept by the node. Only used instances are that large.
const KEPT_BYTES: usize = 128 << 20;

/// An instance that waits for a call.
pub(crate) struct Spare {
    pub(crate) store: Store<CallState>,
    pub(crate) instance: Instance,
    /// What its linear memories take, in bytes.
    pub(crate) memory: usize,
    /// The function that will likely be called: the one that was called last.
    pub(crate) function: Option<(FunctionName, GuestFunction)>,
    /// How many calls it has served.
    pub(crate) calls: u32,
}

/// Who may call an instance.
#[derive(Debug, Clone)]
enum Of {
    /// Whoever calls its component: nobody has.
    Anybody,
    /// The plugin that has called it, as long as it is installed as it was then.
    Plugin(Weak<Unique>),
}

impl Of {
    fn is(&self, plugin: &Plugin) -> bool {
        matches!(self, Self::Plugin(of) if of.as_ptr() == Arc::as_ptr(&plugin.unique))
    }

    fn is_gone(&self) -> bool {
        matches!(self, Self::Plugin(of) if of.strong_count() == 0)
    }
}

/// An instance with its component as it was loaded: one that makes room for others and is loaded again has other
/// functions.
struct Kept {
    loaded: Arc<Loaded>,
    of: Of,
    spare: Spare,
    /// Who made it or used it last. What it allocated is that thread's: to free it elsewhere is to wait for it.
    thread: ThreadId,
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

/// The instances that wait.
pub(crate) struct Spares {
    /// The one that came last at the end.
    kept: Mutex<VecDeque<Kept>>,
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

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one for a call of this plugin: one that it has used, or one of its component that nobody has.
    pub(crate) fn take(&self, loaded: &Arc<Loaded>, plugin: &Plugin) -> Option<Spare> {
        let found = {
            let mut kept = self.kept();
            let here = thread::current().id();
            let find = |who: fn(&Of, &Plugin) -> bool| {
                let fits = |kept: &Kept| {
                    Arc::ptr_eq(&kept.loaded, loaded)
                        && kept.spare.memory <= plugin.limits.memory()
                        && who(&kept.of, plugin)
                };
                let own = kept.iter().rposition(|kept| kept.thread == here && fits(kept));
                own.or_else(|| kept.iter().rposition(fits))
            };
            let at = find(Of::is).or_else(|| find(|of, _| matches!(of, Of::Anybody)));
            at.and_then(|at| kept.remove(at))
        };
        let counter = if found.is_some() { &self.taken } else { &self.missed };
        counter.inc();
        found.map(|kept| kept.spare)
    }

    fn is_full(&self, loaded: &Arc<Loaded>, whose: impl Fn(&Of) -> bool) -> bool {
        let kept = self.kept();
        let alike = kept.iter().filter(|kept| Arc::ptr_eq(&kept.loaded, loaded) && whose(&kept.of));
        alike.count() >= OF_ONE_KIND
    }

    /// Makes one of this component, for a call of this function, unless there are enough; the CPU that it took.
    /// Must hold a place: while it is made it is one instance more.
    pub(crate) async fn refill(
        &self,
        engine: &Engine,
        loaded: &Arc<Loaded>,
        function: FunctionName,
    ) -> Duration {
        if !loaded.may_be_made_ahead() || self.is_full(loaded, |of| matches!(of, Of::Anybody)) {
            return Duration::ZERO;
        }
        let (made, used) = make(engine, &loaded.pre).await;
        loaded.learn_ahead(&made);
        let MadeAhead::Spare(mut spare) = made else { return used };
        let found = function.find(&loaded.exports, &mut spare.store, &spare.instance);
        spare.function = found.ok().map(|found| (function, found));
        self.put(Kept { loaded: Arc::clone(loaded), of: Of::Anybody, spare, thread: thread::current().id() });
        used
    }

    /// Keeps one for the next call of the plugin that has used it. Must hold a place, as for [`refill`](Self::refill).
    pub(crate) fn keep(&self, loaded: Arc<Loaded>, plugin: &Plugin, spare: Spare) {
        if self.is_full(&loaded, |of| of.is(plugin)) {
            return;
        }
        let of = Of::Plugin(Arc::downgrade(&plugin.unique));
        self.put(Kept { loaded, of, spare, thread: thread::current().id() });
    }

    fn put(&self, new: Kept) {
        // Dropped when nobody waits for the lock.
        let mut left = Vec::new();
        let mut kept = self.kept();
        while let Some(at) = kept.iter().position(|kept| kept.of.is_gone()) {
            left.extend(kept.remove(at));
        }
        kept.push_back(new);
        let at_most = usize::try_from(SPARES_AT_MOST).unwrap_or(0);
        while kept.len() > at_most || kept.iter().map(|kept| kept.spare.memory).sum::<usize>() > KEPT_BYTES {
            left.extend(kept.pop_front());
        }
        drop(kept);
    }
}

/// Makes an instance within one slice, and says what CPU that took. What comes of a start that asks for
/// something is thrown away.
async fn make(engine: &Engine, pre: &InstancePre<CallState>) -> (MadeAhead, Duration) {
    let state = CallState::of_nobody();
    let meter = state.meter.clone();
    let mut store = state.into_store(engine);
    let started = {
        let mut start = pin!(pre.instantiate_async(&mut store));
        poll_fn(|cx| Poll::Ready(meter.poll(false, || start.as_mut().poll(cx)))).await
    };
    let state = store.data();
    let asked = meter.host_calls() > 0 || state.wasi.is_used() || state.memory_refused;
    let made = match started {
        Poll::Pending => MadeAhead::TooSlow,
        Poll::Ready(Ok(instance)) if !asked => {
            MadeAhead::Spare(Spare { store, instance, memory: meter.peak_memory(), function: None, calls: 0 })
        }
        // One that fails: its call will say why.
        Poll::Ready(_) => MadeAhead::InCallsOnly,
    };
    (made, meter.used())
}

#[cfg(test)]
pub(crate) mod tests {
    use tenancy::plugin::Settings;
    use wasm_encoder::{
        CodeSection, ComponentBuilder, ComponentExportKind, ComponentTypeRef, ComponentValType, EntityType,
        ExportKind, Function, FunctionSection, ImportSection, InstanceType, Instruction, MemorySection,
        MemoryType, Module, ModuleArg, PrimitiveValType, StartSection, TypeSection, ValType,
    };
    use wasmtime::component::{Component, Linker};

    use super::*;
    use crate::capabilities::link_capabilities;
    use crate::engine::{Ticker, engine};
    use crate::slow_guests::SlowGuests;

    /// A component whose start does this; it may ask the clock by calling function 0.
    pub(crate) fn component(start: &[Instruction<'_>], memory_pages: u64) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], [ValType::I64]);
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports.import("host", "now", EntityType::Function(0));
        let mut functions = FunctionSection::new();
        functions.function(1);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: memory_pages,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut body = Function::new([]);
        for instruction in start {
            body.instruction(instruction);
        }
        body.instruction(&Instruction::End);
        let mut code = CodeSection::new();
        code.function(&body);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions).section(&memories);
        module.section(&StartSection { function_index: 1 }).section(&code);

        let mut builder = ComponentBuilder::default();
        let mut clock = InstanceType::new();
        clock
            .ty()
            .function()
            .params::<_, ComponentValType>([])
            .result(Some(ComponentValType::Primitive(PrimitiveValType::U64)));
        clock.export("now", ComponentTypeRef::Func(0));
        let clock = builder.type_instance(None, &clock);
        let clock = builder.import("wasi:clocks/monotonic-clock@0.2.0", ComponentTypeRef::Instance(clock));
        let now = builder.alias_export(clock, "now", ComponentExportKind::Func);
        let now = builder.lower_func(None, now, []);
        let host = builder.core_instantiate_exports(None, [("now", ExportKind::Func, now)]);
        let module = builder.core_module(None, &module);
        builder.core_instantiate(None, module, [("host", ModuleArg::Instance(host))]);
        builder.finish()
    }

    async fn outcome(start: &[Instruction<'_>], memory_pages: u64) -> (&'static str, Duration) {
        let engine = engine(&Settings { concurrent_calls: 1, ..Settings::default() }).unwrap();
        let component = Component::new(&engine, component(start, memory_pages)).unwrap();
        make_of(&engine, &component).await
    }

    pub(crate) async fn make_of(engine: &Engine, component: &Component) -> (&'static str, Duration) {
        let ticker = Ticker::start(engine, SlowGuests::default()).unwrap();
        let _running = ticker.call_starts();
        let mut linker = Linker::new(engine);
        link_capabilities(&mut linker).unwrap();
        let (made, used) = make(engine, &linker.instantiate_pre(component).unwrap()).await;
        let kind = match made {
            MadeAhead::Spare(_) => "spare",
            MadeAhead::TooSlow => "too slow",
            MadeAhead::InCallsOnly => "in calls only",
        };
        (kind, used)
    }

    #[tokio::test]
    async fn only_an_instance_whose_start_is_the_same_for_everybody_is_made_ahead() {
        let pages = |mebibytes: u64| mebibytes << 4;
        for (what, start, memory, expect) in [
            ("does nothing", &[][..], pages(1), "spare"),
            ("asks for the time", &[Instruction::Call(0), Instruction::Drop], pages(1), "in calls only"),
            ("traps", &[Instruction::Unreachable], pages(1), "in calls only"),
            ("has much memory", &[], pages(5), "in calls only"),
            (
                "asks for much memory",
                &[Instruction::I32Const(80), Instruction::MemoryGrow(0), Instruction::Drop],
                pages(1),
                "in calls only",
            ),
        ] {
            assert_eq!(outcome(start, memory).await.0, expect, "{what}");
        }
    }

    #[tokio::test]
    async fn start_that_never_ends_is_given_up_after_a_slice_and_paid() {
        let endless =
            [Instruction::Loop(wasm_encoder::BlockType::Empty), Instruction::Br(0), Instruction::End];
        let (kind, used) = outcome(&endless, 1).await;
        assert_eq!(kind, "too slow");
        assert!(used >= Duration::from_micros(500), "{used:?}");
    }
}
