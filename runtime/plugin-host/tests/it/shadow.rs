//! Shadows: what they see, and that nobody notices them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;
use portcullis_plugin_host::{ComponentHash, Services, Settings};
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use primitives::{Timestamp, UploadedPluginId};
use serde_json::{Value, json};
use tenancy::TenantPlugins as _;
use tenancy::plugin::TrustSettings;
use tenancy::plugin::uploaded::{PluginCandidates as _, ShadowReport, StoredPlugin, StoredShadow};
use tenancy::plugin::values::{KeptValue, PluginValues, PutValue, ValueError, ValueOwner};
use uuid::Uuid;

use crate::candidates::{Kept, guest, hash};
use crate::fixture::{Fixture, issued, run};

/// Counts what has an effect.
#[derive(Debug, Default)]
struct Effects(AtomicU32);

impl Effects {
    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl PluginValues for Effects {
    fn find_value<'a>(
        &'a self,
        _: ValueOwner<'a>,
        _: &'a [u8],
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeptValue>, ValueError>> {
        let kept = KeptValue { value: b"7".to_vec(), expires_at: None };
        Box::pin(std::future::ready(Ok(Some(kept))))
    }

    fn put_value<'a>(
        &'a self,
        _: ValueOwner<'a>,
        _: PutValue,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), ValueError>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(())))
    }

    fn delete_value<'a>(&'a self, _: ValueOwner<'a>, _: &'a [u8]) -> BoxFuture<'a, Result<(), ValueError>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Outbound for Effects {
    fn fetch(&self, _: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let body = Vec::new();
        Box::pin(std::future::ready(Ok(OutboundResponse { status: 204, headers: Vec::new(), body })))
    }
}

/// A host that runs `current`, with `candidate` as its shadow.
struct Shadowed {
    fixture: Fixture,
    effects: Arc<Effects>,
    stored: StoredPlugin,
}

impl Shadowed {
    fn new((current, candidate): (&str, &str), more: &Value, per_mille: u16) -> Self {
        Self::on(Settings::default(), (current, candidate), more, per_mille)
    }

    fn on(settings: Settings, (current, candidate): (&str, &str), more: &Value, per_mille: u16) -> Self {
        let (current, candidate) = (guest(current), guest(candidate));
        let mut declaration = json!({ "version": 1, "limits": { "wall_ms": 10_000 } });
        declaration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let declaration: tenancy::plugin::uploaded::VersionDeclaration =
            serde_json::from_value(declaration).unwrap();
        let shadow = StoredShadow { sha256: hash(&candidate), declaration: declaration.clone(), per_mille };
        let stored = StoredPlugin {
            name: "plan".to_owned(),
            id: UploadedPluginId(Uuid::nil()),
            sha256: hash(&current),
            declaration,
            shadow: Some(shadow),
        };
        let kept = [current, candidate].map(|bytes| (("default", hash(&bytes)), bytes));
        let effects = Arc::new(Effects::default());
        let services = Services {
            components: Some(Arc::new(Kept::of(BTreeMap::from(kept)))),
            values: Some(effects.clone()),
            outbound: Some(effects.clone()),
            ..Services::default()
        };
        let fixture = Fixture::new(settings).offering(services);
        let shadowed = Self { fixture, effects, stored };
        shadowed.install();
        shadowed
    }

    fn install(&self) {
        let (plugins, trust) = ((Vec::new(), vec![self.stored.clone()]), TrustSettings::default());
        run(self.fixture.host.install_all(&self.fixture.tenant, plugins, &trust));
    }

    fn report(&self) -> ShadowReport {
        self.fixture.host.shadow(&self.fixture.tenant, "plan").unwrap()
    }

    /// Asks once, and waits until the shadow has seen it or was passed over.
    fn ask(&self) -> bool {
        let seen = |report: &ShadowReport| report.calls + report.skipped;
        let before = seen(&self.report());
        let answered = self.fixture.shape(None, "").is_ok();
        run(async {
            while seen(&self.report()) == before {
                tokio::task::yield_now().await;
            }
        });
        answered
    }
}

#[test]
fn answers_are_compared_and_never_used() {
    for (candidate, expect) in [
        ("token_echo", (1, 0, 0)),
        ("token_remembers", (0, 1, 0)),
        ("token_trap", (0, 0, 1)),
        ("token_bad_json", (0, 0, 1)),
        ("token_loop", (0, 0, 1)),
    ] {
        let shadowed = Shadowed::new(("token_echo", candidate), &json!({}), 1_000);
        assert!(shadowed.ask(), "{candidate}");
        let report = shadowed.report();
        assert_eq!((report.equal, report.different, report.failed), expect, "{candidate}: {report:?}");
        assert_eq!(report.examples.len(), usize::from(expect.0 == 0), "{candidate}");
        assert!(report.candidate_mean_microseconds > 0 && report.current_mean_microseconds > 0);
        let shape = issued(shadowed.fixture.shape(None, ""));
        assert!(shape.id_token.contains_key("grant_type"), "what runs answers");
    }
}

#[test]
fn same_failure_is_equal_and_an_answer_where_what_runs_fails_is_different() {
    for (candidate, expect) in [("token_trap", (1, 0)), ("token_echo", (0, 1))] {
        let shadowed = Shadowed::new(("token_trap", candidate), &json!({}), 1_000);
        assert!(!shadowed.ask(), "the failure of what runs stays one");
        assert_eq!((shadowed.report().equal, shadowed.report().different), expect, "{candidate}");
    }
}

/// Attack, or accident: a mail that is sent twice, a counter that counts twice.
#[test]
fn nothing_that_a_shadow_does_has_an_effect() {
    let steps = json!([["add", "n", 1], ["set", "k", "v"], ["swap", "k", "7", "8"], ["delete", "k"]]);
    let more = json!({ "grants": ["config", "kv"], "settings": { "steps": steps } });
    let alone = Shadowed::new(("capability_kv", "capability_kv"), &more, 0);
    assert!(alone.fixture.shape(None, "").is_ok());
    let own = alone.effects.count();
    assert!(own >= 4, "{own}");
    let shadowed = Shadowed::new(("capability_kv", "capability_kv"), &more, 1_000);
    assert!(shadowed.ask());
    assert_eq!(shadowed.effects.count(), own, "those of what runs");
    let report = shadowed.report();
    assert_eq!((report.calls, report.equal), (1, 1), "{report:?}");
}

#[test]
fn shadow_sends_no_request() {
    let url = "https://api.example/x";
    let more = json!({
        "grants": ["config", "http"],
        "http_origins": ["https://api.example"],
        "settings": { "requests": [{ "url": url }] },
    });
    let shadowed = Shadowed::new(("token_echo", "capability_http"), &more, 1_000);
    assert!(shadowed.ask());
    assert_eq!((shadowed.report().calls, shadowed.effects.count()), (1, 0));
    let alone = Shadowed::new(("capability_http", "token_echo"), &more, 0);
    assert!(alone.fixture.shape(None, "").is_ok());
    assert_eq!(alone.effects.count(), 1, "where it runs, it sends");
}

/// Attack: a shadow that eats its tenant's CPU, so that what runs has none.
#[test]
fn shadow_that_could_leave_what_runs_without_cpu_is_passed_over() {
    let settings = Settings { tenant_cpu_ms_per_second: 100, ..Settings::default() };
    let shadowed = Shadowed::on(settings, ("token_echo", "token_loop"), &json!({}), 1_000);
    for _ in 0..3 {
        assert!(shadowed.ask());
    }
    assert_eq!((shadowed.report().calls, shadowed.report().skipped), (0, 3));
}

#[test]
fn figures_stay_while_nothing_changes_and_begin_anew_with_another() {
    let mut shadowed = Shadowed::new(("token_echo", "token_remembers"), &json!({}), 1_000);
    assert!(shadowed.ask());
    shadowed.install();
    assert_eq!(shadowed.report().calls, 1, "the same declaration again");
    shadowed.stored.shadow.as_mut().unwrap().sha256 = hash(&guest("token_echo"));
    shadowed.install();
    assert_eq!(shadowed.report().calls, 0);
    shadowed.stored.shadow.as_mut().unwrap().sha256 = ComponentHash::of(b"nothing").to_string();
    shadowed.install();
    assert!(shadowed.report().not_loaded.unwrap().contains("no uploaded component"));
    assert!(shadowed.fixture.shape(None, "").is_ok());
    shadowed.stored.shadow = None;
    shadowed.install();
    assert_eq!(shadowed.fixture.host.shadow(&shadowed.fixture.tenant, "plan"), None);
}

#[test]
fn candidate_that_cannot_be_loaded_is_refused_as_a_shadow() {
    let shadowed = Shadowed::new(("token_echo", "token_echo"), &json!({}), 0);
    let candidate = StoredPlugin { sha256: "0".repeat(64), shadow: None, ..shadowed.stored.clone() };
    assert!(
        run(shadowed.fixture.host.check_shadow(
            &shadowed.fixture.tenant,
            candidate,
            &TrustSettings::default()
        ))
        .is_err()
    );
    assert_eq!(shadowed.report().calls, 0, "a share of nothing sees nothing");
}
