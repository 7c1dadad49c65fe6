//! Forms that are not ours, flows of other browsers, cookies of other tenants.

use serde_json::json;

use crate::client::{action, csrf_token};
use crate::site::Site;

#[tokio::test]
async fn a_flow_is_shown_to_its_own_browser_only() {
    let site = Site::open().await;
    let (mut own, mut other) = (site.client(), site.client());
    let flow = own.begin("login").await;
    other.begin("login").await;
    let path = format!("/self-service/login/flows?id={}", flow["id"].as_str().unwrap());
    assert_eq!(own.get_json(&path).await.status, 200);
    for stranger in [&mut other, &mut site.client()] {
        let refused = stranger.get_json(&path).await;
        assert_eq!((refused.status, refused.error_id()), (403, "security_csrf_violation".to_owned()));
        let page = stranger.get(&format!("/ui/login?flow={}", flow["id"].as_str().unwrap())).await;
        assert!(page.location().starts_with("/ui/error?id="), "no loop for browsers without cookies");
    }
}

#[tokio::test]
async fn only_the_own_token_of_the_own_flow_counts() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let (mut own, mut attacker) = (site.client(), site.client());
    let (flow, second) = (own.begin("login").await, own.begin("login").await);
    let foreign = attacker.begin("login").await;
    let body = |token: &str| json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse", "csrf_token": token});
    for token in ["", "x", csrf_token(&second), csrf_token(&foreign)] {
        let refused = own.json("POST", &action(&flow), &body(token)).await;
        assert_eq!(
            (refused.status, refused.error_id()),
            (403, "security_csrf_violation".to_owned()),
            "{token}"
        );
    }
    // Login CSRF: the victim's browser posts the attacker's own form and token.
    let forced = own.json("POST", &action(&foreign), &body(csrf_token(&foreign))).await;
    assert_eq!(forced.error_id(), "security_csrf_violation");
    let headers = [
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("x-csrf-token", csrf_token(&flow)),
    ];
    let accepted = own.send("POST", &action(&flow), &headers, &body("").to_string()).await;
    assert_eq!(accepted.status, 200, "{}", accepted.body);
}

/// Another site has the victim's browser submit a form of any kind: to change their account, to have mail sent in their name,
/// to sign them up as somebody else.
#[tokio::test]
async fn no_form_of_any_kind_counts_without_its_token() {
    let site = Site::open().await;
    let signed_in = site.signed_in("ada@example.com").await;
    for (kind, body) in [
        (
            "login",
            json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse"}),
        ),
        (
            "registration",
            json!({"method": "password", "password": "battery staple", "traits": {"email": "bob@example.com"}}),
        ),
        ("settings", json!({"method": "password", "password": "battery staple"})),
        ("recovery", json!({"method": "code", "email": "ada@example.com"})),
        ("verification", json!({"method": "code", "email": "ada@example.com"})),
    ] {
        let mut own = if kind == "settings" { signed_in.clone() } else { site.client() };
        let (flow, another) = (own.begin(kind).await, own.begin(kind).await);
        for token in ["", "x", csrf_token(&another)] {
            let mut forged = body.clone();
            forged["csrf_token"] = token.into();
            let refused = own.json("POST", &action(&flow), &forged).await;
            let found = (refused.status, refused.error_id());
            assert_eq!(found, (403, "security_csrf_violation".to_owned()), "{kind}: {token:?}");
        }
        assert_eq!(own.submit_json(&flow, body).await.status, 200, "{kind}, with its own");
    }
}

/// The same with the forms of pages that no flow takes.
#[tokio::test]
async fn no_account_is_deleted_without_the_token_of_its_page() {
    let site = Site::with(json!({"flow": {"settings": {"account_deletion": true}}})).await;
    let mut browser = site.signed_in("ada@example.com").await;
    let (flow, another) = (browser.begin("settings").await, browser.begin("settings").await);
    let id = flow["id"].as_str().unwrap();
    for token in ["", "x", csrf_token(&another)] {
        let pairs = [("csrf_token", token), ("flow", id), ("confirm", "ada@example.com")];
        let refused = browser.form("/ui/account/deletion", &pairs).await;
        assert!(refused.location().starts_with("/ui/error?id="), "{token:?}: {}", refused.location());
        assert_eq!(browser.get_json("/sessions/whoami").await.status, 200, "{token:?}");
    }
    let pairs = [("csrf_token", csrf_token(&flow)), ("flow", id), ("confirm", "ada@example.com")];
    assert_eq!(browser.form("/ui/account/deletion", &pairs).await.location(), "/ui/account-deleted");
}

#[tokio::test]
async fn the_cookie_changes_when_somebody_signs_in() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    browser.begin("login").await;
    let before = browser.cookies.clone();
    site.sign_in(&mut browser, "ada@example.com").await;
    let name = before.keys().find(|name| name.starts_with("csrf_token_")).unwrap();
    assert_ne!(before[name], browser.cookies[name]);
}

#[tokio::test]
async fn flows_and_sessions_of_a_tenant_are_nothing_in_another() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 200);
    assert_eq!(browser.get_json("/t/other/sessions/whoami").await.status, 401);
    let flow = browser.begin("settings").await;
    let id = flow["id"].as_str().unwrap();
    let elsewhere = browser.get_json(&format!("/t/other/self-service/settings/flows?id={id}")).await;
    assert_eq!(elsewhere.status, 404);
    let begun = browser.get("/t/other/self-service/login/browser").await;
    assert!(begun.location().starts_with("/t/other/ui/login?flow="), "{}", begun.location());
    let cookies = begun.headers.iter().filter(|(name, _)| name == "set-cookie");
    assert!(cookies.clone().all(|(_, cookie)| cookie.contains("Path=/t/other")));
    assert_eq!(cookies.count(), 2, "the one that forms are bound to, and the form");
}

#[tokio::test]
async fn a_flow_of_one_kind_is_not_one_of_another() {
    let site = Site::open().await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let id = flow["id"].as_str().unwrap();
    assert_eq!(browser.get_json(&format!("/self-service/registration/flows?id={id}")).await.status, 404);
    for id in ["", "x", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(browser.get_json(&format!("/self-service/login/flows?id={id}")).await.status, 404, "{id}");
    }
}

#[tokio::test]
async fn signing_out_needs_the_sessions_own_token() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    let mut other = site.client();
    site.sign_in(&mut other, "ada@example.com").await;
    let begun = browser.get_json("/self-service/logout/browser").await.json();
    let foreign = other.get_json("/self-service/logout/browser").await.json();
    for token in ["", "x", foreign["logout_token"].as_str().unwrap()] {
        let refused = browser.get_json(&format!("/self-service/logout?token={token}")).await;
        assert_eq!(
            (refused.status, refused.error_id()),
            (403, "security_csrf_violation".to_owned()),
            "{token}"
        );
    }
    let url = begun["logout_url"].as_str().unwrap().strip_prefix(crate::site::BASE).unwrap().to_owned();
    let session = browser.cookies["ory_kratos_session"].clone();
    let done = browser.get(&url).await;
    assert_eq!((done.status, done.location()), (303, "/ui/signed-out"));
    assert!(!browser.cookies.contains_key("ory_kratos_session"));
    browser.cookies.insert("ory_kratos_session".to_owned(), session);
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 401, "a kept cookie is worth nothing");
    assert_eq!(browser.get_json(&url).await.status, 204, "signed out stays signed out");
    let nobody = site.client().get_json("/self-service/logout/browser").await;
    assert_eq!((nobody.status, nobody.error_id()), (401, "session_inactive".to_owned()));
}
