//! The `account` hook through a real guest: every plugin is told, whatever becomes of the others.

use identity::hooks::{AccountEvent, Happening, IdentityHooks as _};
use portcullis_plugin_host::{HookName, PluginSource, PluginSpec, Settings};
use primitives::SessionId;
use primitives::hooks::HookFailureKind;
use serde_json::json;
use tenancy::TenantPlugins;
use uuid::Uuid;

use crate::fixture::{Fixture, component, run};
use crate::log::Log;
use crate::people::{origin, person};

#[test]
pub(crate) fn account_notes() {
    let log = Log::of_the_process();
    let fixture = Fixture::new(Settings::default());
    let source = || PluginSource::File(component("account_notes"));
    for (name, settings) in [("one", json!({ "fails": "eve@notes.example" })), ("two", json!({}))] {
        let mut spec = PluginSpec::new(name, source(), HookName::Account);
        spec.settings = settings.as_object().cloned().unwrap();
        spec.limits.wall_ms = Some(10_000);
        run(fixture.host.install_plugin(&fixture.tenant, spec)).unwrap();
    }
    let tell = |email: &str, what| {
        let (identity, session) = (person(email), Some(SessionId(Uuid::nil())));
        let event = AccountEvent { what, identity: &identity, session, origin: origin() };
        run(fixture.host.after_account(&fixture.context(None), &event))
    };
    let said = |line: &str| log.text().matches(&format!("plugin says: {line} true 203.0.113.9")).count();
    for (what, word) in [
        (Happening::Profile, "Profile"),
        (Happening::Password, "Password"),
        (Happening::Logout, "Logout"),
        (Happening::Recovery, "Recovery"),
        (Happening::Verification, "Verification"),
    ] {
        assert_eq!(tell("ada@notes.example", what), []);
        assert_eq!(said(&format!("Happening::{word} ada@notes.example")), 2, "{}", log.text());
    }
    let failures = tell("eve@notes.example", Happening::Logout);
    let found: Vec<_> = failures.iter().map(|failure| (&*failure.plugin, failure.kind)).collect();
    assert_eq!(found, [("one", HookFailureKind::GuestError)]);
    assert_eq!(said("Happening::Logout eve@notes.example"), 1, "the other one is told all the same");

    TenantPlugins::forget(&fixture.host, &fixture.tenant);
    let unknown = tell("ada@notes.example", Happening::Profile);
    assert_eq!(unknown.len(), 1, "of a tenant of whose plugins nothing is known, one cannot tell");
}
