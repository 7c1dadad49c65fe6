//! A login and a consent app of the tenant's own: what they are told, and what comes of their answers.

use serde_json::Value;

use super::*;
use crate::authorization::external::{
    AcceptConsent, AcceptLogin, ChallengeError, Continued, RedirectTo, Reject,
};
use crate::settings::{Settings, Urls};

const LOGIN: &str = "https://login.example/in";
const CONSENT: &str = "https://login.example/consent?theme=dark";

pub(super) fn both(settings: &mut Settings) {
    settings.urls =
        Urls { login: Some(LOGIN.to_owned()), consent: Some(CONSENT.to_owned()), ..Urls::default() };
}

pub(super) fn world() -> World {
    World::of_app(both, &json!({}))
}

/// The parameter of the address that a browser is sent to.
pub(super) fn parameter(url: &str, name: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    let value = url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned());
    value.unwrap_or_else(|| panic!("{name} in {url}"))
}

pub(super) fn page(next: Result<Next, PageError>, name: &str) -> String {
    match next.unwrap() {
        Next::Page(url) => parameter(&url, name),
        other => panic!("{other:?}"),
    }
}

pub(super) fn verifier(answer: Result<RedirectTo, ChallengeError>, name: &str) -> String {
    let url = answer.unwrap().redirect_to;
    assert!(url.starts_with("https://id.example/oauth2/auth?"), "{url}");
    parameter(&url, name)
}

pub(super) fn accept<T: serde::de::DeserializeOwned>(answer: Value) -> T {
    serde_json::from_value(answer).unwrap()
}

pub(super) fn accept_login(
    world: &World,
    challenge: &str,
    answer: Value,
) -> Result<RedirectTo, ChallengeError> {
    let answer = accept::<AcceptLogin>(answer);
    world.commit(|| now(world.server.accept_login_challenge(challenge, answer.clone())))
}

pub(super) fn accept_consent(
    world: &World,
    challenge: &str,
    answer: Value,
) -> Result<RedirectTo, ChallengeError> {
    let answer = accept::<AcceptConsent>(answer);
    world.commit(|| now(world.server.accept_consent_challenge(challenge, answer.clone())))
}

pub(super) fn come_back(world: &World, verifier: &str, who: Browser<'_>) -> Result<Continued, PageError> {
    world.commit(|| now(world.server.continue_login(verifier, who)))
}

pub(super) fn consented(world: &World, verifier: &str, who: Browser<'_>) -> Result<Next, PageError> {
    world.commit(|| now(world.server.continue_consent(verifier, who)))
}

/// Somebody signs in at the app, and comes back to be asked: the consent's challenge, and who the browser has now.
pub(super) fn sign_in(
    world: &World,
    changes: &[(&str, &str)],
    answer: Value,
) -> (String, AuthenticatedSubject, Option<String>) {
    let asked = page(authorize(world, changes, None), "login_challenge");
    let accepted = verifier(accept_login(world, &asked, answer), "login_verifier");
    let continued = come_back(world, &accepted, browser(None)).unwrap();
    let cookie = continued.cookie.unwrap().value;
    let session = now(world.server.login_session(&cookie)).unwrap().expect("the browser is signed in");
    let subject = session.subject(&world.server.tenant);
    (page(Ok(continued.next), "consent_challenge"), subject, Some(cookie))
}

pub(super) fn code(next: Result<Next, PageError>) -> String {
    answer(next).find("code").unwrap().to_owned()
}

pub(super) fn payload(token: &str) -> Value {
    let payload = token.split('.').nth(1).and_then(primitives::base64url::decode).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[test]
fn display_of_a_request_that_is_too_long_to_be_told_whole_is_told() {
    let world = world();
    let brand = "b".repeat(3_100);
    let asked = page(authorize(&world, &[("display", "popup"), ("brand", &brand)], None), "login_challenge");
    let shown = now(world.server.show_login_challenge(&asked)).unwrap();
    assert_eq!(shown["request_url"], "https://id.example/oauth2/auth");
    assert_eq!(shown["oidc_context"]["display"], "popup");
}

#[test]
fn apps_are_told_what_is_asked_and_what_they_say_stands_in_the_tokens() {
    let world = world();
    let changes = [
        ("audience", "https://api.example"),
        ("login_hint", "ada"),
        ("display", "popup"),
        ("acr_values", "gold"),
        ("brand", "own"),
    ];
    let asked = page(authorize(&world, &changes, None), "login_challenge");
    let shown = now(world.server.show_login_challenge(&asked)).unwrap();
    assert_eq!(
        (&shown["challenge"], &shown["skip"], &shown["subject"]),
        (&json!(asked), &json!(false), &json!(""))
    );
    assert_eq!(shown["requested_scope"], json!(["openid", "read"]));
    assert_eq!(shown["requested_access_token_audience"], json!(["https://api.example"]));
    assert_eq!(shown["client"]["client_id"], "app");
    assert_eq!(parameter(shown["request_url"].as_str().unwrap(), "brand"), "own");
    assert_eq!(
        shown["oidc_context"],
        json!({"acr_values": ["gold"], "ui_locales": [], "login_hint": "ada", "display": "popup",
            "id_token_hint_claims": {}})
    );

    let answer = json!({"subject": "ada@crm", "acr": "gold", "amr": ["otp"], "context": {"desk": 7}});
    let (asked, ada, _) = sign_in(&world, &changes, answer);
    let shown = now(world.server.show_consent_challenge(&asked)).unwrap();
    assert_eq!(
        (&shown["subject"], &shown["acr"], &shown["amr"]),
        (&json!("ada@crm"), &json!("gold"), &json!(["otp"]))
    );
    assert_eq!((&shown["context"], &shown["skip"]), (&json!({"desk": 7}), &json!(false)));
    assert_eq!(shown["login_session_id"], ada.session.to_string());

    let answer = json!({
        "grant_scope": ["openid"], "grant_access_token_audience": ["https://api.example"],
        "session": {"access_token": {"floor": 3}, "id_token": {"email": "ada@crm.example"}}
    });
    let accepted = verifier(accept_consent(&world, &asked, answer), "consent_verifier");
    let tokens = world.redeem(&code(consented(&world, &accepted, browser(Some(&ada))))).unwrap();
    let id_token = payload(&tokens.id_token.unwrap());
    assert_eq!((&id_token["sub"], &id_token["sid"]), (&json!("ada@crm"), &json!(ada.session.to_string())));
    assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!("gold"), &json!(["otp"])));
    assert_eq!((&id_token["email"], &id_token["floor"]), (&json!("ada@crm.example"), &Value::Null));
    let access_token = payload(&tokens.access_token);
    assert_eq!((&access_token["sub"], &access_token["floor"]), (&json!("ada@crm"), &json!(3)));
    assert_eq!((&access_token["scope"], tokens.scope.as_str()), (&json!("openid"), "openid"));
    let introspected =
        now(world.server.introspect(&tokens.access_token, None, crate::memory::REQUEST)).unwrap();
    let introspected = serde_json::to_value(introspected).unwrap();
    assert_eq!((&introspected["sub"], &introspected["ext"]), (&json!("ada@crm"), &json!({"floor": 3})));
    // The challenges are spent.
    let gone = now(world.server.show_consent_challenge(&asked)).unwrap_err();
    assert!(matches!(gone, ChallengeError::Gone { redirect_to } if parameter(&redirect_to, "state") == "st"));
}

#[test]
fn claims_of_the_consent_go_on_with_every_refresh() {
    let world = world();
    let (asked, ada, _) = sign_in(&world, &[("scope", "openid offline_access")], json!({"subject": "ada"}));
    let answer = json!({"grant_scope": ["openid", "offline_access"], "session": {"id_token": {"desk": 7}}});
    let accepted = verifier(accept_consent(&world, &asked, answer), "consent_verifier");
    let first = world.redeem(&code(consented(&world, &accepted, browser(Some(&ada))))).unwrap();
    let second = world.refresh(&first.refresh_token.unwrap()).unwrap();
    assert_eq!(payload(&second.id_token.unwrap())["desk"], 7);
}

#[test]
fn refusals_are_told_to_the_client_in_the_apps_words() {
    let world = world();
    let reject = json!({"error": "fraud", "error_description": "no \"luck\"", "error_hint": "ask", "status_code": 403});
    let asked = page(authorize(&world, &[], None), "login_challenge");
    let rejected =
        world.commit(|| now(world.server.reject_login_challenge(&asked, accept::<Reject>(reject.clone()))));
    let told = come_back(&world, &verifier(rejected, "login_verifier"), browser(None)).unwrap();
    let told = answer(Ok(told.next));
    assert_eq!(
        (told.find("error"), told.find("error_description"), told.find("state")),
        (Some("fraud"), Some("no  luck  ask"), Some("st"))
    );
    let (asked, ada, _) = sign_in(&world, &[], json!({"subject": "ada"}));
    let rejected = world.commit(|| now(world.server.reject_consent_challenge(&asked, Reject::default())));
    let told = answer(consented(&world, &verifier(rejected, "consent_verifier"), browser(Some(&ada))));
    assert_eq!(told.find("error"), Some("request_denied"), "as Hydra says it");
    assert_eq!(world.rows(|rows| rows.grants.len()), 0);
}

#[test]
fn whoever_is_remembered_may_skip_and_is_nobody_else() {
    let world = world();
    let (_, ada, cookie) =
        sign_in(&world, &[], json!({"subject": "ada", "remember": true, "remember_for": 60}));
    let asked = page(authorize(&world, &[], Some(&ada)), "login_challenge");
    let shown = now(world.server.show_login_challenge(&asked)).unwrap();
    assert_eq!((&shown["skip"], &shown["subject"]), (&json!(true), &json!("ada")));
    assert_eq!(shown["session_id"], ada.session.to_string());
    let error = accept_login(&world, &asked, json!({"subject": "bob"})).unwrap_err();
    assert!(matches!(error, ChallengeError::Invalid(_)), "{error:?}");
    let accepted = verifier(accept_login(&world, &asked, json!({"subject": "ada"})), "login_verifier");
    let continued = come_back(&world, &accepted, browser(Some(&ada))).unwrap();
    assert_eq!(continued.cookie, None, "the browser keeps what it has");
    let session = |cookie: &str| now(world.server.login_session(cookie)).unwrap();
    let is_remembered =
        |cookie: &str| session(cookie).is_some_and(|one| one.is_remembered(world.server.now()));
    let cookie = cookie.unwrap();
    assert!(is_remembered(&cookie));
    // A client that wants the person to sign in anew, is not told of anybody.
    let asked = page(authorize(&world, &[("prompt", "login")], Some(&ada)), "login_challenge");
    world.wait(1);
    let old = page(authorize(&world, &[("prompt", "login")], Some(&ada)), "login_challenge");
    for (challenge, skip) in [(asked, true), (old, false)] {
        assert_eq!(
            now(world.server.show_login_challenge(&challenge)).unwrap()["skip"],
            skip,
            "of this very second"
        );
    }
    // Extended, under another cookie.
    let asked = page(authorize(&world, &[], Some(&ada)), "login_challenge");
    let extend =
        json!({"subject": "ada", "remember": true, "remember_for": 600, "extend_session_lifespan": true});
    let accepted = verifier(accept_login(&world, &asked, extend.clone()), "login_verifier");
    let extended = come_back(&world, &accepted, browser(Some(&ada))).unwrap().cookie.unwrap();
    assert_eq!((extended.max_age, session(&cookie)), (Some(600), None));
    world.wait(599);
    assert!(is_remembered(&extended.value));
    world.wait(1);
    assert!(!is_remembered(&extended.value));
    let asked = page(authorize(&world, &[], None), "login_challenge");
    assert!(
        matches!(accept_login(&world, &asked, extend), Err(ChallengeError::Invalid(_))),
        "there is none to extend"
    );
}

#[test]
fn consent_that_is_remembered_is_skipped_for_as_long_as_the_app_said() {
    let world = world();
    let (asked, ada, _) = sign_in(&world, &[], json!({"subject": "ada", "remember": true}));
    let answer = json!({"grant_scope": ["openid", "read"], "remember": true, "remember_for": 60});
    let accepted = verifier(accept_consent(&world, &asked, answer), "consent_verifier");
    code(consented(&world, &accepted, browser(Some(&ada))));
    let skip = |changes: &[(&str, &str)]| {
        let asked = page(authorize(&world, changes, Some(&ada)), "login_challenge");
        let accepted = verifier(accept_login(&world, &asked, json!({"subject": "ada"})), "login_verifier");
        let next = come_back(&world, &accepted, browser(Some(&ada))).map(|continued| continued.next);
        let asked = page(next, "consent_challenge");
        now(world.server.show_consent_challenge(&asked)).unwrap()["skip"].clone()
    };
    assert_eq!(skip(&[]), true);
    assert_eq!(skip(&[("scope", "openid write")]), false);
    assert_eq!(skip(&[("prompt", "consent")]), false);
    world.wait(60);
    assert_eq!(skip(&[]), false);
}

#[test]
fn identity_of_the_tenant_is_itself_and_its_claims_are_told() {
    let world = world();
    let id = world.subject(1).subject;
    let (asked, ada, _) = sign_in(&world, &[("scope", "openid email")], json!({"subject": id.to_string()}));
    assert_eq!((ada.subject, ada.sub()), (id, id.to_string()));
    let accepted = verifier(
        accept_consent(&world, &asked, json!({"grant_scope": ["openid", "email"]})),
        "consent_verifier",
    );
    let tokens = world.redeem(&code(consented(&world, &accepted, browser(Some(&ada))))).unwrap();
    assert_eq!(payload(&tokens.id_token.unwrap())["email"], "ada@example.org");
}

#[test]
fn each_app_may_be_there_alone() {
    let world = World::of_app(|settings| settings.urls.consent = Some(CONSENT.to_owned()), &json!({}));
    assert_eq!(word(&authorize(&world, &[], None)), "login", "on our own page");
    let ada = world.subject(1);
    let asked = page(authorize(&world, &[], Some(&ada)), "consent_challenge");
    let accepted =
        verifier(accept_consent(&world, &asked, json!({"grant_scope": ["read"]})), "consent_verifier");
    assert_eq!(word(&consented(&world, &accepted, browser(Some(&ada)))), "code");

    let world = World::of_app(|settings| settings.urls.login = Some(LOGIN.to_owned()), &json!({}));
    let asked = page(authorize(&world, &[], None), "login_challenge");
    let accepted = verifier(accept_login(&world, &asked, json!({"subject": "ada"})), "login_verifier");
    let continued = come_back(&world, &accepted, browser(None)).unwrap();
    let session = now(world.server.login_session(&continued.cookie.unwrap().value)).unwrap().unwrap();
    let ada = session.subject(&world.server.tenant);
    let asked = challenge(Ok(continued.next));
    assert_eq!(word(&decide(&world, &asked, ALLOW, browser(Some(&ada)))), "code", "after our own page");
}

#[test]
fn silent_request_asks_apps_only_about_whom_it_may() {
    let world = world();
    let silent = [("prompt", "none")];
    assert_eq!(word(&authorize(&world, &silent, None)), "login_required");
    let (asked, ada, _) = sign_in(&world, &[], json!({"subject": "ada", "remember": true}));
    let accepted = verifier(
        accept_consent(&world, &asked, json!({"grant_scope": ["openid", "read"], "remember": true})),
        "consent_verifier",
    );
    let skipped = |world: &World| {
        let asked = page(authorize(world, &silent, Some(&ada)), "login_challenge");
        let accepted = verifier(accept_login(world, &asked, json!({"subject": "ada"})), "login_verifier");
        come_back(world, &accepted, browser(Some(&ada))).map(|continued| continued.next)
    };
    assert_eq!(word(&skipped(&world)), "consent_required");
    code(consented(&world, &accepted, browser(Some(&ada))));
    assert_eq!(word(&skipped(&world)), "app: https://login.example/consent");
}

#[test]
fn what_was_granted_ends_with_the_session_and_is_found_by_the_apps_text() {
    let world = world();
    let (asked, ada, cookie) = sign_in(&world, &[], json!({"subject": "ada@crm"}));
    let accepted =
        verifier(accept_consent(&world, &asked, json!({"grant_scope": ["openid"]})), "consent_verifier");
    let tokens = world.redeem(&code(consented(&world, &accepted, browser(Some(&ada))))).unwrap();
    let id = now(world.server.subject_id("ada@crm")).unwrap();
    let filter = crate::ports::GrantFilter::default();
    let listed = now(world.server.list_access(id, filter, 10)).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].document()["consent_request"]["subject"], "ada@crm");
    let is_active = || {
        let answer =
            now(world.server.introspect(&tokens.access_token, None, crate::memory::REQUEST)).unwrap();
        answer != crate::introspection::Introspection::Inactive
    };
    assert!(is_active());
    let bob = now(world.server.subject_id("bob@crm")).unwrap();
    world.memory.apply(world.server.end_login_sessions(bob, primitives::Actor::System)).unwrap();
    assert!(is_active());
    world.memory.apply(world.server.end_login_sessions(id, primitives::Actor::System)).unwrap();
    assert!(!is_active());
    assert_eq!(now(world.server.login_session(&cookie.unwrap())).unwrap(), None);
    // Signing out ends it, too.
    let (_, ada, _) = sign_in(&world, &[], json!({"subject": "ada@crm"}));
    let done = now(world.server.end_session(&Parameters::parse(b""), Some(&ada))).unwrap();
    let crate::logout::EndSession::Ask { challenge, .. } = done else { panic!("{done:?}") };
    let signed_out = world.server.finish_logout(&challenge, Some(&ada)).unwrap();
    assert_eq!(signed_out.session, Some((ada.session, ada.subject)));
    world.memory.apply(world.server.end_login_session(ada.session, primitives::Actor::System)).unwrap();
    assert!(world.rows(|rows| rows.logins.is_empty() && !rows.sessions.contains(&ada.session)));
}

#[test]
fn app_that_lets_somebody_skip_says_how_sure_it_is_now() {
    let world = world();
    let (_, ada, _) = sign_in(&world, &[], json!({"subject": "ada", "remember": true, "acr": "gold"}));
    let asked = page(authorize(&world, &[], Some(&ada)), "login_challenge");
    let answer = json!({"subject": "ada", "acr": "silver", "amr": ["mfa"]});
    let accepted = verifier(accept_login(&world, &asked, answer), "login_verifier");
    let next = come_back(&world, &accepted, browser(Some(&ada))).map(|continued| continued.next);
    let asked = page(next, "consent_challenge");
    let accepted =
        verifier(accept_consent(&world, &asked, json!({"grant_scope": ["openid"]})), "consent_verifier");
    let tokens = world.redeem(&code(consented(&world, &accepted, browser(Some(&ada))))).unwrap();
    let id_token = payload(&tokens.id_token.unwrap());
    assert_eq!((&id_token["acr"], &id_token["amr"]), (&json!("silver"), &json!(["mfa"])));
}

#[test]
fn sign_in_for_once_is_over_soon_and_can_be_ended_later() {
    let world = world();
    let (_, ada, cookie) = sign_in(&world, &[], json!({"subject": "ada"}));
    let cookie = cookie.unwrap();
    let counts = || now(world.server.login_session(&cookie)).unwrap().is_some();
    let to_end = || now(world.server.login_session_to_end(&cookie)).unwrap().map(|session| session.id);
    world.wait(1_799);
    assert!(counts());
    world.wait(1);
    assert_eq!((counts(), to_end()), (false, Some(ada.session)));
    world.wait(720 * 3_600 - 1_800);
    assert_eq!(to_end(), None);
}
