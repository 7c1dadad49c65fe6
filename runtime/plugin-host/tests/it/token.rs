//! The `token` hook through real guests: each fixture of `plugins/fixtures` has the test of its name here.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth2::hooks::{TokenDecision, TokenHook as _, TokenRequest, TokenShape, TokenSubject};
use portcullis_plugin_host::{
    Binding, Capability, HookName, HostError, PluginHost, PluginSource, PluginSpec, Settings,
};
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::time::FixedClock;
use primitives::{Actor, OrganisationId, RequestId, Sealer, TenantId, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

// A fixture without a test of its name does not compile.
include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));

/// A host with an empty cache of its own, and the tenant `default`.
struct Fixture {
    host: PluginHost,
    tenant: TenantId,
    cache: tempfile::TempDir,
}

impl Fixture {
    fn new(settings: Settings) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let host = host(settings, &cache.path().join("code"), 7);
        Self { host, tenant: TenantId::default_tenant(), cache }
    }

    fn with(guest: &str) -> Self {
        let fixture = Self::new(Settings::default());
        run(fixture.host.install(&fixture.tenant, spec(guest))).unwrap();
        fixture
    }

    fn shape(&self, organisation: Option<OrganisationId>, email: &str) -> Result<TokenDecision, HookFailure> {
        let (context, request) = (self.context(organisation), request(email));
        run(self.host.shape_tokens(&context, &request))
    }

    fn context(&self, organisation: Option<OrganisationId>) -> HookContext {
        HookContext {
            tenant: self.tenant.clone(),
            organisation,
            client: Some("nexboard".parse().unwrap()),
            actor: Actor::System,
            request: RequestId(Uuid::nil()),
        }
    }
}

fn host(settings: Settings, cache: &std::path::Path, key: u8) -> PluginHost {
    let key = DataKey { id: 1, material: [key; 32].into() };
    let sealer = Sealer::new(Keyring::new(key, Vec::new()), Arc::new(SeededRng::new(7)));
    let clock = FixedClock::new(Timestamp::from_seconds(1_000));
    PluginHost::new(settings, cache, Arc::new(sealer), Arc::new(clock)).unwrap()
}

/// Runs on a runtime of one thread: a guest that held the worker would hold the test.
fn run<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

fn component(guest: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned();
    let path = target.join(format!("guests/wasm32-wasip2/release/{guest}.wasm"));
    assert!(path.is_file(), "{} is missing; run: cargo xtask guests", path.display());
    path
}

fn spec(guest: &str) -> PluginSpec {
    let name = guest.replace('_', "-");
    PluginSpec::new(name, PluginSource::File(component(guest)), HookName::Token)
}

fn request(email: &str) -> TokenRequest {
    let traits = json!({ "email": email, "name": { "first": "Ada", "last": "Lovelace" } });
    TokenRequest {
        grant_type: "authorization_code".to_owned(),
        subject: Some(TokenSubject {
            id: "6c0f3a5e-3a87-4d44-9d65-0a6f5d4f3b21".to_owned(),
            session: Some("b9f3".to_owned()),
            assurance: "aal1".to_owned(),
            methods: vec!["pwd".to_owned()],
            traits: traits.as_object().unwrap().clone(),
            metadata: Map::new(),
        }),
        scopes: vec!["openid".to_owned(), "profile".to_owned()],
        audience: vec!["https://api.example".to_owned()],
        id_token: true,
    }
}

fn issued(decision: Result<TokenDecision, HookFailure>) -> TokenShape {
    match decision {
        Ok(TokenDecision::Issue(shape)) => shape,
        other => panic!("expected claims, got {other:?}"),
    }
}

/// A guest that fails: with this kind, these words in its detail, and within twice its wall limit.
fn check_failure(guest: &str, kind: HookFailureKind, words: &str) {
    let fixture = Fixture::with(guest);
    let start = Instant::now();
    let failure = fixture.shape(None, "ada@acme.example").unwrap_err();
    let took = start.elapsed();
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.detail.contains(words), "{failure}");
    assert!(took < Duration::from_millis(200), "{guest} was stopped after {took:?}");
}

#[test]
fn token_echo() {
    let fixture = Fixture::with("token_echo");
    let shape = issued(fixture.shape(None, "ada@acme.example"));
    assert_eq!(shape.id_token["tenant"], "default");
    assert_eq!(shape.id_token["client"], "nexboard");
    assert_eq!(shape.id_token["organisation"], Value::Null);
    assert_eq!(shape.id_token["grant_type"], "authorization_code");
    assert_eq!(shape.id_token["scopes"], json!(["openid", "profile"]));
    assert_eq!(shape.access_token["traits"]["name"]["first"], "Ada");
    assert!(!shape.id_token.contains_key("traits"));
    let (context, request) = (fixture.context(None), request(""));
    let userinfo = issued(run(fixture.host.shape_userinfo(&context, &request)));
    assert_eq!(userinfo.id_token["now"], 1_000_000_000_i64);
}

#[test]
fn token_loop() {
    check_failure("token_loop", HookFailureKind::CpuLimit, "50 ms");
}

#[test]
fn token_trap() {
    check_failure("token_trap", HookFailureKind::Trap, "unreachable");
}

#[test]
fn token_allocate() {
    check_failure("token_allocate", HookFailureKind::MemoryLimit, "33554432");
}

#[test]
fn token_too_much() {
    check_failure("token_too_much", HookFailureKind::OutputLimit, "65536");
}

#[test]
fn token_alias() {
    check_failure("token_alias", HookFailureKind::OutputLimit, "65536");
}

#[test]
fn token_bad_json() {
    check_failure("token_bad_json", HookFailureKind::BadAnswer, "not a JSON object");
}

#[test]
fn token_deep_json() {
    check_failure("token_deep_json", HookFailureKind::BadAnswer, "nested deeper");
}

#[test]
fn token_not_utf8() {
    check_failure("token_not_utf8", HookFailureKind::BadAnswer, "utf-8");
}

#[test]
fn token_extensions() {
    check_failure("token_extensions", HookFailureKind::BadAnswer, "extensions");
}

#[test]
fn token_protected() {
    check_failure("token_protected", HookFailureKind::BadAnswer, "protected claim sub");
}

#[test]
fn token_bad_error() {
    check_failure("token_bad_error", HookFailureKind::GuestError, "no such customer level=ERROR forged");
}

#[test]
fn token_sleep() {
    check_failure("token_sleep", HookFailureKind::WallLimit, "100 ms");
}

#[test]
fn token_host_calls() {
    let fixture = Fixture::with("token_host_calls");
    assert_eq!(issued(fixture.shape(None, "")).id_token["admitted"], 64);
}

#[test]
fn token_remembers() {
    let fixture = Fixture::with("token_remembers");
    for _ in 0..3 {
        assert_eq!(issued(fixture.shape(None, "")).id_token["calls"], 0);
    }
}

#[test]
fn token_sockets() {
    let fixture = Fixture::new(Settings::default());
    match run(fixture.host.install(&fixture.tenant, spec("token_sockets"))) {
        Err(HostError::NotGranted { missing }) => {
            assert!(missing.iter().any(|import| import.starts_with("wasi:sockets/tcp@")), "{missing:?}");
            assert!(!missing.iter().any(|import| import.starts_with("wasi:io/")), "{missing:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(!fixture.host.applies(&fixture.context(None)), "a failed candidate changes nothing");
}

#[test]
fn sample_adds_plan_and_seats_and_denies_a_suspended_customer() {
    let fixture = Fixture::new(Settings::default());
    let organisation = OrganisationId(Uuid::from_u128(5));
    let mut sample = spec("enrich_token_rust");
    let settings = json!({
        "organisations": { organisation.to_string(): { "plan": "enterprise", "seats": 250 } },
        "domains": {
            "acme.example": { "plan": "team", "seats": 12 },
            "late.example": { "plan": "team", "seats": 3, "suspended": true },
        },
    });
    sample.settings = settings.as_object().unwrap().clone();
    run(fixture.host.install(&fixture.tenant, sample)).unwrap();
    let acme = issued(fixture.shape(None, "ada@ACME.example"));
    assert_eq!(Value::Object(acme.id_token), json!({ "plan": "team", "seats": 12 }));
    assert_eq!(Value::Object(acme.access_token), json!({ "plan": "team", "seats": 12 }));
    let of_organisation = issued(fixture.shape(Some(organisation), "ada@acme.example"));
    assert_eq!(of_organisation.id_token["plan"], "enterprise");
    assert_eq!(issued(fixture.shape(None, "ada@nobody.example")), TokenShape::default());
    match fixture.shape(None, "ada@late.example") {
        Ok(TokenDecision::Deny { description }) => {
            assert!(description.contains("suspended"), "{description}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn capability_that_was_not_granted_is_named() {
    let fixture = Fixture::new(Settings::default());
    let mut sample = spec("enrich_token_rust");
    sample.grants.remove(&Capability::Config);
    match run(fixture.host.install(&fixture.tenant, sample)) {
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
    run(fixture.host.install(&fixture.tenant, candidate)).unwrap_err();
    assert_eq!(issued(fixture.shape(None, "")).id_token["calls"], 0);
}

#[test]
fn pinned_hash_must_fit() {
    let fixture = Fixture::new(Settings::default());
    let mut pinned = spec("token_echo");
    pinned.sha256 = Some("0".repeat(64));
    let refused = run(fixture.host.install(&fixture.tenant, pinned));
    assert!(matches!(refused, Err(HostError::WrongHash { .. })), "{refused:?}");
}

#[test]
fn bytes_that_are_no_component_are_refused() {
    let fixture = Fixture::new(Settings::default());
    let mut garbage = spec("token_echo");
    garbage.source = PluginSource::Bytes(Arc::from(*b"\0asm garbage"));
    let refused = run(fixture.host.install(&fixture.tenant, garbage));
    assert!(matches!(refused, Err(HostError::Invalid(_))), "{refused:?}");
}

#[test]
fn binding_limits_a_plugin_to_its_organisation() {
    let fixture = Fixture::new(Settings::default());
    let mut bound = spec("token_remembers");
    let organisation = OrganisationId(Uuid::from_u128(5));
    bound.bindings =
        vec![Binding { hook: HookName::Token, organisation: Some(organisation), client: None, order: 0 }];
    run(fixture.host.install(&fixture.tenant, bound)).unwrap();
    assert!(fixture.host.applies(&fixture.context(Some(organisation))));
    assert!(!fixture.host.applies(&fixture.context(None)));
    assert_eq!(issued(fixture.shape(None, "")), TokenShape::default());
}

#[test]
fn plugin_of_one_tenant_is_not_called_for_another() {
    let mut fixture = Fixture::with("token_remembers");
    fixture.tenant = "other".parse().unwrap();
    assert!(!fixture.host.applies(&fixture.context(None)));
}

#[test]
fn forged_compiled_code_is_never_mapped() {
    let fixture = Fixture::with("token_echo");
    let directory = fixture.cache.path().join("code");
    let code = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "cwasm"))
        .unwrap();
    let genuine = std::fs::read(&code).unwrap();
    let mut forged = genuine.clone();
    *forged.last_mut().unwrap() ^= 1;
    // Replaced as an attacker would: in place would change what the first host has mapped.
    std::fs::write(code.with_extension("forged"), &forged).unwrap();
    std::fs::rename(code.with_extension("forged"), &code).unwrap();
    let restarted = host(Settings::default(), &directory, 7);
    run(restarted.install(&fixture.tenant, spec("token_echo"))).unwrap();
    assert_ne!(std::fs::read(&code).unwrap(), forged, "the forged code was thrown away");
}

#[test]
fn cache_that_others_can_reach_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::with("token_echo");
    let directory = fixture.cache.path().join("code");
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let sealer = Sealer::new(
        Keyring::new(DataKey { id: 1, material: [7; 32].into() }, Vec::new()),
        Arc::new(SeededRng::new(7)),
    );
    let clock = FixedClock::new(Timestamp::from_seconds(0));
    let refused = PluginHost::new(Settings::default(), &directory, Arc::new(sealer), Arc::new(clock));
    assert!(refused.unwrap_err().to_string().contains("chmod 700"));
}

#[test]
fn tenant_that_used_up_its_cpu_is_refused_at_once() {
    let fixture = Fixture::new(Settings { tenant_cpu_ms_per_second: 20, ..Settings::default() });
    run(fixture.host.install(&fixture.tenant, spec("token_loop"))).unwrap();
    fixture.shape(None, "").unwrap_err();
    let failure = fixture.shape(None, "").unwrap_err();
    assert_eq!(failure.kind, HookFailureKind::CpuLimit);
    assert!(failure.detail.contains("the tenant used up its guest CPU"), "{failure}");
}
