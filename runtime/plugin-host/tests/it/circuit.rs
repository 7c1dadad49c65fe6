//! The circuit breaker of a plugin, with a guest that never ends.

use std::time::Duration;

use oauth2::hooks::TokenHook as _;
use portcullis_plugin_host::{Limits, Settings};
use primitives::hooks::HookFailureKind;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tenancy::{TenantPlugins as _, plugin::CircuitState};

use crate::fixture::{Fixture, request, run, spec};

/// A tenant whose guest runs until it is stopped.
fn looping() -> Fixture {
    let fixture = Fixture::new(Settings { tenant_cpu_ms_per_second: 1_000_000, ..Settings::default() });
    let mut plugin = spec("token_loop");
    plugin.limits = Limits { cpu_ms: 20, wall_ms: Some(5_000), ..Limits::default() };
    run(fixture.host.install_plugin(&fixture.tenant, plugin)).unwrap();
    fixture
}

impl Fixture {
    fn kind_for(&self, subject: &str) -> HookFailureKind {
        let mut request = request("");
        subject.clone_into(&mut request.subject.as_mut().unwrap().id);
        run(self.host.shape_tokens(&self.context(None), &request)).unwrap_err().kind
    }

    fn circuit(&self) -> CircuitState {
        self.host.list(&self.tenant)[0].circuit
    }
}

#[test]
fn runaway_guest_is_not_called_again_for_a_while() {
    let fixture = looping();
    let mut registry = Registry::default();
    fixture.host.metrics().register(&mut registry);
    for subject in ["a", "a", "a", "a", "a", "b", "c", "d"] {
        assert_eq!(fixture.kind_for(subject), HookFailureKind::CpuLimit);
        assert_eq!(fixture.circuit(), CircuitState::Closed);
    }
    assert_eq!(fixture.kind_for("e"), HookFailureKind::CpuLimit);
    assert_eq!(fixture.circuit(), CircuitState::Open);
    assert_eq!(fixture.kind_for("f"), HookFailureKind::CircuitOpen);
    let mut metrics = String::new();
    encode(&mut metrics, &registry).unwrap();
    assert!(metrics.contains("portcullis_plugin_circuits_not_closed 1"), "{metrics}");
    assert!(metrics.contains("outcome=\"circuit_open\""), "{metrics}");

    fixture.clock.advance(Duration::from_secs(5));
    assert_eq!(fixture.kind_for("f"), HookFailureKind::CpuLimit, "a probe");
    assert_eq!(fixture.kind_for("f"), HookFailureKind::CircuitOpen);
}

#[test]
fn kept_plugin_keeps_its_circuit_and_a_new_version_starts_afresh() {
    let fixture = looping();
    for subject in ["a", "b", "c", "d", "e"] {
        fixture.kind_for(subject);
    }
    let install = |cpu_ms| {
        let mut plugin = spec("token_loop");
        plugin.limits = Limits { cpu_ms, wall_ms: Some(5_000), ..Limits::default() };
        run(fixture.host.install_plugin(&fixture.tenant, plugin)).unwrap();
        fixture.circuit()
    };
    assert_eq!(install(20), CircuitState::Open);
    assert_eq!(install(21), CircuitState::Closed);
}
