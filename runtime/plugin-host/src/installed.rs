//! The plugins of one tenant, as they are at one moment. A call keeps the ones it started with.

use std::sync::Arc;

use primitives::TenantId;
use primitives::hooks::HookContext;
use tenancy::plugin::{Binding, CircuitState, HookName, PluginReport, PluginState};

use crate::capabilities::printable;
use crate::file_stamp::Stamps;
use crate::plugin::Plugin;
use crate::shadow::Shadow;
use crate::spec::PluginSpec;
use crate::tenant::TenantGate;

/// The plugins of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    pub(crate) gate: Arc<TenantGate>,
    /// Which installation this is; a later one is never replaced by an earlier one that took longer.
    pub(crate) turn: u64,
    /// In the order of their names.
    pub(crate) slots: Vec<Arc<Slot>>,
    /// Every binding with its plugin, in the order in which they are called.
    bound: Vec<(HookName, usize, Arc<Slot>)>,
}

/// What is installed under one name. It has its bindings even when nothing runs in it: a hook is failed,
/// never skipped.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) spec: PluginSpec,
    pub(crate) runs: Runs,
    /// How the files of the component and of its signature looked just before they were read.
    pub(crate) files: Stamps,
    /// What sees its calls beside it.
    pub(crate) shadow: Option<Arc<Shadow>>,
    /// Whether it was something of the node's that kept it from being loaded: it is tried again.
    pub(crate) again: bool,
}

/// What answers the hooks of a slot.
#[derive(Debug)]
pub(crate) enum Runs {
    /// What was declared.
    Declared(Arc<Plugin>),
    /// What ran before, since the declared version could not be loaded.
    Earlier(Arc<Plugin>, String),
    /// Nothing, for this reason.
    Nothing(String),
}

impl Slot {
    pub(crate) fn name(&self) -> &str {
        &self.spec.name
    }

    /// What to call, or why there is nothing.
    pub(crate) fn plugin(&self) -> Result<&Arc<Plugin>, &str> {
        match &self.runs {
            Runs::Declared(plugin) | Runs::Earlier(plugin, _) => Ok(plugin),
            Runs::Nothing(reason) => Err(reason),
        }
    }

    /// Logs why what was declared cannot be loaded, if so: when it is put in place, and nowhere else.
    pub(crate) fn log_failure(&self, tenant: &TenantId) {
        let component = printable(&self.spec.source.words());
        let plugin = printable(self.name());
        match &self.runs {
            Runs::Declared(_) => {}
            Runs::Earlier(earlier, reason) => {
                let runs = earlier.hash.to_string();
                tracing::warn!(%tenant, plugin, component, reason, runs, "plugin cannot be loaded; the earlier version runs");
            }
            Runs::Nothing(reason) => {
                tracing::error!(%tenant, plugin, component, reason, "plugin cannot be loaded; its hooks fail");
            }
        }
    }

    fn bindings(&self) -> &[Binding] {
        &self.spec.bindings
    }

    pub(crate) fn report(&self) -> PluginReport {
        let plugin = self.plugin().ok();
        PluginReport {
            name: self.spec.name.clone(),
            sha256: plugin.map(|plugin| plugin.hash.to_string()),
            signed_by: plugin.and_then(|plugin| plugin.signed_by.clone()),
            state: match &self.runs {
                Runs::Declared(_) => PluginState::Loaded,
                Runs::Earlier(_, reason) | Runs::Nothing(reason) => {
                    PluginState::Failed { reason: reason.clone() }
                }
            },
            circuit: plugin.map_or(CircuitState::Closed, |plugin| plugin.breaker.state()),
            hooks: self.bindings().iter().map(|binding| binding.hook).collect(),
            capabilities: self.spec.grants.clone(),
        }
    }
}

impl Installed {
    pub(crate) fn new(gate: Arc<TenantGate>, turn: u64, mut slots: Vec<Arc<Slot>>) -> Self {
        slots.sort_by(|a, b| a.name().cmp(b.name()));
        gate.recent.keep(slots.iter().map(|slot| slot.name()));
        let mut bound: Vec<(i32, HookName, usize, Arc<Slot>)> = Vec::new();
        for slot in &slots {
            for (index, binding) in slot.bindings().iter().enumerate() {
                bound.push((binding.order, binding.hook, index, Arc::clone(slot)));
            }
        }
        // Stable: plugins of the same order stay in the order of their names.
        bound.sort_by_key(|(order, ..)| *order);
        let bound = bound.into_iter().map(|(_, hook, index, slot)| (hook, index, slot)).collect();
        Self { gate, turn, slots, bound }
    }

    /// The plugin of this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Slot>> {
        self.slots.iter().find(|slot| slot.name() == name)
    }

    /// The plugins that a call of `hook` goes through, in order, each once.
    pub(crate) fn matching<'a>(
        &'a self,
        hook: HookName,
        context: &'a HookContext,
    ) -> impl Iterator<Item = &'a Arc<Slot>> {
        let matches = move |(bound_hook, index, slot): &(HookName, usize, Arc<Slot>)| {
            *bound_hook == hook && slot.bindings().get(*index).is_some_and(|binding| binding.matches(context))
        };
        self.bound.iter().enumerate().filter(move |(_, entry)| matches(entry)).filter_map(
            move |(at, entry)| {
                let earlier =
                    self.bound.iter().take(at).any(|other| Arc::ptr_eq(&other.2, &entry.2) && matches(other));
                (!earlier).then_some(&entry.2)
            },
        )
    }
}
