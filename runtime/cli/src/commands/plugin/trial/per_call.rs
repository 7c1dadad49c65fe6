//! What calls used on average, from the metrics that the host keeps anyway.

use plugin_host::PluginMetrics;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// What one call used, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::commands::plugin) struct PerCall {
    /// The largest linear memory, in bytes.
    pub(in crate::commands::plugin) memory: f64,
    /// Microseconds.
    pub(in crate::commands::plugin) guest_cpu: f64,
    pub(in crate::commands::plugin) host_calls: f64,
}

impl PerCall {
    pub(super) fn of(metrics: &PluginMetrics) -> Self {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &registry);
        Self::read(&text)
    }

    fn read(text: &str) -> Self {
        let calls = sum(text, "portcullis_plugin_peak_memory_bytes_count").max(1.0);
        let of = |name: &str| sum(text, name) / calls;
        Self {
            memory: of("portcullis_plugin_peak_memory_bytes_sum"),
            guest_cpu: of("portcullis_plugin_guest_cpu_microseconds_total"),
            host_calls: of("portcullis_plugin_host_calls_total"),
        }
    }
}

/// The sum of a metric over all its labels.
fn sum(text: &str, name: &str) -> f64 {
    let lines =
        text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_per_call() {
        let text = "\
# TYPE portcullis_plugin_peak_memory_bytes histogram
portcullis_plugin_peak_memory_bytes_sum{plugin=\"a\"} 4000.0
portcullis_plugin_peak_memory_bytes_count{plugin=\"a\"} 4
portcullis_plugin_guest_cpu_microseconds_total{plugin=\"a b\"} 6
portcullis_plugin_guest_cpu_microseconds_total{plugin=\"c\"} 2
portcullis_plugin_host_calls_total{plugin=\"a\"} 4
portcullis_plugin_host_calls_total_of_others{plugin=\"a\"} 4
";
        assert_eq!(PerCall::read(text), PerCall { memory: 1000.0, guest_cpu: 2.0, host_calls: 1.0 });
    }
}
