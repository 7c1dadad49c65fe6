//! Security keys that sign in alone, and authenticators that a tenant does not take, by pages.

use serde_json::{Value, json};
use testkit::authenticator::Authenticator;

use crate::client::{Client, Response};
use crate::site::{BASE, Site};

const ADA: &str = "ada@example.com";

fn key() -> Authenticator {
    Authenticator::new(1, BASE).unwrap()
}

/// The options in a button of a form.
fn options(form: &Value, name: &str) -> Value {
    let mut nodes = form["ui"]["nodes"].as_array().unwrap().iter();
    let node = nodes.find(|node| node["attributes"]["name"] == name).unwrap();
    serde_json::from_str(node["attributes"]["value"].as_str().unwrap()).unwrap()
}

/// The page to which a form led, with its form.
async fn shown(browser: &mut Client, answer: &Response, kind: &str) -> (String, Value) {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let page = answer.location().to_owned();
    let id = page.split_once("flow=").unwrap().1;
    let form = browser.get_json(&format!("/self-service/{kind}/flows?id={id}")).await.json();
    (browser.get(&page).await.body, form)
}

async fn sign_up(browser: &mut Client, key: &mut Authenticator) -> Response {
    let form = browser.begin("registration").await;
    let made = key.create(&options(&form, "webauthn_register_trigger"));
    let pairs = [
        ("traits.email", ADA),
        ("webauthn_register", made.as_str()),
        ("webauthn_register_displayname", "Blue"),
        ("method", "webauthn"),
    ];
    browser.submit(&form, &pairs).await
}

#[tokio::test]
async fn somebody_signs_up_and_in_with_a_security_key_alone() {
    let site = Site::with(json!({ "webauthn": { "passwordless": true } })).await;
    let mut key = key();
    let answer = sign_up(&mut site.client(), &mut key).await;
    assert_eq!((answer.status, answer.location()), (303, "/ui/settings"));

    let mut browser = site.client();
    let form = browser.begin("login").await;
    let answer = browser.submit(&form, &[("identifier", ADA), ("method", "webauthn")]).await;
    let (page, form) = shown(&mut browser, &answer, "login").await;
    assert!(
        page.contains("data-trigger=\"oryWebAuthnLogin\"") && !page.contains("type=\"password\""),
        "{page}"
    );
    assert!(page.contains("Plug in your security key"), "{page}");
    let proof = key.get(&options(&form, "webauthn_login_trigger"));
    let pairs = [("identifier", ADA), ("method", "webauthn"), ("webauthn_login", proof.as_str())];
    let answer = browser.submit(&form, &pairs).await;
    assert_eq!((answer.status, answer.location()), (303, "/ui/settings"));
    let session = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(session["authenticator_assurance_level"], "aal1");
    assert_eq!(session["authentication_methods"][0]["method"], "webauthn");
}

#[tokio::test]
async fn authenticator_that_is_not_taken_is_told_so() {
    let asks = json!({ "webauthn": { "passwordless": true }, "attestation": { "conveyance": "direct" } });
    let site = Site::with(asks).await;
    let mut browser = site.client();
    let answer = sign_up(&mut browser, &mut key()).await;
    let (page, form) = shown(&mut browser, &answer, "registration").await;
    assert!(page.contains("a kind that is accepted here"), "{page}");
    assert_eq!(options(&form, "webauthn_register_trigger")["publicKey"]["attestation"], "direct");
}
