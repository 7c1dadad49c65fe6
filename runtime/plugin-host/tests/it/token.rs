//! The `token` hook through real guests: each fixture of `plugins/fixtures` has the test of its name here.

use std::time::{Duration, Instant};

use oauth2::hooks::{TokenDecision, TokenHook as _, TokenShape};
use portcullis_plugin_host::{Binding, HookName, HostError, PluginSpec, Settings};
use primitives::OrganisationId;
use primitives::hooks::HookFailureKind;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tenancy::TenantPlugins as _;
use tenancy::plugin::TrustSettings;
use uuid::Uuid;

use crate::account::account_notes;
use crate::capabilities::http::capability_http;
use crate::capabilities::identities::capability_identities;
use crate::capabilities::kv::capability_kv;
use crate::capabilities::permissions::capability_permissions;
use crate::capabilities::secrets::capability_secrets;
use crate::captcha::captcha_asks;
use crate::claim_mapper::{mapper_bad_json, mapper_rules};
use crate::credential_import::import_rules;
use crate::event::event_notes;
use crate::fixture::{Fixture, issued, request, run, spec};
use crate::install::token_other_types;
use crate::introspection::token_introspects;
use crate::log::Log;
use crate::message::message_rules;
use crate::people::{people_bad, people_rules};
use crate::policy::policy_rules;
use crate::settings::settings_checks;
use crate::transform::{transform_both, transform_next, transform_rules};

// A fixture without a test of its name does not compile.
include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));

/// A guest that fails: with this kind, these words in its detail.
fn check_failure(guest: &str, kind: HookFailureKind, words: &str) {
    let fixture = Fixture::with(guest);
    let failure = fixture.shape(None, "ada@acme.example").unwrap_err();
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.detail.contains(words), "{failure}");
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
    let fixture = Fixture::new(Settings::default());
    let mut sleeping = spec("token_sleep");
    sleeping.limits.wall_ms = Some(100);
    run(fixture.host.install_plugin(&fixture.tenant, sleeping)).unwrap();
    let failure = fixture.shape(None, "").unwrap_err();
    assert_eq!((failure.kind, &*failure.detail), (HookFailureKind::WallLimit, "ran past 100 ms"));
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
    match run(fixture.host.install_plugin(&fixture.tenant, spec("token_sockets"))) {
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
    run(fixture.host.install_plugin(&fixture.tenant, sample)).unwrap();
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
fn binding_limits_a_plugin_to_its_organisation() {
    let fixture = Fixture::new(Settings::default());
    let mut bound = spec("token_remembers");
    let organisation = OrganisationId(Uuid::from_u128(5));
    bound.bindings =
        vec![Binding { hook: HookName::Token, organisation: Some(organisation), client: None, order: 0 }];
    run(fixture.host.install_plugin(&fixture.tenant, bound)).unwrap();
    assert!(fixture.host.applies(&fixture.context(Some(organisation))));
    assert!(!fixture.host.applies(&fixture.context(None)));
    assert_eq!(issued(fixture.shape(None, "")), TokenShape::default());
}

#[test]
fn plugin_of_one_tenant_is_not_called_for_another() {
    let mut fixture = Fixture::with("token_remembers");
    fixture.tenant = "other".parse().unwrap();
    run(fixture.host.install(&fixture.tenant, Vec::new(), &TrustSettings::default()));
    assert!(!fixture.host.applies(&fixture.context(None)));
}

#[test]
fn tenant_that_used_up_its_cpu_waits_for_more_and_is_refused_late() {
    let fixture = Fixture::new(Settings { tenant_cpu_ms_per_second: 1, ..Settings::default() });
    let mut plugin = spec("token_loop");
    plugin.limits.wall_ms = Some(500);
    run(fixture.host.install_plugin(&fixture.tenant, plugin)).unwrap();
    fixture.shape(None, "").unwrap_err();
    let start = Instant::now();
    let failure = fixture.shape(None, "").unwrap_err();
    assert_eq!(failure.kind, HookFailureKind::CpuLimit);
    assert!(failure.detail.contains("the tenant used up its guest CPU"), "{failure}");
    // Half of its wall time at least.
    assert!(start.elapsed() >= Duration::from_millis(250), "a refusal at once is one to ask for again");
}

#[test]
fn call_uses_an_instance_made_ahead_when_its_start_asks_for_nothing() {
    let fixture = Fixture::with("enrich_token_rust");
    let mut registry = Registry::default();
    fixture.host.metrics().register(&mut registry);
    let instances = || {
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        ["ahead", "in_call"].map(|made| {
            let series = format!("portcullis_plugin_instances_total{{made=\"{made}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&series)?.parse::<u32>().ok()).unwrap_or(0)
        })
    };
    for _ in 0..3 {
        fixture.shape(None, "ada@nobody.example").unwrap();
        // What the call left to be done.
        run(tokio::task::yield_now());
    }
    assert_eq!(instances(), [2, 1]);
}

/// A component that made room for others and is loaded again has other functions than the instances of before.
#[test]
fn component_that_is_loaded_anew_is_called_in_instances_of_its_own() {
    let fixture = Fixture::new(Settings { loaded_components: 0, ..Settings::default() });
    run(fixture.host.install_plugin(&fixture.tenant, spec("enrich_token_rust"))).unwrap();
    let (context, request) = (fixture.context(None), request("ada@nobody.example"));
    for _ in 0..3 {
        run(fixture.host.shape_tokens(&context, &request)).unwrap();
        // What the call left to be done.
        run(tokio::task::yield_now());
        run(fixture.host.shape_userinfo(&context, &request)).unwrap();
        run(tokio::task::yield_now());
    }
}

/// Attack: a plugin that always fails is called all the time, and its lines fill the operator's disk.
#[test]
fn plugin_that_fails_all_the_time_writes_few_lines() {
    let log = Log::of_the_process();
    let fixture = Fixture::new(Settings::default());
    // Under a name of its own: other tests log too.
    let failing = PluginSpec { name: "always-fails".to_owned(), ..spec("token_trap") };
    run(fixture.host.install_plugin(&fixture.tenant, failing)).unwrap();
    let start = Instant::now();
    for _ in 0..100 {
        fixture.shape(None, "").unwrap_err();
    }
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    let text = log.text();
    let lines = text.lines().filter(|line| line.contains("plugin failed") && line.contains("always-fails"));
    let lines = lines.count();
    assert!((1..=10 * seconds).contains(&lines) && lines < 100, "{lines} lines in {seconds} s");
}
