//! The hooks about people through real guests: `login`, `registration` and `identity-schema`.

use identity::hooks::{
    Additions, IdentityHooks as _, LoginAttempt, LoginDecision, LoginOutcome, Origin, Refusals,
    RegistrationDecision, RegistrationForm, TraitsCandidate, TraitsVerdict,
};
use identity::schema::Schemas;
use identity::session::Method;
use identity::{Identity, Settings as IdentitySettings};
use portcullis_plugin_host::{Binding, HookName, PluginSource, PluginSpec, Settings};
use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::rng::SeededRng;
use primitives::{Actor, ClientAddress, IdentityId, SessionClaims, Timestamp};
use serde_json::{Map, Value, json};
use tenancy::TenantPlugins;

use crate::fixture::{Fixture, component, run};

const HOOKS: [HookName; 3] = [HookName::Login, HookName::Registration, HookName::IdentitySchema];

fn spec(guest: &str, hooks: &[HookName]) -> PluginSpec {
    let mut spec = PluginSpec::new("people", PluginSource::File(component(guest)), HookName::Login);
    spec.bindings = hooks.iter().copied().map(Binding::every).collect();
    spec.limits.wall_ms = Some(10_000);
    spec
}

fn with(guest: &str, hooks: &[HookName]) -> Fixture {
    let fixture = Fixture::new(Settings::default());
    run(fixture.host.install_plugin(&fixture.tenant, spec(guest, hooks))).unwrap();
    fixture
}

pub(crate) fn origin() -> Origin {
    let address = ClientAddress("203.0.113.9".parse().unwrap());
    Origin { address, user_agent: Some("test".to_owned()) }
}

fn attempt(identifier: &str) -> LoginAttempt {
    LoginAttempt {
        identifier: identifier.to_owned(),
        method: Method::Password,
        refresh: false,
        origin: origin(),
    }
}

fn traits(email: &str, first: &str) -> Map<String, Value> {
    json!({ "email": email, "name": { "first": first } }).as_object().unwrap().clone()
}

pub(crate) fn person(email: &str) -> Identity {
    let schemas = Schemas::compile(&IdentitySettings::default()).unwrap();
    let checked = schemas.default_schema().check_traits(traits(email, "Ada")).unwrap();
    let rng = SeededRng::new(1);
    Identity::new(IdentityId::generate(&rng), &checked, &rng, Timestamp::from_seconds(1_000))
}

impl Fixture {
    fn before_login(&self, identifier: &str) -> Result<LoginDecision, HookFailure> {
        run(self.host.before_login(&self.context(None), &attempt(identifier)))
    }

    fn after_login(&self, identity: &Identity) -> Result<LoginOutcome, HookFailure> {
        let mut context = self.context(None);
        context.actor = Actor::Subject(identity.id);
        run(self.host.after_login(&context, &attempt("ada"), identity))
    }

    fn register(&self, email: &str, by_themselves: bool) -> Result<RegistrationDecision, HookFailure> {
        let form = RegistrationForm {
            schema: "default".to_owned(),
            traits: traits(email, "Ada"),
            origin: by_themselves.then(origin),
        };
        run(self.host.before_registration(&self.context(None), &form))
    }

    fn validate(&self, first: &str) -> Result<TraitsVerdict, HookFailure> {
        let candidate = TraitsCandidate {
            schema: "default".to_owned(),
            traits: traits("ada@acme.example", first),
            replaces: None,
        };
        run(self.host.validate_traits(&self.context(None), &candidate))
    }
}

#[test]
pub(crate) fn people_rules() {
    let fixture = with("people_rules", &HOOKS);
    assert_eq!(fixture.before_login("ada@acme.example"), Ok(LoginDecision::Allow));
    let message = "Closed for 203.0.113.9 .".to_owned();
    assert_eq!(fixture.before_login("ada@closed.example"), Ok(LoginDecision::Deny { message }));

    let mut ada = person("ada@acme.example");
    let url = "https://login.home.example/?for=acme".to_owned();
    assert_eq!(fixture.before_login("ada@home.example"), Ok(LoginDecision::Redirect { url }));
    let allowed = |claims: Value| {
        let claims = SessionClaims::check(claims.as_object().cloned().unwrap()).unwrap();
        Ok(LoginOutcome::Allow { claims })
    };
    assert_eq!(fixture.after_login(&ada), allowed(json!({})));
    ada.metadata_admin = Some(json!({ "desk": "3.14" }));
    assert_eq!(fixture.after_login(&ada), allowed(json!({ "desk": "3.14", "again": false })));
    ada.metadata_admin = Some(json!({ "second_factor": true }));
    assert_eq!(fixture.after_login(&ada), Ok(LoginOutcome::RequireSecondFactor));
    ada.metadata_admin = Some(json!({ "banned": true }));
    let message = "ada@acme.example is banned (password, nexboard)".to_owned();
    assert_eq!(fixture.after_login(&ada), Ok(LoginOutcome::Deny { message }));

    let as_it_is = RegistrationDecision::Allow { traits: None };
    assert_eq!(fixture.register("ada@acme.example", true), Ok(as_it_is.clone()));
    let fields = vec![("traits.email".to_owned(), "Use an address that lasts.".to_owned())];
    let refused = RegistrationDecision::Deny(Refusals { fields, ..Refusals::default() });
    assert_eq!(fixture.register("ada@mailinator.example", true), Ok(refused));
    let lower = RegistrationDecision::Allow { traits: Some(traits("capital@acme.example", "Ada")) };
    assert_eq!(fixture.register("CAPITAL@acme.example", true), Ok(lower));
    assert_eq!(fixture.register("CAPITAL@acme.example", false), Ok(as_it_is), "of an administrator");
    let added = run(fixture.host.after_registration(&fixture.context(None), &ada)).unwrap();
    let object = |value: Value| value.as_object().cloned();
    let expected = Additions {
        metadata_public: object(json!({ "tenant": "default" })),
        metadata_admin: object(json!({ "schema": "default" })),
        ..Additions::default()
    };
    assert_eq!(added, expected);

    assert_eq!(fixture.validate("Ada"), Ok(TraitsVerdict::Valid(None)));
    let invalid = vec![("traits.name.first".to_owned(), "Nobody is called that.".to_owned())];
    assert_eq!(fixture.validate("Mallory"), Ok(TraitsVerdict::Invalid(invalid)));
}

#[test]
pub(crate) fn people_bad() {
    let fixture = with("people_bad", &HOOKS);
    let kind = |answer: Result<LoginDecision, HookFailure>| answer.unwrap_err().kind;
    assert_eq!(kind(fixture.before_login("trap")), HookFailureKind::Trap);
    assert_eq!(kind(fixture.before_login("loop")), HookFailureKind::CpuLimit);
    assert_eq!(kind(fixture.before_login("error")), HookFailureKind::GuestError);
    let Ok(LoginDecision::Deny { message }) = fixture.before_login("long") else { panic!("not denied") };
    assert_eq!(message.len(), 512);
    assert_eq!(kind(fixture.before_login("far")), HookFailureKind::BadAnswer);
    let kind = |answer: Result<LoginOutcome, HookFailure>| answer.unwrap_err().kind;
    assert_eq!(kind(fixture.after_login(&person("ada@acme.example"))), HookFailureKind::GuestError);
    assert_eq!(kind(fixture.after_login(&person("large@acme.example"))), HookFailureKind::BadAnswer);
    assert_eq!(fixture.register("ada@acme.example", true).unwrap_err().kind, HookFailureKind::BadAnswer);
    assert_eq!(fixture.validate("Ada").unwrap_err().kind, HookFailureKind::BadAnswer);
}

#[test]
fn hook_without_a_plugin_allows_and_one_whose_plugin_is_broken_fails() {
    let fixture = with("people_bad", &[HookName::IdentitySchema]);
    assert_eq!(fixture.before_login("trap"), Ok(LoginDecision::Allow));
    let as_it_is = RegistrationDecision::Allow { traits: None };
    assert_eq!(fixture.register("ada@acme.example", true), Ok(as_it_is));
    TenantPlugins::forget(&fixture.host, &fixture.tenant);
    let failures = [
        fixture.before_login("ada").unwrap_err(),
        fixture.register("ada@acme.example", true).unwrap_err(),
        fixture.validate("Ada").unwrap_err(),
    ];
    assert!(failures.iter().all(|failure| failure.kind == HookFailureKind::Unavailable), "{failures:?}");
}

#[test]
fn component_is_bound_only_to_hooks_that_it_exports() {
    let fixture = Fixture::new(Settings::default());
    let refused = run(fixture.host.install_plugin(&fixture.tenant, spec("token_echo", &HOOKS))).unwrap_err();
    assert!(refused.to_string().contains("portcullis:login/hook@0.1.0"), "{refused}");
}
