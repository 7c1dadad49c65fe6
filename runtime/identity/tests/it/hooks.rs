//! What the tenant's plugins decide, at each place where the room asks them.

use std::sync::{Arc, Mutex, PoisonError};

use portcullis_identity::administration::{AdministrationError, ReplaceIdentity, replace};
use portcullis_identity::flow::{FlowError, FlowKind};
use portcullis_identity::hooks::{
    AccountEvent, Additions, Answer, IdentityHooks, ImportAttempt, ImportVerdict, LoginAttempt,
    LoginDecision, LoginOutcome, Refusals, RegistrationDecision, RegistrationForm, Told, TraitsCandidate,
    TraitsVerdict,
};
use portcullis_identity::{Identity, Step, Write};
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::{Actor, IdentityId, SessionClaims};
use serde_json::{Map, Value, json};

use crate::world::{World, login, message};

/// Plugins that answer as a test says, and remember what they were asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scripted {
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    /// The place that is denied.
    pub(crate) denies: Option<&'static str>,
    /// The place that fails.
    pub(crate) fails: Option<&'static str>,
    /// The traits that registration or validation gives, where it does.
    pub(crate) gives: Option<(&'static str, Map<String, Value>)>,
    /// Where those who begin to sign in are sent.
    pub(crate) redirects: Option<&'static str>,
    /// What those who have proven who they are get, if they are not denied.
    pub(crate) outcome: Option<LoginOutcome>,
}

impl Scripted {
    /// Notes the question; whether it is to be denied.
    fn ask(&self, place: &'static str, what: &str) -> Result<bool, HookFailure> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{place} {what}"));
        if self.fails == Some(place) {
            let (plugin, detail) = ("scripted".to_owned(), "trapped".to_owned());
            return Err(HookFailure { plugin, kind: HookFailureKind::Trap, detail });
        }
        Ok(self.denies == Some(place))
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn given(&self, place: &str) -> Option<Map<String, Value>> {
        self.gives.as_ref().filter(|(at, _)| *at == place).map(|(_, traits)| traits.clone())
    }
}

fn refusals() -> Refusals {
    Refusals {
        form: Some("Not today.".to_owned()),
        fields: vec![
            ("traits.email".to_owned(), "Use another.".to_owned()),
            ("traits.unseen".to_owned(), "Cannot be.".to_owned()),
        ],
        ..Refusals::default()
    }
}

impl IdentityHooks for Scripted {
    fn before_login<'a>(
        &'a self,
        _: &'a HookContext,
        attempt: &'a LoginAttempt,
    ) -> Answer<'a, LoginDecision> {
        let denied = self.ask("before_login", &attempt.identifier);
        Box::pin(async move {
            Ok(match (denied?, self.redirects) {
                (true, _) => LoginDecision::Deny { message: "Not today.".to_owned() },
                (false, Some(url)) => LoginDecision::Redirect { url: url.to_owned() },
                (false, None) => LoginDecision::Allow,
            })
        })
    }

    fn after_login<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a LoginAttempt,
        identity: &'a Identity,
    ) -> Answer<'a, LoginOutcome> {
        assert!(matches!(context.actor, Actor::Subject(id) if id == identity.id));
        let denied = self.ask("after_login", if attempt.refresh { "again" } else { "anew" });
        let allowed = LoginOutcome::Allow { claims: SessionClaims::default() };
        Box::pin(async move {
            Ok(if denied? {
                LoginOutcome::Deny { message: "Not today.".to_owned() }
            } else {
                self.outcome.clone().unwrap_or(allowed)
            })
        })
    }

    fn after_account<'a>(&'a self, _: &'a HookContext, _: &'a AccountEvent<'a>) -> Told<'a> {
        Box::pin(async { Vec::new() })
    }

    fn verify_import<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a ImportAttempt<'a>,
    ) -> Answer<'a, ImportVerdict> {
        assert_eq!((&context.actor, context.organisation), (&Actor::Anonymous, None));
        // A password that was typed is told only of an account whose it may be.
        let told = if attempt.identity.is_some() { attempt.password.expose() } else { "nobody" };
        assert!(attempt.identity.is_some() || !attempt.password.expose().contains("horse"));
        let denied = self.ask("verify_import", told);
        let is_right =
            attempt.credential.as_ref().is_some_and(|kept| kept.expose() == attempt.password.expose());
        Box::pin(async move {
            Ok(if !denied? && (is_right || attempt.identity.is_none()) {
                ImportVerdict::Correct
            } else {
                ImportVerdict::Wrong
            })
        })
    }

    fn before_registration<'a>(
        &'a self,
        _: &'a HookContext,
        form: &'a RegistrationForm,
    ) -> Answer<'a, RegistrationDecision> {
        let denied = self.ask("before_registration", if form.origin.is_some() { "self" } else { "admin" });
        Box::pin(async move {
            Ok(if denied? {
                RegistrationDecision::Deny(refusals())
            } else {
                RegistrationDecision::Allow { traits: self.given("before_registration") }
            })
        })
    }

    fn after_registration<'a>(&'a self, _: &'a HookContext, _: &'a Identity) -> Answer<'a, Additions> {
        let asked = self.ask("after_registration", "");
        let metadata = json!({ "by": "plugin" }).as_object().cloned();
        Box::pin(async move {
            asked?;
            Ok(Additions { metadata_public: metadata, ..Additions::default() })
        })
    }

    fn validate_traits<'a>(
        &'a self,
        _: &'a HookContext,
        candidate: &'a TraitsCandidate,
    ) -> Answer<'a, TraitsVerdict> {
        let whose = if candidate.replaces.is_some() { "replaced" } else { "new" };
        let denied = self.ask("validate_traits", whose);
        Box::pin(async move {
            Ok(if denied? {
                TraitsVerdict::Invalid(refusals().fields)
            } else {
                TraitsVerdict::Valid(self.given("validate_traits"))
            })
        })
    }
}

/// A world with ada, whose plugins answer as scripted from now on.
pub(crate) async fn scripted(hooks: &Scripted) -> (World, Identity) {
    let mut world = World::new();
    let ada = world.person("ada@acme.example").await;
    world.hooks = Box::new(hooks.clone());
    (world, ada)
}

fn sign_up(email: &str) -> Value {
    json!({ "method": "password", "password": "moss-covered lantern", "traits": { "email": email } })
}

async fn register(world: &World, email: &str) -> Result<Step, FlowError> {
    world.submit(FlowKind::Registration { login_challenge: None }, None, &sign_up(email)).await
}

#[tokio::test]
async fn login_asks_before_the_look_up_and_after_the_proof() {
    let hooks = Scripted::default();
    let (world, _) = scripted(&hooks).await;
    world.login("nobody@acme.example", "correct horse").await.unwrap();
    let failed = |who: &str| [format!("before_login {who}@acme.example"), "verify_import nobody".to_owned()];
    assert_eq!(hooks.asked(), failed("nobody"), "alike, whether there is an account");
    world.login("ada@acme.example", "wrong").await.unwrap();
    assert_eq!(hooks.asked(), failed("ada"));
    let session = world.sign_in("ada@acme.example").await;
    assert_eq!(hooks.asked(), ["before_login ada@acme.example", "after_login anew"]);
    let body = json!({ "method": "password", "identifier": "ada@acme.example", "password": "correct horse" });
    let again = world.submit(login(Some(session.identity().id)), Some(&session), &body).await.unwrap();
    assert!(matches!(again, Step::Refreshed { .. }));
    assert_eq!(hooks.asked(), ["before_login ada@acme.example", "after_login again"]);
}

#[tokio::test]
async fn login_that_a_plugin_denies_or_fails_signs_nobody_in() {
    for place in ["before_login", "after_login"] {
        let (world, _) = scripted(&Scripted { denies: Some(place), ..Scripted::default() }).await;
        let step = world.login("ada@acme.example", "correct horse").await.unwrap();
        assert_eq!(message(&step), 4_000_001, "{place}");
        let (world, _) = scripted(&Scripted { fails: Some(place), ..Scripted::default() }).await;
        let failed = world.login("ada@acme.example", "correct horse").await.unwrap_err();
        assert!(matches!(failed, FlowError::Hook(_)), "{place}: {failed}");
    }
}

#[tokio::test]
async fn login_is_redirected_to_listed_places_only_and_before_anything_is_known() {
    for (url, allowed) in [
        ("https://login.customer.example/?from=acme", true),
        ("/ui/settings", true),
        ("https://evil.example/", false),
        ("not a url", false),
    ] {
        let hooks = Scripted { redirects: Some(url), ..Scripted::default() };
        let (mut world, _) = scripted(&hooks).await;
        let origin = "https://login.customer.example".parse().unwrap();
        world.settings.flow.login_redirect_origins = [origin].into();
        for identifier in ["ada@acme.example", "nobody@acme.example"] {
            match world.login(identifier, "correct horse").await {
                Ok(Step::Elsewhere(place)) => {
                    assert!(allowed && place.as_str().ends_with(url.trim_start_matches('.')), "{url}");
                }
                Err(FlowError::Hook(failure)) => {
                    assert!(!allowed && failure.kind == HookFailureKind::BadAnswer, "{url}: {failure}");
                }
                other => panic!("{url}: {other:?}"),
            }
        }
        assert!(hooks.asked().iter().all(|asked| asked.starts_with("before_login")), "{url}");
    }
}

#[tokio::test]
async fn second_factor_that_nobody_has_lets_nobody_in() {
    let outcome = Some(LoginOutcome::RequireSecondFactor);
    let (world, _) = scripted(&Scripted { outcome, ..Scripted::default() }).await;
    assert_eq!(message(&world.login("ada@acme.example", "correct horse").await.unwrap()), 8_000_003);
}

#[tokio::test]
async fn claims_stay_with_the_session_until_plugins_set_others() {
    let claims = |value: Value| SessionClaims::check(value.as_object().cloned().unwrap()).unwrap();
    let says = |claims: SessionClaims| {
        let outcome = Some(LoginOutcome::Allow { claims });
        Box::new(Scripted { outcome, ..Scripted::default() })
    };
    let (mut world, ada) = scripted(&Scripted::default()).await;
    let first = claims(json!({ "desk": "3.14" }));
    world.hooks = says(first.clone());
    let session = world.sign_in("ada@acme.example").await;
    assert_eq!(session.subject(&world.tenant).claims, first);
    assert_eq!(session.document(world.now, "x")["portcullis_claims"], json!({ "desk": "3.14" }));

    let body = json!({ "method": "password", "identifier": "ada@acme.example", "password": "correct horse" });
    for (said, kept) in [
        (SessionClaims::default(), first),
        (claims(json!({ "desk": null })), claims(json!({ "desk": null }))),
    ] {
        world.hooks = says(said);
        let again = world.submit(login(Some(ada.id)), Some(&session), &body).await.unwrap();
        let Step::Refreshed { session, change } = again else { panic!("not refreshed") };
        assert_eq!(session.claims, kept);
        let [Write::RefreshSession { claims, .. }] = &*change.writes else { panic!("{change:?}") };
        assert_eq!(*claims, kept);
    }
}

#[tokio::test]
async fn registration_is_decided_by_plugins_in_order() {
    let hooks = Scripted::default();
    let (world, _) = scripted(&hooks).await;
    let Step::Registered { identity, .. } = register(&world, "bob@acme.example").await.unwrap() else {
        panic!("not registered")
    };
    let asked =
        ["before_registration self", "validate_traits new", "after_registration ", "after_login anew"];
    assert_eq!(hooks.asked(), asked);
    assert_eq!(identity.metadata_public, Some(json!({ "by": "plugin" })));
    assert_eq!(identity.metadata_admin, None);
}

#[tokio::test]
async fn registration_that_a_plugin_denies_or_fails_makes_no_account() {
    for place in ["before_registration", "validate_traits"] {
        let (world, _) = scripted(&Scripted { denies: Some(place), ..Scripted::default() }).await;
        let Step::Form(flow) = register(&world, "bob@acme.example").await.unwrap() else {
            panic!("{place}: not the form")
        };
        assert_eq!(flow.field_messages.len(), 1, "{place}: of the field that is shown");
        assert!(flow.messages.iter().any(|message| message.text == "Cannot be."), "{place}: of another");
    }
    for place in ["before_registration", "validate_traits", "after_registration", "after_login"] {
        let (world, _) = scripted(&Scripted { fails: Some(place), ..Scripted::default() }).await;
        let failed = register(&world, "bob@acme.example").await.unwrap_err();
        assert!(matches!(failed, FlowError::Hook(_)), "{place}: {failed}");
    }
}

#[tokio::test]
async fn sign_up_that_signs_in_asks_as_a_sign_in_does() {
    let denied = Scripted { denies: Some("after_login"), ..Scripted::default() };
    let factor = Scripted { outcome: Some(LoginOutcome::RequireSecondFactor), ..Scripted::default() };
    for hooks in [denied, factor] {
        let (world, _) = scripted(&hooks).await;
        let Step::Registered { session, .. } = register(&world, "bob@acme.example").await.unwrap() else {
            panic!("not registered")
        };
        assert!(session.is_none(), "the account is made, and nobody is signed in");
    }
    let claims = SessionClaims::check(json!({ "desk": "3.14" }).as_object().cloned().unwrap()).unwrap();
    let outcome = Some(LoginOutcome::Allow { claims: claims.clone() });
    let (mut world, _) = scripted(&Scripted { outcome, ..Scripted::default() }).await;
    let Step::Registered { session, .. } = register(&world, "bob@acme.example").await.unwrap() else {
        panic!("not registered")
    };
    assert_eq!(session.unwrap().0.claims, claims);

    world.settings.flow.session_after_registration = false;
    let hooks = Scripted::default();
    world.hooks = Box::new(hooks.clone());
    register(&world, "carol@acme.example").await.unwrap();
    assert!(!hooks.asked().iter().any(|asked| asked.starts_with("after_login")), "nobody signs in");
}

#[tokio::test]
async fn traits_that_a_plugin_gives_are_checked_like_those_that_people_type() {
    let traits = |email: &str| json!({ "email": email }).as_object().cloned().unwrap();
    for place in ["before_registration", "validate_traits"] {
        let gives = Some((place, traits("carol@acme.example")));
        let (world, _) = scripted(&Scripted { gives, ..Scripted::default() }).await;
        let Step::Registered { identity, .. } = register(&world, "bob@acme.example").await.unwrap() else {
            panic!("{place}: not registered")
        };
        assert_eq!(identity.traits["email"], "carol@acme.example", "{place}");

        let gives = Some((place, traits("ada@acme.example")));
        let (world, _) = scripted(&Scripted { gives, ..Scripted::default() }).await;
        let step = register(&world, "bob@acme.example").await.unwrap();
        assert_eq!(message(&step), 4_000_007, "{place}: taken by somebody else");

        let gives = Some((place, traits("no address")));
        let (world, _) = scripted(&Scripted { gives, ..Scripted::default() }).await;
        let failed = register(&world, "bob@acme.example").await.unwrap_err();
        assert!(failed.to_string().contains("traits.email"), "{place}: {failed}");
    }
}

#[tokio::test]
async fn operators_and_settings_are_asked_about_too() {
    let hooks = Scripted::default();
    let (mut world, ada) = scripted(&hooks).await;
    let body = json!({ "schema_id": "default", "traits": { "email": "dan@acme.example" } });
    world.create(&body).await.unwrap();
    assert_eq!(hooks.asked(), ["before_registration admin", "validate_traits new", "after_registration "]);

    let replacement = || {
        let body =
            json!({ "schema_id": "default", "state": "active", "traits": { "email": "ada@acme.example" } });
        ReplaceIdentity::from_json(body.to_string().as_bytes()).unwrap()
    };
    replace(world.room(), Actor::System, ada.id, replacement()).await.unwrap();
    assert_eq!(hooks.asked(), ["validate_traits replaced"]);

    let session = world.sign_in("ada@acme.example").await;
    hooks.asked();
    let settings = |identity: IdentityId| FlowKind::Settings { identity, saved: false };
    let profile = json!({ "method": "profile", "traits": { "email": "ada@acme.example" } });
    let saved = world.submit(settings(ada.id), Some(&session), &profile).await.unwrap();
    assert!(matches!(saved, Step::Saved { .. }));
    assert_eq!(hooks.asked(), ["validate_traits replaced"]);

    world.hooks = Box::new(Scripted { denies: Some("validate_traits"), ..Scripted::default() });
    let step = world.submit(settings(ada.id), Some(&session), &profile).await.unwrap();
    assert!(matches!(step, Step::Form(_)));
    let refused = world.create(&body).await.unwrap_err();
    assert!(matches!(refused, AdministrationError::Refused(_)));
    assert!(refused.to_string().contains("traits.email: Use another."), "{refused}");
    let refused = replace(world.room(), Actor::System, ada.id, replacement()).await.unwrap_err();
    assert!(matches!(refused, AdministrationError::Refused(_)));
}
