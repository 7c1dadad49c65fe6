//! "Do not ask for a second factor here": for whom that holds, for what, and until when.

use std::time::Duration;

use primitives::Clock as _;
use serde_json::{Value, json};
use testkit::totp::code;

use crate::client::{Client, Response};
use crate::second_factor::enrol;
use crate::site::Site;

const ADA: &str = "ada@example.com";
const COOKIE: &str = "portcullis_trusted_device";

/// Ada, who has an authenticator app, and a browser that she has said to trust.
async fn trusting() -> (Site, Client, String) {
    let site = Site::with(json!({"trusted_device": {"lifespan_days": 30}})).await;
    let mut first = site.signed_in(ADA).await;
    let secret = enrol(&site, &mut first).await;
    let mut browser = site.client();
    sign_in(&mut browser).await;
    let done = prove(&site, &mut browser, &secret, true).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(
        done.set_cookie(COOKIE).contains("Max-Age=2592000; Secure")
            || done.set_cookie(COOKIE).contains("Max-Age=2592000")
    );
    (site, browser, secret)
}

async fn sign_in(browser: &mut Client) -> Response {
    let flow = browser.begin("login").await;
    let form = [("identifier", ADA), ("password", "correct horse"), ("method", "password")];
    browser.submit(&flow, &form).await
}

/// Proves the second factor on the page, with or without the check mark.
async fn prove(site: &Site, browser: &mut Client, secret: &str, trusts: bool) -> Response {
    let flow = browser.get_json("/self-service/login/browser?aal=aal2").await.json();
    let nodes = flow["ui"]["nodes"].as_array().unwrap();
    let asked = nodes.iter().find(|node| node["attributes"]["name"] == "trust_device").unwrap();
    assert_eq!((&asked["group"], &asked["attributes"]["type"]), (&json!("default"), &json!("checkbox")));
    let right = code(secret, site.clock.now());
    site.clock.advance(Duration::from_secs(30));
    let mut form = vec![("method", "totp"), ("totp_code", right.as_str())];
    if trusts {
        form.push(("trust_device", "true"));
    }
    browser.submit(&flow, &form).await
}

async fn sign_out(browser: &mut Client) {
    let out = browser.get_json("/self-service/logout/browser").await.json();
    let url = out["logout_url"].as_str().unwrap().strip_prefix(crate::site::BASE).unwrap().to_owned();
    assert_eq!(browser.get(&url).await.status, 303);
}

async fn whoami(browser: &mut Client) -> (u16, Value) {
    let known = browser.get_json("/sessions/whoami").await;
    (known.status, known.json())
}

#[tokio::test]
async fn trusted_browser_signs_in_with_one_factor_and_says_so() {
    let (site, mut browser, _) = trusting().await;
    sign_out(&mut browser).await;
    let done = sign_in(&mut browser).await;
    assert_eq!((done.status, done.location()), (303, "/ui/settings"), "no second step");
    let (status, who) = whoami(&mut browser).await;
    assert_eq!((status, &who["authenticator_assurance_level"]), (200, &json!("aal1")), "{who}");
    assert_eq!(who["authentication_methods"].as_array().unwrap().len(), 1);

    // What changes the account asks for it all the same, and so does whoever asks for it by itself.
    for path in ["/self-service/settings/browser", "/self-service/login/browser?aal=aal2"] {
        let sent = browser.get(path).await;
        let page = browser.get(sent.location()).await;
        let page = if page.location().is_empty() { page } else { browser.get(page.location()).await };
        assert!(page.body.contains("name=\"totp_code\""), "{path}: {}", sent.location());
    }
    let mut elsewhere = site.client();
    let next = sign_in(&mut elsewhere).await;
    assert_eq!(next.location(), "/self-service/login/browser?aal=aal2", "another browser is not trusted");
}

#[tokio::test]
async fn cookie_is_worth_nothing_to_anybody_else() {
    let (site, browser, _) = trusting().await;
    let token = browser.cookies[COOKIE].clone();
    // Bob has a second factor, too, and Ada's cookie.
    let mut bob = site.signed_in("bob@example.com").await;
    enrol(&site, &mut bob).await;
    let mut bob = site.client();
    bob.cookies.insert(COOKIE.to_owned(), token.clone());
    let flow = bob.begin("login").await;
    let form = [("identifier", "bob@example.com"), ("password", "correct horse"), ("method", "password")];
    let next = bob.submit(&flow, &form).await;
    assert_eq!(next.location(), "/self-service/login/browser?aal=aal2");
    // Alone it is nothing, and in an application nothing either.
    let mut thief = site.client();
    thief.cookies.insert(COOKIE.to_owned(), token);
    assert_eq!(whoami(&mut thief).await.0, 401);
}

#[tokio::test]
async fn trust_ends_with_its_time_and_with_whatever_changes() {
    let (site, mut browser, secret) = trusting().await;
    sign_out(&mut browser).await;
    let mut kept = browser.clone();
    // Who forgets it in a list has it forgotten at once, for the session that counts by it, too.
    sign_in(&mut browser).await;
    assert_eq!(whoami(&mut browser).await.0, 200);
    let listed = browser.get_json("/portcullis/v1/trusted-devices").await.json();
    let id = listed["trusted_devices"][0]["id"].as_str().unwrap().to_owned();
    assert!(!listed.to_string().contains("ptd_"), "{listed}");
    let path = format!("/portcullis/v1/trusted-devices/{id}");
    assert_eq!(site.signed_in("bob@example.com").await.send("DELETE", &path, &[], "").await.status, 404);
    assert_eq!(browser.send("DELETE", &path, &[], "").await.status, 204);
    assert_eq!(whoami(&mut browser).await.0, 403, "the second factor is asked for now");
    assert_eq!(sign_in(&mut kept).await.location(), "/self-service/login/browser?aal=aal2");

    // A new password forgets all of them.
    assert_eq!(prove(&site, &mut kept, &secret, true).await.status, 303);
    let flow = kept.begin("settings").await;
    let saved = kept.submit_json(&flow, json!({"method": "password", "password": "correct horse"})).await;
    assert_eq!(saved.status, 200, "{}", saved.body);
    sign_out(&mut kept).await;
    assert_eq!(sign_in(&mut kept).await.location(), "/self-service/login/browser?aal=aal2");

    assert_eq!(prove(&site, &mut kept, &secret, true).await.status, 303);
    sign_out(&mut kept).await;
    site.clock.advance(Duration::from_hours(24 * 30));
    assert_eq!(sign_in(&mut kept).await.location(), "/self-service/login/browser?aal=aal2", "too old");
}

#[tokio::test]
async fn page_lists_devices_and_forgets_them() {
    let (site, mut browser, _) = trusting().await;
    let flow = browser.begin("settings").await;
    let id = flow["id"].as_str().unwrap();
    let page = browser.get(&format!("/ui/settings?flow={id}")).await.body;
    let (_, section) = page.split_once("id=\"devices\"").unwrap();
    let (_, rest) = section.split_once("name=\"device\" value=\"").unwrap();
    let device = rest.split('"').next().unwrap();
    let token = crate::client::csrf_token(&flow);
    let form = [("csrf_token", token), ("flow", id), ("device", device)];
    assert_eq!(browser.form("/ui/sessions", &form).await.status, 303);
    let listed = browser.get_json("/portcullis/v1/trusted-devices").await.json();
    assert_eq!(listed["trusted_devices"], json!([]));
    drop(site);
}

#[tokio::test]
async fn nobody_is_asked_where_the_tenant_has_it_not() {
    let site = Site::open().await;
    let mut browser = site.signed_in(ADA).await;
    let secret = enrol(&site, &mut browser).await;
    let mut browser = site.client();
    sign_in(&mut browser).await;
    let flow = browser.get_json("/self-service/login/browser?aal=aal2").await.json();
    assert!(!flow.to_string().contains("trust_device"));
    let right = code(&secret, site.clock.now());
    let form = [("method", "totp"), ("totp_code", right.as_str()), ("trust_device", "true")];
    let done = browser.submit(&flow, &form).await;
    assert_eq!((done.status, done.set_cookie(COOKIE)), (303, ""));
}
