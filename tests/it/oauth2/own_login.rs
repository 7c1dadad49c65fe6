//! A login, consent and logout app of a tenant's own, made of the admin API, from a browser's request to the app's tokens.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::code::{App, sign_up};
use crate::browser::Browser;
use crate::world::World;

const APP: &str = "https://login.acme.example";

pub(super) async fn world() -> World {
    let world = World::start().await;
    let urls = json!({
        "login": format!("{APP}/login"), "consent": format!("{APP}/consent"), "logout": format!("{APP}/logout"),
        "error": format!("{APP}/error"), "device": {"verification": format!("{APP}/device")},
    });
    let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    let settings = json!({ "settings": { "oauth2": { "urls": urls } } });
    let changed = world.operate(&world.key, path, "default", &settings).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    world
}

/// The app answers a challenge; where it sends the browser.
pub(super) async fn answer(world: &World, step: &str, challenge: &str, body: Value) -> String {
    let kind = step.split('/').next().unwrap();
    let path = format!("/admin/oauth2/auth/requests/{step}?{kind}_challenge={challenge}");
    let answer = world.operate(&world.key, ("PUT", &path), "acme", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["redirect_to"].as_str().unwrap().to_owned()
}

pub(super) async fn shown(world: &World, kind: &str, challenge: &str) -> Value {
    let path = format!("/admin/oauth2/auth/requests/{kind}?{kind}_challenge={challenge}");
    let answer = world.operate(&world.key, ("GET", &path), "acme", &Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Goes to an address of the tenant; the challenge with which the browser is sent to the app.
pub(super) async fn sent(browser: &mut Browser, url: &str, kind: &str) -> String {
    let answer = browser.get(url).await;
    assert!(
        answer.header("location").starts_with(&format!("{APP}/{kind}?")),
        "{} {}",
        answer.status,
        answer.text()
    );
    answer.sent(&format!("{kind}_challenge")).unwrap()
}

/// Signs somebody in; the challenge of the consent.
pub(super) async fn sign_in(world: &World, app: &App<'_>, browser: &mut Browser, body: Value) -> String {
    let challenge = sent(browser, &app.authorize(&[]), "login").await;
    let accepted = answer(world, "login/accept", &challenge, body).await;
    sent(browser, &accepted, "consent").await
}

pub(super) async fn let_in(world: &World, app: &App<'_>, browser: &mut Browser, subject: &str) -> Value {
    let body = json!({"subject": subject, "remember": true, "remember_for": 600});
    let challenge = sign_in(world, app, browser, body).await;
    let body = json!({"grant_scope": ["openid"], "session": {"id_token": {"desk": 7}}});
    let accepted = answer(world, "consent/accept", &challenge, body).await;
    let code = browser.get(&accepted).await.sent("code").unwrap();
    let tokens = app.redeem(&code).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    tokens.json()
}

pub(super) fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document[name].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_whom_only_the_app_knows_is_let_in_remembered_and_signed_out() {
    let world = world().await;
    let app = App::register(&world, false).await;
    let mut browser = Browser::default();
    let tokens = let_in(&world, &app, &mut browser, "ada@crm").await;
    let access = text(&tokens, "access_token");
    assert!(app.is_active(access).await);
    let challenge = sent(&mut browser, &app.authorize(&[("prompt", "none")]), "login").await;
    let asked = shown(&world, "login", &challenge).await;
    assert_eq!((&asked["skip"], &asked["subject"]), (&json!(true), &json!("ada@crm")));
    // In another browser nobody is remembered.
    let silent = Browser::default().get(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(silent.sent("error").as_deref(), Some("login_required"));
    let path = "/admin/oauth2/auth/sessions/consent?subject=ada%40crm";
    let listed = world.operate(&world.key, ("GET", path), "acme", &Value::Null).await.json();
    assert_eq!(listed[0]["consent_request"]["subject"], "ada@crm");

    let logout = format!("{}/oauth2/sessions/logout", world.tenant("acme"));
    let challenge = sent(&mut browser, &logout, "logout").await;
    assert_eq!(shown(&world, "logout", &challenge).await["subject"], "ada@crm");
    let accepted = answer(&world, "logout/accept", &challenge, json!({})).await;
    let done = browser.get(&accepted).await;
    assert!(done.header("location").ends_with("/ui/signed-out"), "{}", done.text());
    assert!(!app.is_active(access).await);
    let challenge = sent(&mut browser, &app.authorize(&[]), "login").await;
    assert_eq!(shown(&world, "login", &challenge).await["skip"], false);
}

/// Attack: a victim is handed the verifier of an attacker's sign-in, and would go on as the attacker; or the attacker has a
/// victim sign in to what they have begun.
#[tokio::test(flavor = "multi_thread")]
async fn verifier_of_another_browser_signs_nobody_in() {
    let world = world().await;
    let app = App::register(&world, true).await;
    let (mut eve, mut victim) = (Browser::default(), Browser::default());
    let challenge = sent(&mut eve, &app.authorize(&[]), "login").await;
    let accepted = answer(&world, "login/accept", &challenge, json!({"subject": "eve"})).await;
    sent(&mut victim, &app.authorize(&[]), "login").await;
    let refused = victim.get(&accepted).await;
    assert_eq!(
        refused.sent("error").as_deref(),
        Some("challenge_of_another_browser"),
        "on the tenant's own page"
    );
    assert!(!victim.cookies.keys().any(|(_, name)| name == "ory_hydra_session"));
    sent(&mut eve, &accepted, "consent").await;
    let again = eve.get(&accepted).await;
    assert_eq!(again.sent("error").as_deref(), Some("challenge_used"), "it was good once");
}

/// Attack: whoever has a key of another tenant answers for this one.
#[tokio::test(flavor = "multi_thread")]
async fn challenges_are_answered_by_keys_of_their_tenant_that_may() {
    use primitives::TenantId;
    use tenancy::{KeyOwner, Scope};

    let world = world().await;
    let app = App::register(&world, false).await;
    let challenge = sent(&mut Browser::default(), &app.authorize(&[]), "login").await;
    let owner = |id: &str| KeyOwner::Tenant(id.parse::<TenantId>().unwrap());
    let path = format!("/admin/oauth2/auth/requests/login/accept?login_challenge={challenge}");
    for (whose, scope, at, expect) in [
        ("rival", Scope::TokensWrite, "acme", 404),
        ("rival", Scope::TokensWrite, "rival", 404),
        ("acme", Scope::TokensRead, "acme", 403),
        ("acme", Scope::TokensWrite, "acme", 200),
    ] {
        let key = world.admin_key(owner(whose), vec![scope]).await;
        let answered = world.operate(&key, ("PUT", &path), at, &json!({"subject": "ada"})).await;
        assert_eq!(answered.status, expect, "{whose} at {at}: {}", answered.text());
    }
}

/// An app that signs people in with the tenant's own identities names their session, and it ends with the sign-out; the
/// session of somebody else does not.
#[tokio::test(flavor = "multi_thread")]
async fn session_that_the_app_names_ends_with_the_sign_out_if_it_is_of_the_same_person() {
    let world = world().await;
    let app = App::register(&world, false).await;
    let whoami = format!("{}/sessions/whoami", world.tenant("acme"));
    let (mut ada, mut bob) = (Browser::default(), Browser::default());
    sign_up(&world, &mut ada, "ada@example.org").await;
    sign_up(&world, &mut bob, "bob@example.org").await;
    let (own, others) = (ada.get_json(&whoami).await.json(), bob.get_json(&whoami).await.json());
    for (named, still_live) in [(text(&others, "id"), true), (text(&own, "id"), false)] {
        let mut browser = Browser::default();
        let body = json!({"subject": own["identity"]["id"], "identity_provider_session_id": named});
        sign_in(&world, &app, &mut browser, body).await;
        let logout = format!("{}/oauth2/sessions/logout", world.tenant("acme"));
        let challenge = sent(&mut browser, &logout, "logout").await;
        let accepted = answer(&world, "logout/accept", &challenge, json!({})).await;
        assert_eq!(browser.get(&accepted).await.status, 303);
        assert_eq!(ada.get_json(&whoami).await.status == 200, still_live);
        assert_eq!(bob.get_json(&whoami).await.status, 200);
    }
}

/// The app signs in one of many people, or refuses in one of many words.
async fn said(world: &World, challenge: &str, n: usize) -> (u16, Value) {
    let step = if n.is_multiple_of(2) { "accept" } else { "reject" };
    let path = format!("/admin/oauth2/auth/requests/login/{step}?login_challenge={challenge}");
    let body = json!({"subject": format!("person-{n}"), "error_description": format!("{n}")});
    let answer = world.operate(&world.key, ("PUT", &path), "acme", &body).await;
    (answer.status, answer.json())
}

/// Attack: what somebody has refused is accepted after all; or fifty answers come at once, and more than one of them counts.
#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_answers_at_once_one_counts_and_the_others_are_told() {
    let world = world().await;
    let app = App::register(&world, false).await;
    let mut browser = Browser::default();
    let challenge = sent(&mut browser, &app.authorize(&[]), "login").await;
    let one = |n: usize| said(&world, &challenge, n);
    let answers = join_all((0..50).map(one)).await;
    let won: Vec<_> = (0..50).filter(|n| answers[*n].0 == 200).collect();
    let told =
        answers.iter().filter(|(status, body)| *status == 409 && body["error"] == "invalid_request").count();
    assert_eq!((won.len(), told), (1, 49), "{answers:?}");
    let (status, again) = one(won[0]).await;
    assert_eq!(status, 200, "the same answer may be given again: {again}");
    let path = format!("/admin/oauth2/auth/requests/login?login_challenge={challenge}");
    let shown = world.operate(&world.key, ("GET", &path), "acme", &Value::Null).await;
    assert_eq!(shown.status, if won[0] % 2 == 0 { 200 } else { 410 }, "{}", shown.text());
    let back = browser.get(again["redirect_to"].as_str().unwrap()).await;
    let (status, late) = one(won[0]).await;
    match back.sent("error") {
        Some(error) => assert_eq!((error.as_str(), status), ("request_denied", 200), "{late}"),
        None => assert_eq!(status, 410, "the browser has come back: {late}"),
    }
}

/// The whole way of a device past three apps: its code, the sign-in, the consent.
#[tokio::test(flavor = "multi_thread")]
async fn device_is_consented_to_at_the_app_which_is_told_its_code() {
    const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
    for granted in [true, false] {
        let world = world().await;
        let client = json!({"client_id": "app", "client_name": "TV", "grant_types": [GRANT], "scope": "openid email",
            "skip_consent": true});
        let app = App::register_as(&world, client).await;
        let begun = app.endpoint("device/auth", &[("scope", "openid email")]).await.json();
        let mut browser = Browser::default();
        let verify = format!("{}/oauth2/device/verify", world.tenant("acme"));
        let challenge = sent(&mut browser, &verify, "device").await;
        let body = json!({"user_code": begun["user_code"]});
        let mut next = answer(&world, "device/accept", &challenge, body).await;
        // Our own pages between the apps only lead on.
        let login = loop {
            let page = browser.get(&next).await;
            match page.sent("login_challenge") {
                Some(challenge) => break challenge,
                None => next = page.location().to_string(),
            }
        };
        next = answer(&world, "login/accept", &login, json!({"subject": "ada@crm"})).await;
        let consent = loop {
            let page = browser.get(&next).await;
            match page.sent("consent_challenge") {
                Some(challenge) => break challenge,
                None => next = page.location().to_string(),
            }
        };
        let question = shown(&world, "consent", &consent).await;
        assert_eq!((&question["device_user_code"], &question["skip"]), (&begun["user_code"], &json!(false)));
        assert_eq!(
            (text(&question, "subject"), &question["client"]["client_name"]),
            ("ada@crm", &json!("TV"))
        );
        let (step, body) = if granted {
            ("consent/accept", json!({"grant_scope": ["openid"]}))
        } else {
            ("consent/reject", json!({}))
        };
        let end = answer(&world, step, &consent, body).await;
        let page = browser.get(&end).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let form = [("grant_type", GRANT), ("device_code", text(&begun, "device_code"))];
        let told = app.endpoint("token", &form).await.json();
        if granted {
            assert_eq!(told["scope"], "openid", "{told}");
        } else {
            assert_eq!(told["error"], "access_denied", "{told}");
        }
        let again = browser.get(&end).await;
        assert_ne!(again.status, 200, "it is answered once: {}", again.text());
    }
}

/// What the app asked us to remember is listed when its session is over, in pages, and whoever takes it back ends what hangs on it.
#[tokio::test(flavor = "multi_thread")]
async fn remembered_consent_is_listed_without_its_session_until_it_is_taken_back() {
    let world = world().await;
    let app = App::register(&world, false).await;
    let mut browser = Browser::default();
    let challenge = sign_in(&world, &app, &mut browser, json!({"subject": "ada@crm", "acr": "gold"})).await;
    let body = json!({"grant_scope": ["openid", "offline_access"], "remember": true, "remember_for": 600, "context": {"ticket": 12}});
    let accepted = answer(&world, "consent/accept", &challenge, body).await;
    let tokens = app.redeem(&browser.get(&accepted).await.sent("code").unwrap()).await.json();
    let operate = async |method: &str, query: &str| {
        let path = format!("/admin/oauth2/auth/sessions/consent?{query}");
        world.operate(&world.key, (method, &path), "acme", &Value::Null).await
    };
    let listed = async |query: &str| operate("GET", &format!("subject=ada%40crm{query}")).await.json();
    let live = listed("").await;
    let id = text(&live[0], "consent_request_id").to_owned();
    let session = text(&live[0]["consent_request"], "login_session_id").to_owned();

    let ended = world
        .operate(
            &world.key,
            ("DELETE", "/admin/oauth2/auth/sessions/login?subject=ada%40crm"),
            "acme",
            &Value::Null,
        )
        .await;
    assert_eq!(ended.status, 204);
    let gone = app.endpoint("revoke", &[("token", text(&tokens, "refresh_token"))]).await;
    assert_eq!(gone.status, 200);
    let left = listed("").await;
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    assert_eq!(left[0]["consent_request_id"], *id);
    assert_eq!((&left[0]["remember"], &left[0]["remember_for"]), (&json!(true), &json!(600)));
    assert_eq!(
        (&left[0]["context"], &left[0]["consent_request"]["acr"]),
        (&json!({"ticket": 12}), &json!("gold"))
    );
    assert_eq!(left[0]["consent_request"]["client"]["client_id"], "app");
    for (query, count) in [
        (format!("&login_session_id={session}"), 1),
        ("&login_session_id=ffffffff-ffff-4fff-8fff-ffffffffffff".to_owned(), 0),
        ("&login_session_id=none".to_owned(), 0),
        ("&page_size=1".to_owned(), 1),
    ] {
        assert_eq!(listed(&query).await.as_array().unwrap().len(), count, "{query}");
    }
    let page = operate("GET", "subject=ada%40crm&page_size=1").await;
    let next = page.header("link").split("page_token=").nth(1).and_then(|rest| rest.split(['&', '>']).next());
    if let Some(next) = next {
        assert_eq!(
            listed(&format!("&page_size=1&page_token={next}")).await,
            json!([]),
            "no page holds it twice"
        );
    }
    assert_eq!(operate("DELETE", &format!("consent_request_id={id}")).await.status, 204);
    assert_eq!(listed("").await, json!([]));
    assert_eq!(operate("DELETE", &format!("consent_request_id={id}")).await.status, 204, "gone is gone");
}
