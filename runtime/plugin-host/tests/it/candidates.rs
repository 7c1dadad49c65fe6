//! Uploaded components: checked before they are stored, and again by every node that loads them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use portcullis_plugin_host::{Capability, ComponentHash, Services, Settings};
use primitives::{TenantId, UploadedPluginId};
use serde_json::{Value, json};
use tenancy::plugin::uploaded::{
    ComponentRoom, PluginCandidates as _, PluginVersion, RefusalReason, SecretFacts, StoredPlugin,
    UploadedPlugin, UploadedPlugins,
};
use tenancy::plugin::{PluginSecret, PluginState, SigningKey, TrustSettings};
use tenancy::ports::ReadError;
use tenancy::{PluginReport, Reread, TenantPlugins as _};
use uuid::Uuid;

use crate::compile::hard_to_compile;
use crate::fixture::{Fixture, component, run};

/// The components of a database, by tenant and hash.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    components: BTreeMap<(&'static str, String), Vec<u8>>,
    /// It does not answer now.
    away: AtomicBool,
}

impl Kept {
    pub(crate) fn of(components: BTreeMap<(&'static str, String), Vec<u8>>) -> Self {
        Self { components, ..Self::default() }
    }
}

impl UploadedPlugins for Kept {
    fn list_uploaded_plugins<'a>(
        &'a self,
        _: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<UploadedPlugin>, ReadError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn find_uploaded_plugin<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<UploadedPlugin>, ReadError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn list_plugin_versions<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PluginVersion>, ReadError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn find_component<'a>(
        &'a self,
        tenant: &'a TenantId,
        sha256: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReadError>> {
        if self.away.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Err(ReadError("away".to_owned()))));
        }
        let mut found = self.components.iter();
        let found = found.find(|((of, hash), _)| *of == tenant.as_str() && hash == sha256);
        Box::pin(std::future::ready(Ok(found.map(|(_, bytes)| bytes.clone()))))
    }

    fn list_secret_facts<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<SecretFacts>, ReadError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn list_uploaded_secrets<'a>(
        &'a self,
        _: &'a TenantId,
        _: UploadedPluginId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn component_usage<'a>(&'a self, _: &'a TenantId) -> BoxFuture<'a, Result<ComponentRoom, ReadError>> {
        Box::pin(std::future::ready(Ok(ComponentRoom::default())))
    }
}

pub(crate) fn guest(name: &str) -> Vec<u8> {
    std::fs::read(component(name)).unwrap()
}

pub(crate) fn hash(bytes: &[u8]) -> String {
    ComponentHash::of(bytes).to_string()
}

/// A host whose database has these bytes under this hash.
fn keeping(tenant: &'static str, sha256: &str, bytes: Vec<u8>) -> Fixture {
    let components = BTreeMap::from([((tenant, sha256.to_owned()), bytes)]);
    let kept = Kept::of(components);
    let services = Services { components: Some(Arc::new(kept)), ..Services::default() };
    Fixture::new(Settings::default()).offering(services)
}

fn stored(sha256: &str, more: &Value) -> StoredPlugin {
    let mut declaration = json!({ "version": 1, "limits": { "wall_ms": 10_000 } });
    declaration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    StoredPlugin {
        name: "plan".to_owned(),
        id: UploadedPluginId(Uuid::nil()),
        sha256: sha256.to_owned(),
        declaration: serde_json::from_value(declaration).unwrap(),
        shadow: None,
    }
}

/// What is installed, and why the same is refused as a candidate.
fn install(fixture: &Fixture, stored: StoredPlugin) -> (PluginReport, Option<RefusalReason>) {
    install_trusting(fixture, stored, &TrustSettings::default())
}

/// The same in a tenant that trusts these.
fn install_trusting(
    Fixture { host, tenant, .. }: &Fixture,
    stored: StoredPlugin,
    trust: &TrustSettings,
) -> (PluginReport, Option<RefusalReason>) {
    let refused = run(host.check_candidate(tenant, stored.clone(), trust)).err();
    let report = run(host.install_all(tenant, (Vec::new(), vec![stored]), trust)).remove(0);
    (report, refused.map(|refusal| refusal.reason))
}

/// Attacks: no signature, another component's, one of a key that nobody here trusts.
#[test]
fn stored_component_is_signed_as_its_tenant_asks() {
    let bytes = guest("token_echo");
    let fixture = keeping("default", &hash(&bytes), bytes.clone());
    let key = |seed| SigningKey::from_seed([seed; 32]).unwrap();
    let trusted_keys = BTreeMap::from([("ci".to_owned(), key(1).public())]);
    let trust = TrustSettings { require_signature: true, trusted_keys };
    let sign = |seed, bytes: &[u8]| key(seed).sign(ComponentHash::of(bytes).as_bytes()).to_string();
    for (signature, signed_by) in [
        (Value::Null, None),
        (json!(sign(1, b"other bytes")), None),
        (json!(sign(2, &bytes)), None),
        (json!("nonsense"), None),
        (json!(sign(1, &bytes)), Some("ci")),
    ] {
        let plugin = stored(&hash(&bytes), &json!({ "signature": signature }));
        let (report, refused) = install_trusting(&fixture, plugin, &trust);
        assert_eq!(report.signed_by.map(|by| by.name).as_deref(), signed_by, "{signature}");
        assert_eq!(report.state == PluginState::Loaded, signed_by.is_some(), "{signature}");
        let expect = signed_by.is_none().then_some(RefusalReason::Signature);
        assert_eq!(refused, expect, "{signature}");
    }
}

#[test]
fn stored_component_runs_where_only_the_database_has_it() {
    let bytes = guest("token_echo");
    let fixture = keeping("default", &hash(&bytes), bytes.clone());
    let (report, refused) = install(&fixture, stored(&hash(&bytes), &json!({})));
    assert_eq!((report.state, refused), (PluginState::Loaded, None));
    assert!(fixture.shape(None, "").is_ok());
}

/// Attacks: the database holds other bytes than were checked; a tenant names the hash of another's component.
#[test]
fn other_bytes_and_other_tenants_components_do_not_run() {
    let (echo, other) = (guest("token_echo"), guest("token_remembers"));
    for (tenant, bytes) in [("default", other), ("default", Vec::new()), ("rival", echo.clone())] {
        let fixture = keeping(tenant, &hash(&echo), bytes);
        let (report, refused) = install(&fixture, stored(&hash(&echo), &json!({})));
        assert!(matches!(report.state, PluginState::Failed { .. }), "{report:?}");
        assert_eq!(refused, Some(RefusalReason::NotStored));
        assert!(fixture.shape(None, "").is_err(), "its hook fails, and is not skipped");
    }
    let fixture = keeping("default", "nonsense", echo);
    let (_, refused) = install(&fixture, stored("nonsense", &json!({})));
    assert_eq!(refused, Some(RefusalReason::NotStored));
}

/// Attack: a row is written past the API, or the operator has taken a grant back since.
#[test]
fn grant_that_the_operator_does_not_allow_is_refused_when_it_is_loaded_too() {
    let bytes = guest("token_echo");
    let fixture = keeping("default", &hash(&bytes), bytes.clone());
    // The host of this test offers no secrets at all.
    let (report, refused) =
        install(&fixture, stored(&hash(&bytes), &json!({ "grants": ["log", "config", "secrets"] })));
    assert!(matches!(report.state, PluginState::Failed { .. }), "{report:?}");
    assert_eq!(refused, Some(RefusalReason::NotOffered));
    let settings = Settings {
        uploads: tenancy::plugin::settings::Uploads {
            grants: [Capability::Log].into(),
            ..Default::default()
        },
        ..Settings::default()
    };
    let components = BTreeMap::from([(("default", hash(&bytes)), bytes.clone())]);
    let kept = Kept::of(components);
    let services = Services { components: Some(Arc::new(kept)), ..Services::default() };
    let fixture = Fixture::new(settings).offering(services);
    for (grants, expect) in
        [(json!(["log"]), None), (json!(["config"]), Some(RefusalReason::GrantNotAllowed))]
    {
        let (report, refused) = install(&fixture, stored(&hash(&bytes), &json!({ "grants": grants })));
        assert_eq!((report.state == PluginState::Loaded, refused), (expect.is_none(), expect));
    }
}

#[test]
fn what_is_checked_is_told_with_its_very_bytes() {
    let fixture = Fixture::new(Settings::default());
    let bytes = guest("enrich_token_rust");
    let checked = run(fixture.host.check_component(Arc::from(bytes.as_slice()))).unwrap();
    assert_eq!((checked.bytes(), &checked.facts().sha256), (bytes.as_slice(), &hash(&bytes)));
    assert!(checked.facts().capabilities.contains(&Capability::Config));
}

/// Attack: an upload that takes minutes to compile.
#[test]
fn upload_that_compiles_for_long_is_given_up() {
    let mut bytes = guest("token_echo");
    // The core module of the other component, behind its preamble.
    bytes.extend(&hard_to_compile(49_000)[8..]);
    let fixture = Fixture::new(Settings { compile_ms: 3_000, ..Settings::default() });
    let refused = run(fixture.host.check_component(Arc::from(bytes))).unwrap_err();
    assert_eq!(refused.reason, RefusalReason::CompileGivenUp, "{refused}");
    assert!(refused.detail.contains("3000 ms"), "{refused}");
}

#[test]
fn compiled_code_that_made_way_is_compiled_again() {
    let bytes = guest("token_echo");
    let fixture = keeping("default", &hash(&bytes), bytes.clone());
    install(&fixture, stored(&hash(&bytes), &json!({})));
    let code = fixture.cache.path().join("code");
    for file in std::fs::read_dir(&code).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let restarted = keeping("default", &hash(&bytes), bytes.clone());
    let (report, refused) = install(&restarted, stored(&hash(&bytes), &json!({})));
    assert_eq!((report.state, refused), (PluginState::Loaded, None));
    assert!(fixture.shape(None, "").is_ok(), "what is mapped stays mapped");
}

#[test]
fn what_the_database_could_not_give_is_tried_again() {
    let bytes = guest("token_echo");
    let components = BTreeMap::from([(("default", hash(&bytes)), bytes.clone())]);
    let kept = Arc::new(Kept { components, away: AtomicBool::new(true) });
    let services = Services { components: Some(kept.clone()), ..Services::default() };
    let fixture = Fixture::new(Settings::default()).offering(services);
    let (report, refused) = install(&fixture, stored(&hash(&bytes), &json!({})));
    assert!(matches!(report.state, PluginState::Failed { .. }), "{report:?}");
    assert_eq!(refused, Some(RefusalReason::Internal));
    kept.away.store(false, Ordering::SeqCst);
    run(fixture.host.reread(Reread::Changed));
    assert!(fixture.shape(None, "").is_ok());
}
