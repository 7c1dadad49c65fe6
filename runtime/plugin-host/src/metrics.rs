//! What calls leave behind: counts, times, memory, host calls, by hook, plugin, version and outcome.

use std::sync::Arc;
use std::time::Duration;

use primitives::hooks::HookFailureKind;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use tenancy::plugin::Capability;

use crate::meter::Meter;

/// Microseconds; fine around the 12 and 40 µs that a call should take at most.
const MICROSECONDS: [f64; 24] = [
    2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 60.0, 100.0, 200.0, 400.0, 1e3, 2e3, 5e3,
    1e4, 2e4, 5e4, 1e5, 5e5, 2e6,
];
/// Bytes of linear memory.
const BYTES: [f64; 9] = [
    65_536.0,
    131_072.0,
    262_144.0,
    1_048_576.0,
    2_097_152.0,
    4_194_304.0,
    16_777_216.0,
    33_554_432.0,
    134_217_728.0,
];

/// The metrics of all plugins of the node. Cloning shares them.
#[derive(Debug, Clone)]
pub struct PluginMetrics {
    micros: Family<CallLabels, Histogram, fn() -> Histogram>,
    guest_cpu: Family<PluginLabels, Counter>,
    memory: Family<PluginLabels, Histogram, fn() -> Histogram>,
    host_calls: Family<PluginLabels, Counter>,
    capability_calls: Family<CapabilityLabels, Counter>,
    circuits_not_closed: Gauge,
    instances: Family<InstanceLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InstanceLabels {
    made: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CapabilityLabels {
    plugin: String,
    capability: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    hook: &'static str,
    plugin: String,
    version: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginLabels {
    hook: &'static str,
    plugin: String,
    version: String,
}

impl Default for PluginMetrics {
    fn default() -> Self {
        Self {
            micros: Family::new_with_constructor(|| Histogram::new(MICROSECONDS)),
            guest_cpu: Family::default(),
            memory: Family::new_with_constructor(|| Histogram::new(BYTES)),
            host_calls: Family::default(),
            capability_calls: Family::default(),
            circuits_not_closed: Gauge::default(),
            instances: Family::default(),
        }
    }
}

impl PluginMetrics {
    /// Puts the metrics into the node's registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "portcullis_plugin_call_microseconds",
            "Hook calls, from the request for an instance to the checked answer",
            self.micros.clone(),
        );
        registry.register(
            "portcullis_plugin_guest_cpu_microseconds",
            "CPU time of guests, without host calls",
            self.guest_cpu.clone(),
        );
        registry.register(
            "portcullis_plugin_peak_memory_bytes",
            "Largest linear memory of a call",
            self.memory.clone(),
        );
        registry.register("portcullis_plugin_host_calls", "Host calls of guests", self.host_calls.clone());
        registry.register(
            "portcullis_plugin_capability_calls",
            "Host calls of guests, by capability and whether they were answered",
            self.capability_calls.clone(),
        );
        registry.register(
            "portcullis_plugin_circuits_not_closed",
            "Plugins whose calls fail at once, or are let through as probes only",
            self.circuits_not_closed.clone(),
        );
        registry.register(
            "portcullis_plugin_instances",
            "Instances that calls used, by whether they were made ahead or in the call",
            self.instances.clone(),
        );
    }

    /// Instances that were made before their call, and instances made in it.
    pub(crate) fn instances(&self) -> [Counter; 2] {
        ["ahead", "in_call"].map(|made| self.instances.get_or_create_owned(&InstanceLabels { made }))
    }

    /// The counters of one plugin, looked up once, so that a host call pays no look-up.
    pub(crate) fn of_capabilities(&self, plugin: &str) -> CapabilityMetrics {
        CapabilityMetrics(Capability::ALL.map(|capability| {
            ["refused", "answered"].map(|outcome| {
                let labels =
                    CapabilityLabels { plugin: plugin.to_owned(), capability: capability.as_str(), outcome };
                self.capability_calls.get_or_create_owned(&labels)
            })
        }))
    }

    /// For the breakers of plugins.
    pub(crate) fn circuits_not_closed(&self) -> Gauge {
        self.circuits_not_closed.clone()
    }

    /// Counts a call that never reached a guest, since no version of the plugin runs.
    pub(crate) fn count_unavailable(&self, hook: &'static str, plugin: &str) {
        let labels = PluginLabels { hook, plugin: plugin.to_owned(), version: "none".to_owned() };
        let labels = call_labels(&labels, outcome(HookFailureKind::Unavailable));
        self.micros.get_or_create_owned(&labels).observe(0.0);
    }

    /// The metrics of one plugin version on one hook, looked up once, so that a call pays no look-up.
    pub(crate) fn of(&self, hook: &'static str, plugin: &str, version: &str) -> CallMetrics {
        let labels = PluginLabels { hook, plugin: plugin.to_owned(), version: version.to_owned() };
        CallMetrics {
            all: self.clone(),
            guest_cpu: self.guest_cpu.get_or_create_owned(&labels),
            memory: self.memory.get_or_create_owned(&labels),
            host_calls: self.host_calls.get_or_create_owned(&labels),
            answered: self.micros.get_or_create_owned(&call_labels(&labels, "answered")),
            labels: Arc::new(labels),
        }
    }
}

/// Host calls of one plugin: of each capability, those that were refused and those that were answered.
#[derive(Debug)]
pub(crate) struct CapabilityMetrics([[Counter; 2]; Capability::ALL.len()]);

impl CapabilityMetrics {
    /// Counts one.
    pub(crate) fn count(&self, capability: Capability, answered: bool) {
        // In the order of `Capability::ALL`, which is that of the enum.
        let counters = self.0.get(capability as usize);
        if let Some([refused, answers]) = counters {
            if answered { answers } else { refused }.inc();
        }
    }
}

/// What one call used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) total: Duration,
    pub(crate) cpu: Duration,
    pub(crate) peak_memory: usize,
    pub(crate) host_calls: u32,
}

impl Used {
    /// What was counted from the request for an instance to now.
    pub(crate) fn of(meter: &Meter) -> Self {
        Self {
            total: meter.age(),
            cpu: meter.used(),
            peak_memory: meter.peak_memory(),
            host_calls: meter.host_calls(),
        }
    }
}

/// The metrics of one plugin version on one hook.
#[derive(Debug, Clone)]
pub(crate) struct CallMetrics {
    all: PluginMetrics,
    labels: Arc<PluginLabels>,
    guest_cpu: Counter,
    memory: Histogram,
    host_calls: Counter,
    answered: Histogram,
}

impl CallMetrics {
    /// Records one call.
    pub(crate) fn record(&self, used: &Used, failure: Option<HookFailureKind>) {
        let micros = used.total.as_secs_f64() * 1e6;
        match failure {
            None => self.answered.observe(micros),
            Some(kind) => {
                let labels = call_labels(&self.labels, outcome(kind));
                self.all.micros.get_or_create_owned(&labels).observe(micros);
            }
        }
        self.guest_cpu.inc_by(u64::try_from(used.cpu.as_micros()).unwrap_or(u64::MAX));
        #[expect(clippy::cast_precision_loss, reason = "memory sizes are far below 2^53")]
        self.memory.observe(used.peak_memory as f64);
        self.host_calls.inc_by(u64::from(used.host_calls));
    }
}

fn call_labels(labels: &PluginLabels, outcome: &'static str) -> CallLabels {
    CallLabels { hook: labels.hook, plugin: labels.plugin.clone(), version: labels.version.clone(), outcome }
}

/// A failure as a label.
pub(crate) const fn outcome(kind: HookFailureKind) -> &'static str {
    kind.as_str()
}
