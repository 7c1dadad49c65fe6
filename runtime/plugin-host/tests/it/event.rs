//! The `event` hook through a real guest.

use portcullis_plugin_host::{HookName, PluginSource, PluginSpec, Settings};
use primitives::Timestamp;
use primitives::hooks::HookFailureKind;
use serde_json::json;
use tenancy::TenantPlugins;
use tenancy::plugin::{Consumed, EventHook as _, PluginEvent};
use uuid::Uuid;

use crate::fixture::{Fixture, component, run};
use crate::log::Log;

fn event(target: &str) -> PluginEvent {
    PluginEvent {
        id: Uuid::nil(),
        at: Timestamp::from_seconds(1),
        action: "session.created".to_owned(),
        actor: "system".to_owned(),
        target_kind: "session".to_owned(),
        target_id: target.to_owned(),
        organisation: None,
        details: json!({ "method": "password" }).as_object().cloned().unwrap(),
    }
}

#[test]
pub(crate) fn event_notes() {
    let log = Log::of_the_process();
    let fixture = Fixture::new(Settings::default());
    for (name, settings) in [("takes", json!({})), ("fails", json!({ "fails": true }))] {
        let source = PluginSource::File(component("event_notes"));
        let mut spec = PluginSpec::new(name, source, HookName::Event);
        spec.settings = settings.as_object().cloned().unwrap();
        spec.limits.wall_ms = Some(10_000);
        run(fixture.host.install_plugin(&fixture.tenant, spec)).unwrap();
    }
    let events = [event("first-noted"), event("second-noted")];
    let offer = |plugin: &str| run(fixture.host.consume(&fixture.tenant, plugin, &events));
    assert_eq!(offer("takes"), Ok(Consumed::Taken));
    let text = log.text();
    let [first, second] = ["first-noted", "second-noted"].map(|target| {
        let line = format!("default session.created system session:{target} {{\"method\":\"password\"}}");
        text.find(&line).unwrap_or_else(|| panic!("{line}: {text}"))
    });
    assert!(first < second);
    let failure = offer("fails").unwrap_err();
    assert_eq!((&*failure.plugin, failure.kind), ("fails", HookFailureKind::GuestError));
    assert_eq!(offer("another"), Ok(Consumed::NotBound));
    TenantPlugins::forget(&fixture.host, &fixture.tenant);
    assert_eq!(offer("takes").unwrap_err().kind, HookFailureKind::Unavailable, "it may have that plugin");
}
