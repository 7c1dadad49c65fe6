//! Second factors over HTTP: in browsers, in single-page and in native applications, and for operators.

use std::time::Duration;

use primitives::Clock as _;
use serde_json::{Value, json};
use testkit::totp::code;

use crate::client::{Client, messages};
use crate::site::Site;

const ADA: &str = "ada@example.com";

fn node<'a>(flow: &'a Value, name: &str) -> &'a Value {
    let nodes = flow["ui"]["nodes"].as_array().unwrap();
    let attributes = nodes.iter().map(|node| &node["attributes"]);
    attributes.into_iter().find(|a| a["name"] == name || a["id"] == name).unwrap_or(&Value::Null)
}

/// Sets up an authenticator app in a browser, and returns its secret.
pub(crate) async fn enrol(site: &Site, browser: &mut Client) -> String {
    let flow = browser.begin("settings").await;
    let secret = node(&flow, "totp_secret_key")["text"]["text"].as_str().unwrap().to_owned();
    let body = json!({"method": "totp", "totp_code": code(&secret, site.clock.now())});
    let saved = browser.submit_json(&flow, body).await;
    assert_eq!((saved.status, &saved.json()["state"]), (200, &json!("success")), "{}", saved.body);
    // The code of this step is used.
    site.clock.advance(Duration::from_secs(30));
    secret
}

#[tokio::test]
async fn browser_signs_in_with_both_factors() {
    let site = Site::open().await;
    let mut browser = site.signed_in(ADA).await;
    let secret = enrol(&site, &mut browser).await;
    let known = browser.get_json("/sessions/whoami").await;
    assert_eq!(known.status, 200, "whoever sets a factor up has proven it: {}", known.body);
    assert_eq!(known.json()["authenticator_assurance_level"], "aal2");

    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let form = [("identifier", ADA), ("password", "correct horse"), ("method", "password")];
    let next = browser.submit(&flow, &form).await;
    assert_eq!((next.status, next.location()), (303, "/self-service/login/browser?aal=aal2"));
    let refused = browser.get_json("/sessions/whoami").await;
    assert_eq!((refused.status, refused.error_id().as_str()), (403, "session_aal2_required"));
    assert_eq!(
        refused.json()["redirect_browser_to"],
        "https://id.example/self-service/login/browser?aal=aal2"
    );
    let page = browser.get(next.location()).await;
    assert!(page.location().starts_with("/ui/login?flow="), "{}", page.location());
    let shown = browser.get(page.location()).await;
    assert!(shown.body.contains("name=\"totp_code\"") && !shown.body.contains("type=\"password\""));

    let flow = browser.get_json("/self-service/login/browser?aal=aal2").await.json();
    assert_eq!(flow["requested_aal"], "aal2");
    let wrong = browser.submit_json(&flow, json!({"method": "totp", "totp_code": "000000"})).await;
    assert_eq!((wrong.status, messages(&wrong.json())), (400, vec![4_000_008]));
    let right = code(&secret, site.clock.now());
    let done = browser.submit(&flow, &[("method", "totp"), ("totp_code", right.as_str())]).await;
    assert_eq!((done.status, done.location()), (303, "/ui/settings"), "{}", done.body);
    let known = browser.get_json("/sessions/whoami").await.json();
    let methods: Vec<_> = known["authentication_methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["method"].as_str().unwrap())
        .collect();
    assert_eq!(
        (&known["authenticator_assurance_level"], methods),
        (&json!("aal2"), vec!["password", "totp"])
    );
}

#[tokio::test]
async fn half_a_sign_in_opens_nothing() {
    let site = Site::open().await;
    let mut owner = site.signed_in(ADA).await;
    enrol(&site, &mut owner).await;
    let mut thief = site.client();
    site.sign_in(&mut thief, ADA).await;
    for (method, path) in [
        ("GET", "/sessions/whoami"),
        ("GET", "/sessions"),
        ("DELETE", "/sessions"),
        ("GET", "/self-service/settings/browser"),
    ] {
        let refused = thief.json(method, path, &json!({})).await;
        assert_eq!((refused.status, refused.error_id().as_str()), (403, "session_aal2_required"), "{path}");
    }
    let sent = thief.get("/self-service/settings/browser").await;
    assert!(
        sent.location().starts_with("/self-service/login/browser?aal=aal2&return_to="),
        "{}",
        sent.location()
    );
    assert_eq!(owner.get_json("/sessions/whoami").await.status, 200, "the owner was not signed out");
}

#[tokio::test]
async fn single_page_application_is_told_where_the_second_factor_is_proven() {
    let site = Site::open().await;
    let mut browser = site.signed_in(ADA).await;
    enrol(&site, &mut browser).await;
    let mut browser = site.client();
    let flow = browser
        .get_json("/self-service/login/browser?return_to=https%3A%2F%2Fid.example%2Fnext")
        .await
        .json();
    let body = json!({"method": "password", "identifier": ADA, "password": "correct horse"});
    let next = browser.submit_json(&flow, body).await;
    assert_eq!((next.status, next.error_id().as_str()), (422, "browser_location_change_required"));
    assert_eq!(
        next.json()["redirect_browser_to"],
        "https://id.example/self-service/login/browser?aal=aal2&return_to=https%3A%2F%2Fid.example%2Fnext"
    );
}

#[tokio::test]
async fn native_application_signs_in_with_both_factors() {
    let site = Site::open().await;
    let mut browser = site.signed_in(ADA).await;
    let secret = enrol(&site, &mut browser).await;
    let mut app = site.client();
    let flow = app.get_json("/self-service/login/api").await.json();
    let body = json!({"method": "password", "identifier": ADA, "password": "correct horse"});
    let half = app.submit_json_native(&flow, &body, &[]).await.json();
    assert_eq!(half["session"]["identity"], Value::Null, "nothing is told of the account yet");
    let token = half["session_token"].as_str().unwrap().to_owned();
    let with_token = [("x-session-token", token.as_str())];
    let refused = app.send("GET", "/sessions/whoami", &with_token, "").await;
    assert_eq!((refused.status, refused.error_id().as_str()), (403, "session_aal2_required"));
    let begun = app.send("GET", "/self-service/login/api?aal=aal2", &with_token, "").await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    let body = json!({"method": "totp", "totp_code": code(&secret, site.clock.now())});
    let done = app.submit_json_native(&begun.json(), &body, &with_token).await;
    assert_eq!((done.status, &done.json()["session_token"]), (200, &json!(token)), "{}", done.body);
    let known = app.send("GET", "/sessions/whoami", &with_token, "").await;
    assert_eq!((known.status, &known.json()["authenticator_assurance_level"]), (200, &json!("aal2")));
}

#[tokio::test]
async fn tenant_may_take_one_factor() {
    let site = Site::with(json!({"session": {"whoami": {"required_aal": "aal1"}}})).await;
    let mut browser = site.signed_in(ADA).await;
    enrol(&site, &mut browser).await;
    let mut browser = site.client();
    site.sign_in(&mut browser, ADA).await;
    let known = browser.get_json("/sessions/whoami").await;
    assert_eq!((known.status, &known.json()["authenticator_assurance_level"]), (200, &json!("aal1")));
    let settings = browser.get_json("/self-service/settings/browser").await;
    assert_eq!(settings.status, 403, "settings ask for it all the same");
}

#[tokio::test]
async fn backup_codes_by_the_page() {
    let site = Site::open().await;
    let mut browser = site.signed_in(ADA).await;
    let flow = browser.begin("settings").await;
    let shown = browser.submit(&flow, &[("lookup_secret_regenerate", "true")]).await;
    assert!(shown.location().starts_with("/ui/settings?flow="), "{}", shown.body);
    let id = flow["id"].as_str().unwrap();
    let read = browser.get_json(&format!("/self-service/settings/flows?id={id}")).await.json();
    let secrets = node(&read, "lookup_secret_codes")["text"]["context"]["secrets"].clone();
    let first = secrets[0]["text"].as_str().unwrap().to_owned();
    assert!(browser.get(shown.location()).await.body.contains(&first));
    browser.submit(&read, &[("lookup_secret_confirm", "true")]).await;
    assert_eq!(browser.get_json("/sessions/whoami").await.json()["authenticator_assurance_level"], "aal2");

    let mut other = site.client();
    site.sign_in(&mut other, ADA).await;
    let flow = other.get_json("/self-service/login/browser?aal=aal2").await.json();
    let done = other.submit_json(&flow, json!({"method": "lookup_secret", "lookup_secret": first})).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let flow = browser.begin("settings").await;
    let revealed = browser.submit_json(&flow, json!({"lookup_secret_reveal": true})).await;
    let secrets = node(&revealed.json(), "lookup_secret_codes")["text"]["context"]["secrets"].clone();
    assert_eq!((&secrets[0]["id"], &secrets[1]["id"]), (&json!(1_050_014), &json!(1_050_009)));
    let removed = browser.submit_json(&flow, json!({"lookup_secret_disable": true})).await;
    assert_eq!(removed.status, 200, "{}", removed.body);
    let mut other = site.client();
    site.sign_in(&mut other, ADA).await;
    assert_eq!(other.get_json("/sessions/whoami").await.status, 200);
}

#[tokio::test]
async fn operators_see_factors_without_secrets_and_take_them_away() {
    let site = Site::open().await;
    let mut browser = site.signed_in(ADA).await;
    let secret = enrol(&site, &mut browser).await;
    let id = browser.get_json("/sessions/whoami").await.json()["identity"]["id"].as_str().unwrap().to_owned();
    let mut operator = site.client();
    let identity = operator.get_json(&format!("/admin/identities/{id}")).await;
    let totp = &identity.json()["credentials"]["totp"];
    assert_eq!((&totp["type"], &totp["identifiers"]), (&json!("totp"), &json!([id])));
    assert!(!identity.body.contains(&secret));
    let place = |kind: &str| format!("/admin/identities/{id}/credentials/{kind}");
    for (kind, status) in
        [("password", 400), ("nonsense", 400), ("lookup_secret", 404), ("totp", 204), ("totp", 404)]
    {
        let answer = operator.json("DELETE", &place(kind), &json!({})).await;
        assert_eq!(answer.status, status, "{kind}: {}", answer.body);
    }
    // What an account does not keep cannot be taken from it. The answer says what can be done.
    let code = operator.json("DELETE", &place("code"), &json!({})).await;
    assert_eq!(code.status, 400);
    let reason = code.json()["error"]["reason"].as_str().unwrap().to_owned();
    for way in ["credentials.code", "PATCH /admin/identities/{id}", "inactive", "identity.code"] {
        assert!(reason.contains(way), "{way}: {reason}");
    }
    let nobody = "/admin/identities/00000000-0000-4000-8000-000000000000/credentials/totp";
    assert_eq!(operator.json("DELETE", nobody, &json!({})).await.status, 404);
    let mut browser = site.client();
    site.sign_in(&mut browser, ADA).await;
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 200, "one factor is all there is");
}
