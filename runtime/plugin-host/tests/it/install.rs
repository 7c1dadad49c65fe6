//! How a tenant's plugins are installed: as a whole, and never so that a mistake means "no plugin".

use std::path::PathBuf;
use std::sync::Arc;

use oauth2::hooks::{TokenHook as _, TokenShape};
use portcullis_plugin_host::{Capability, HostError, PluginSource, Settings};
use primitives::TenantId;
use primitives::hooks::HookFailureKind;
use serde_json::json;
use tenancy::plugin::TrustSettings;
use tenancy::{DeclaredPlugin, PluginReport, PluginState, TenantPlugins as _};

use crate::fixture::{Fixture, component, issued, run, spec};

fn declared(name: &str, guest: &str) -> DeclaredPlugin {
    serde_json::from_value(json!({ "name": name, "component": component(guest) })).unwrap()
}

impl Fixture {
    fn install(&self, plugins: &[DeclaredPlugin]) -> Vec<PluginReport> {
        run(self.host.install(&self.tenant, plugins.to_vec(), &TrustSettings::default()))
    }

    /// What the one plugin's hook says: `answers`, or the kind of failure.
    fn outcome(&self) -> String {
        self.shape(None, "").map_or_else(|failure| format!("{:?}", failure.kind), |_| "answers".to_owned())
    }
}

/// The reason why the one plugin of a report could not be loaded; empty if it was.
fn reason(reports: &[PluginReport]) -> String {
    match &reports[0].state {
        PluginState::Loaded => String::new(),
        PluginState::Failed { reason } => reason.clone(),
    }
}

#[test]
fn set_is_replaced_as_a_whole() {
    let fixture = Fixture::new(Settings::default());
    fixture.install(&[declared("echo", "token_echo"), declared("remembers", "token_remembers")]);
    let names = |reports: Vec<PluginReport>| reports.into_iter().map(|r| r.name).collect::<Vec<_>>();
    assert_eq!(names(fixture.host.list(&fixture.tenant)), ["echo", "remembers"]);
    fixture.install(&[declared("remembers", "token_remembers")]);
    assert_eq!(names(fixture.host.list(&fixture.tenant)), ["remembers"]);
    assert!(!issued(fixture.shape(None, "")).id_token.contains_key("tenant"));
    fixture.install(&[]);
    assert_eq!(issued(fixture.shape(None, "")), TokenShape::default());
}

#[test]
fn report_says_what_was_installed() {
    let fixture = Fixture::new(Settings::default());
    let reports = fixture.install(&[declared("echo", "token_echo")]);
    assert_eq!(reports, fixture.host.list(&fixture.tenant));
    let report = serde_json::to_value(&reports[0]).unwrap();
    assert_eq!(report["state"], "loaded");
    assert_eq!(report["circuit"], "closed");
    assert_eq!(report["hooks"], json!(["token"]));
    assert_eq!(report["capabilities"], json!(["log", "config"]));
    assert_eq!(report["sha256"].as_str().unwrap().len(), 64);
}

/// A first declaration that cannot be loaded is broken: with these words, and its hook fails.
#[track_caller]
fn check_broken(change: impl FnOnce(&mut DeclaredPlugin), words: &str) {
    let fixture = Fixture::new(Settings::default());
    let mut plugin = declared("plan", "enrich_token_rust");
    change(&mut plugin);
    let reports = fixture.install(&[plugin]);
    assert!(reason(&reports).contains(words), "{reports:?}");
    assert_eq!(reports[0].sha256, None);
    assert_eq!(reports, fixture.host.list(&fixture.tenant));
    assert!(fixture.host.applies(&fixture.context(None)), "its hooks are not skipped");
    let failure = fixture.shape(None, "").unwrap_err();
    assert_eq!(failure.kind, HookFailureKind::Unavailable);
    assert!(failure.detail.contains(words), "{failure}");
}

#[test]
fn what_cannot_be_loaded_is_installed_as_broken() {
    check_broken(|plugin| plugin.component = PathBuf::from("/nonexistent.wasm"), "/nonexistent.wasm");
    check_broken(|plugin| plugin.component = component("token_sockets"), "wasi:sockets");
    check_broken(|plugin| plugin.sha256 = Some("0".repeat(64)), "expected 000");
    check_broken(|plugin| plugin.grants.retain(|grant| *grant != Capability::Config), "grant \"config\"");
    check_broken(|plugin| plugin.name = "Plan B".to_owned(), "lower-case letters");
}

#[test]
fn one_of_two_with_one_name_is_broken() {
    let fixture = Fixture::new(Settings::default());
    let reports = fixture.install(&[declared("plan", "token_echo"), declared("plan", "token_remembers")]);
    assert_eq!(reports[0].state, PluginState::Loaded);
    assert!(reason(&reports[1..]).contains("same name"), "{reports:?}");
    assert_eq!(fixture.outcome(), "Unavailable");
}

#[test]
fn broken_plugin_recovers_when_it_is_declared_rightly() {
    let fixture = Fixture::new(Settings::default());
    fixture.install(&[declared("plan", "token_sockets")]);
    assert_eq!(fixture.outcome(), "Unavailable");
    assert_eq!(reason(&fixture.install(&[declared("plan", "token_remembers")])), "");
    assert_eq!(fixture.outcome(), "answers");
}

#[test]
fn earlier_version_goes_on_running_when_the_new_one_fails() {
    let fixture = Fixture::new(Settings::default());
    let before = fixture.install(&[declared("plan", "token_remembers")]);
    for _ in 0..2 {
        let after = fixture.install(&[declared("plan", "token_sockets")]);
        assert!(reason(&after).contains("wasi:sockets"), "{after:?}");
        assert_eq!(after[0].sha256, before[0].sha256);
        assert_eq!(fixture.outcome(), "answers");
    }
}

#[test]
fn grant_that_was_taken_away_is_gone_even_when_the_new_version_fails() {
    let fixture = Fixture::new(Settings::default());
    let mut plugin = declared("plan", "enrich_token_rust");
    plugin.grants.insert(Capability::Groups);
    fixture.install(&[plugin.clone()]);
    assert_eq!(fixture.outcome(), "answers");
    plugin.grants.remove(&Capability::Groups);
    plugin.grants.remove(&Capability::Config);
    assert!(reason(&fixture.install(&[plugin])).contains("grant \"config\""));
    assert_eq!(fixture.outcome(), "Unavailable");
}

#[test]
fn bindings_are_the_declared_ones_even_when_the_new_version_fails() {
    let fixture = Fixture::new(Settings::default());
    let mut plugin = declared("plan", "token_remembers");
    plugin.bind[0].client = Some("somebody-else".parse().unwrap());
    fixture.install(&[plugin]);
    assert!(!fixture.host.applies(&fixture.context(None)));
    fixture.install(&[declared("plan", "token_sockets")]);
    assert!(fixture.host.applies(&fixture.context(None)));
}

#[test]
fn tenant_of_which_nothing_is_known_has_failing_hooks() {
    let mut fixture = Fixture::new(Settings::default());
    for known in [true, false, true] {
        if known {
            fixture.install(&[]);
        } else {
            fixture.host.forget(&fixture.tenant);
        }
        assert_eq!(fixture.outcome(), if known { "answers" } else { "Unavailable" });
        assert_eq!(fixture.host.applies(&fixture.context(None)), !known);
    }
    fixture.tenant = "other".parse::<TenantId>().unwrap();
    assert_eq!(fixture.outcome(), "Unavailable");
}

#[test]
fn capability_that_was_not_granted_is_named() {
    let fixture = Fixture::new(Settings::default());
    let mut sample = spec("enrich_token_rust");
    sample.grants.remove(&Capability::Config);
    match run(fixture.host.install_plugin(&fixture.tenant, sample)) {
        Err(HostError::NotGranted { missing }) => {
            assert_eq!(missing, ["portcullis:host/config@0.1.0 (grant \"config\")"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn failed_candidate_leaves_the_old_version_in_place() {
    let fixture = Fixture::with("token_remembers");
    let mut candidate = spec("token_sockets");
    candidate.name = "token-remembers".to_owned();
    run(fixture.host.install_plugin(&fixture.tenant, candidate)).unwrap_err();
    assert_eq!(issued(fixture.shape(None, "")).id_token["calls"], 0);
}

#[test]
fn pinned_hash_must_fit() {
    let fixture = Fixture::new(Settings::default());
    let mut pinned = spec("token_echo");
    pinned.sha256 = Some("0".repeat(64));
    let refused = run(fixture.host.install_plugin(&fixture.tenant, pinned));
    assert!(matches!(refused, Err(HostError::WrongHash { .. })), "{refused:?}");
}

#[test]
fn bytes_that_are_no_component_are_refused() {
    let fixture = Fixture::new(Settings::default());
    let mut garbage = spec("token_echo");
    garbage.source = PluginSource::Bytes(Arc::from(*b"\0asm garbage"));
    let refused = run(fixture.host.install_plugin(&fixture.tenant, garbage));
    assert!(matches!(refused, Err(HostError::Invalid(_))), "{refused:?}");
}

#[test]
pub(crate) fn token_other_types() {
    let fixture = Fixture::new(Settings::default());
    let refused = run(fixture.host.install_plugin(&fixture.tenant, spec("token_other_types"))).unwrap_err();
    let words = refused.to_string();
    assert!(words.contains("shape-tokens has other types than the hook"), "{words}");
}
