//! Instances that serve several calls of one plugin: what a call left in them nobody else reads.

use std::num::NonZeroU32;

use identity::hooks::{IdentityHooks as _, ImportAttempt, ImportVerdict};
use identity::password::PlainPassword;
use oauth2::hooks::TokenHook as _;
use portcullis_plugin_host::{Binding, HookName, PluginSpec, Settings};
use primitives::TenantId;
use primitives::hooks::HookFailure;
use serde_json::json;
use tenancy::TenantPlugins as _;

use crate::fixture::{Fixture, issued, request, run, spec};
use crate::people::origin;

/// The guest that counts its calls, each instance of which may serve so many.
fn counting(calls_per_instance: u32) -> PluginSpec {
    let calls_per_instance = NonZeroU32::new(calls_per_instance).unwrap();
    PluginSpec { calls_per_instance, ..spec("token_remembers") }
}

fn installed(spec: PluginSpec) -> Fixture {
    let fixture = Fixture::new(Settings::default());
    run(fixture.host.install_plugin(&fixture.tenant, spec)).unwrap();
    fixture
}

/// How many calls the instance had served that answers this one, for somebody with this address.
fn ask(fixture: &Fixture, tenant: &TenantId, email: &str) -> Result<u64, HookFailure> {
    let mut context = fixture.context(None);
    context.tenant = tenant.clone();
    let decision = run(fixture.host.shape_tokens(&context, &request(email)))?;
    Ok(issued(Ok(decision)).id_token["calls"].as_u64().unwrap())
}

fn check(calls_per_instance: u32, emails: &[&str], expect: &[Option<u64>]) {
    let fixture = installed(counting(calls_per_instance));
    let seen: Vec<_> = emails.iter().map(|email| ask(&fixture, &fixture.tenant, email).ok()).collect();
    assert_eq!(seen, expect, "{calls_per_instance} calls, {emails:?}");
}

#[test]
fn instance_serves_as_many_calls_as_it_may() {
    check(1, &[""; 3], &[Some(0), Some(0), Some(0)]);
    check(3, &[""; 7], &[0, 1, 2, 0, 1, 2, 0].map(Some));
}

#[test]
fn instance_that_failed_or_has_words_in_its_streams_is_not_used_again() {
    check(9, &["", "", "trap@", "", ""], &[Some(0), Some(1), None, Some(0), Some(1)]);
    check(9, &["", "", "print@", "", ""], &[0, 1, 2, 0, 1].map(Some));
}

/// Attack: a plugin keeps the passwords that it is told for whoever calls it next.
#[test]
fn instance_that_was_told_a_password_is_not_used_again() {
    let bindings = [HookName::CredentialImport, HookName::Token].map(Binding::every).to_vec();
    let fixture = installed(PluginSpec { bindings, ..counting(9) });
    let attempt = ImportAttempt {
        identifier: "ada@acme.example".to_owned(),
        password: PlainPassword::new("moss-covered lantern 71"),
        credential: None,
        identity: None,
        origin: origin(),
    };
    let told = || run(fixture.host.verify_import(&fixture.context(None), &attempt)).unwrap();
    assert_eq!([told(), told()], [ImportVerdict::Correct; 2], "each is the first call of its instance");
    assert_eq!(ask(&fixture, &fixture.tenant, "").unwrap(), 0);
    assert_eq!(told(), ImportVerdict::Wrong, "it may be told one that served others");
    assert_eq!(ask(&fixture, &fixture.tenant, "").unwrap(), 0, "and is gone after that");
}

#[test]
fn what_an_instance_remembers_is_for_one_plugin_of_one_tenant() {
    let fixture = installed(counting(9));
    let other: TenantId = "other".parse().unwrap();
    run(fixture.host.install_plugin(&other, counting(9))).unwrap();
    for expect in 0..3 {
        assert_eq!(ask(&fixture, &fixture.tenant, "").unwrap(), expect);
        assert_eq!(ask(&fixture, &other, "").unwrap(), expect);
    }
    // A twin in the same tenant is asked first, by its name; the claims of the later one stand.
    let twin = PluginSpec { name: "a-twin".to_owned(), ..counting(9) };
    run(fixture.host.install_plugin(&fixture.tenant, twin)).unwrap();
    assert_eq!(ask(&fixture, &fixture.tenant, "").unwrap(), 3);
}

#[test]
fn plugin_that_was_declared_anew_begins_anew() {
    let fixture = installed(counting(9));
    let tenant = fixture.tenant.clone();
    assert_eq!([ask(&fixture, &tenant, ""), ask(&fixture, &tenant, "")].map(Result::unwrap), [0, 1]);
    run(fixture.host.install_plugin(&tenant, counting(9))).unwrap();
    assert_eq!(ask(&fixture, &tenant, "").unwrap(), 2, "what is declared as before is kept as it is");
    let mut changed = counting(9);
    changed.settings.insert("plan".to_owned(), json!("gold"));
    run(fixture.host.install_plugin(&tenant, changed)).unwrap();
    assert_eq!(ask(&fixture, &tenant, "").unwrap(), 0);
    fixture.host.forget(&tenant);
    run(fixture.host.install_plugin(&tenant, counting(9))).unwrap();
    assert_eq!(ask(&fixture, &tenant, "").unwrap(), 0);
}

#[test]
fn hosts_resources_of_a_reused_instance_stay_its_own() {
    // Its second print goes to a stream that it opened in the call before.
    check(2, &["", "print@", ""], &[0, 1, 0].map(Some));
}

#[test]
fn instances_of_more_plugins_than_are_kept_are_made_anew() {
    let fixture = Fixture::new(Settings::default());
    let tenants: Vec<TenantId> = (0..40).map(|at| format!("t{at}").parse().unwrap()).collect();
    for tenant in &tenants {
        run(fixture.host.install_plugin(tenant, counting(9))).unwrap();
    }
    for round in 0..2 {
        for tenant in &tenants {
            // Each comes again after 39 others, more than a node keeps.
            assert_eq!(ask(&fixture, tenant, "").unwrap(), 0, "round {round}");
        }
    }
    assert_eq!(ask(&fixture, tenants.last().unwrap(), "").unwrap(), 1);
}
