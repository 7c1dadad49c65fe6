//! `[plugins]`: the type is the tenancy room's, the checks are ours.

use tenancy::plugin::Settings;

use crate::problem::Checker;

/// Bounds of zero would let no call through; the schema cannot say so for all of them.
pub(crate) fn check(settings: &Settings, checker: &mut Checker<'_>) {
    for (key, value) in [
        ("concurrent_calls", u64::from(settings.concurrent_calls)),
        ("concurrent_calls_per_tenant", u64::from(settings.concurrent_calls_per_tenant)),
        ("tenant_cpu_ms_per_second", u64::from(settings.tenant_cpu_ms_per_second)),
        ("loaded_components", settings.loaded_components),
        ("component_bytes", settings.component_bytes),
        ("compile_queue", u64::from(settings.compile_queue)),
        ("compile_ms", settings.compile_ms),
        ("compile_memory_bytes", settings.compile_memory_bytes),
        ("compiled_bytes", settings.compiled_bytes),
        ("ceiling.cpu_ms", settings.ceiling.cpu_ms),
        ("ceiling.wall_ms", settings.ceiling.wall_ms.unwrap_or(1)),
        ("ceiling.memory_bytes", settings.ceiling.memory_bytes),
        ("ceiling.output_bytes", settings.ceiling.output_bytes),
    ] {
        if value == 0 {
            checker.report(&format!("plugins.{key}"), "must be at least 1");
        }
    }
    if settings.concurrent_calls_per_tenant > settings.concurrent_calls {
        checker.report(
            "plugins.concurrent_calls_per_tenant",
            "is more than `concurrent_calls`, which is what the node runs at once",
        );
    }
}
