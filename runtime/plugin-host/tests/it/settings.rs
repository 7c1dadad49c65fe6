//! Settings that a plugin itself finds wrong: told when they are given, and not at the first call.

use portcullis_plugin_host::{HostError, PluginSpec, Settings};
use serde_json::{Value, json};
use tenancy::plugin::{PluginState, TrustSettings};
use tenancy::{DeclaredPlugin, TenantPlugins as _};

use crate::fixture::{Fixture, component, issued, run, spec};

fn with(guest: &str, is: &str) -> PluginSpec {
    let mut spec = spec(guest);
    spec.settings.insert("is".to_owned(), json!(is));
    spec
}

#[test]
pub(crate) fn settings_checks() {
    let fixture = Fixture::new(Settings::default());
    let install = |is: &str| run(fixture.host.install_plugin(&fixture.tenant, with("settings_checks", is)));
    install("right").unwrap();
    assert!(issued(fixture.shape(None, "")).id_token.is_empty());
    let refused = |is: &str, expect: &str| {
        let refused = install(is).unwrap_err();
        assert!(refused.to_string().contains(expect), "{is}: {refused}");
        assert!(refused.to_string().len() < 1_200, "{is}: {refused}");
        refused
    };
    let wrong = refused("wrong", "the plugin does not take its settings: is: line 1,");
    assert!(matches!(wrong, HostError::SettingsRefused(_)), "{wrong:?}");
    assert!(!wrong.to_string().contains('\n'), "{wrong}");
    refused("long", "xxx");
    refused("trap", "unreachable");
    refused("loop", "");
    assert!(issued(fixture.shape(None, "")).id_token.is_empty(), "what ran goes on");
}

#[test]
fn plugin_that_says_nothing_of_its_settings_is_not_asked() {
    let fixture = Fixture::new(Settings::default());
    run(fixture.host.install_plugin(&fixture.tenant, with("token_echo", "wrong"))).unwrap();
    fixture.shape(None, "").unwrap();
}

#[test]
fn mistake_is_in_the_list_and_the_earlier_settings_go_on() {
    let fixture = Fixture::new(Settings::default());
    let declare = |is: &str| -> Vec<DeclaredPlugin> {
        let plugin = json!({
            "name": "plan", "component": component("settings_checks"), "settings": { "is": is },
            "limits": { "wall_ms": 10_000 },
        });
        vec![serde_json::from_value(plugin).unwrap()]
    };
    let install =
        |is: &str| run(fixture.host.install(&fixture.tenant, declare(is), &TrustSettings::default()));
    assert_eq!(install("right")[0].state, PluginState::Loaded);
    let report = install("wrong").remove(0);
    let PluginState::Failed { reason } = &report.state else { panic!("{report:?}") };
    assert!(reason.contains("no policy"), "{reason}");
    let shown = serde_json::to_value(&report).unwrap();
    assert_ne!(shown["sha256"], Value::Null, "the earlier one runs");
    fixture.shape(None, "").unwrap();
}
