//! Secrets reach the plugin that they were named for, and nobody and nothing else.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use portcullis_plugin_host::{Capability, HostError, PluginSpec, Services, Settings};
use primitives::{Secret, TenantId};
use serde_json::{Value, json};
use tenancy::plugin::TrustSettings;
use tenancy::plugin::{PluginSecret, PluginSecrets};
use tenancy::{ReadError, TenantPlugins as _};

use crate::fixture::{Fixture, component, issued, run, spec};

/// Secrets by tenant.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Vec<(TenantId, PluginSecret)>>);

impl Kept {
    pub(crate) fn put(&self, tenant: &str, plugin: &str, name: &str, value: &str) {
        let secret = PluginSecret {
            plugin: plugin.to_owned(),
            name: name.to_owned(),
            value: Secret::new(value.to_owned()),
        };
        self.0.lock().unwrap().push((tenant.parse().unwrap(), secret));
    }
}

impl PluginSecrets for Kept {
    fn list_plugin_secrets<'a>(
        &'a self,
        tenant: &'a TenantId,
        plugin: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>> {
        let kept = self.0.lock().unwrap();
        let own = kept.iter().filter(|(of, secret)| of == tenant && secret.plugin == plugin);
        let own = own.map(|(_, secret)| secret.clone()).collect();
        async { Ok(own) }.boxed()
    }

    fn list_secrets_of_plugins<'a>(
        &'a self,
        _: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>> {
        async { Err(ReadError("nobody asks".to_owned())) }.boxed()
    }
}

fn fixture(kept: &Arc<Kept>) -> Fixture {
    let secrets = Arc::clone(kept);
    Fixture::new(Settings::default()).offering(Services { secrets: Some(secrets), ..Services::default() })
}

fn reader(name: &str, asks: &[&str]) -> PluginSpec {
    let mut spec = spec("capability_secrets");
    name.clone_into(&mut spec.name);
    spec.grants.insert(Capability::Secrets);
    spec.settings.insert("names".to_owned(), json!(asks));
    spec
}

#[test]
pub(crate) fn capability_secrets() {
    let kept = Arc::new(Kept::default());
    kept.put("default", "a", "key", "of a");
    kept.put("default", "b", "key", "of b");
    kept.put("default", "b", "other", "of b alone");
    kept.put("rival", "a", "theirs", "of the rival");
    let fixture = fixture(&kept);
    let asks = ["key", "other", "theirs", "b/key", "../b/key", "default/b/key", "", "%", "*"];
    run(fixture.host.install_plugin(&fixture.tenant, reader("a", &asks))).unwrap();
    let claims = issued(fixture.shape(None, "")).id_token;
    assert_eq!(claims["key"], "of a");
    for name in &asks[1..] {
        assert_eq!(claims[*name], Value::Null, "{name:?} is not its own");
    }
}

#[test]
fn start_of_a_plugin_and_a_call_of_another_tenant_see_their_own_tenant() {
    let kept = Arc::new(Kept::default());
    kept.put("default", "a", "key", "of the first");
    kept.put("rival", "a", "key", "of the rival");
    let mut fixture = fixture(&kept);
    for tenant in ["default", "rival"] {
        fixture.tenant = tenant.parse().unwrap();
        run(fixture.host.install_plugin(&fixture.tenant, reader("a", &["key"]))).unwrap();
    }
    assert_eq!(issued(fixture.shape(None, "")).id_token["key"], "of the rival");
    fixture.tenant = TenantId::default_tenant();
    assert_eq!(issued(fixture.shape(None, "")).id_token["key"], "of the first");
}

#[test]
fn changed_secret_is_read_when_the_plugin_is_installed_again() {
    let kept = Arc::new(Kept::default());
    kept.put("default", "a", "key", "old");
    let fixture = fixture(&kept);
    for value in ["old", "new"] {
        kept.0.lock().unwrap().clear();
        kept.put("default", "a", "key", value);
        run(fixture.host.install_plugin(&fixture.tenant, reader("a", &["key"]))).unwrap();
        assert_eq!(issued(fixture.shape(None, "")).id_token["key"], value);
    }
}

#[test]
fn secret_that_was_taken_away_is_gone_even_when_the_new_version_fails() {
    for (left, expect) in [(Some("new"), "old"), (None, "Unavailable")] {
        let kept = Arc::new(Kept::default());
        kept.put("default", "a", "key", "old");
        let fixture = fixture(&kept);
        let install = |guest: &str| {
            let plugin = json!({
                "name": "a", "component": component(guest), "grants": ["config", "secrets"],
                "settings": { "names": ["key"] }, "limits": { "wall_ms": 10_000 },
            });
            let plugins = vec![serde_json::from_value(plugin).unwrap()];
            run(fixture.host.install(&fixture.tenant, plugins, &TrustSettings::default()))
        };
        install("capability_secrets");
        kept.0.lock().unwrap().clear();
        if let Some(value) = left {
            kept.put("default", "a", "key", value);
        }
        install("token_sockets");
        let found = fixture.shape(None, "").map(|decision| issued(Ok(decision)).id_token["key"].clone());
        let found = found
            .map_or_else(|failure| format!("{:?}", failure.kind), |key| key.as_str().unwrap().to_owned());
        assert_eq!(found, expect);
    }
}

#[test]
fn capability_that_the_node_does_not_offer_is_refused_with_its_name() {
    let fixture = Fixture::new(Settings::default());
    let refused = run(fixture.host.install_plugin(&fixture.tenant, reader("a", &[])));
    assert!(matches!(refused, Err(HostError::NotOffered { capability: "secrets" })), "{refused:?}");
}

#[test]
fn capability_that_was_not_granted_is_refused_although_the_node_offers_it() {
    let fixture = fixture(&Arc::default());
    let mut ungranted = reader("a", &[]);
    ungranted.grants.remove(&Capability::Secrets);
    let refused = run(fixture.host.install_plugin(&fixture.tenant, ungranted)).unwrap_err();
    assert!(refused.to_string().contains("grant \"secrets\""), "{refused}");
}

#[test]
fn nothing_that_is_shown_of_a_plugin_shows_its_secrets() {
    let kept = Arc::new(Kept::default());
    kept.put("default", "a", "key", "hunter2");
    let fixture = fixture(&kept);
    run(fixture.host.install_plugin(&fixture.tenant, reader("a", &["key"]))).unwrap();
    assert_eq!(issued(fixture.shape(None, "")).id_token["key"], "hunter2");
    let shown =
        format!("{:?}", fixture.host) + &serde_json::to_string(&fixture.host.list(&fixture.tenant)).unwrap();
    assert!(shown.contains("Secret("), "the host holds it");
    assert!(!shown.contains("hunter2"), "{shown}");
}
