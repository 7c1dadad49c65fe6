//! Signing in by the browser's own dialog (FedCM), over HTTP, and whoever brings a token that was not got so.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::provider::{Fault, Manners};

use crate::client::{Client, Response, messages};
use crate::providers::{ISSUER, Place, person};

const PARAMETERS: &str = "/self-service/fed-cm/parameters";
const TOKEN: &str = "/self-service/fed-cm/token";
const CONFIG: &str = "https://op.example/fedcm.json";

/// A site of which one provider is offered so.
async fn place() -> Place {
    place_with(|_| ()).await
}

async fn place_with(change: impl FnOnce(&mut Manners)) -> Place {
    let place = Place::with(person("248289761001"), json!({}), change).await;
    let of = |id: &str| json!({ "id": id, "provider": "generic", "client_id": "client", "issuer_url": ISSUER, "trusts_email": true });
    let mut acme = of("acme");
    acme["fed_cm"] =
        json!({ "config_url": CONFIG, "fields": ["email"], "parameters": { "scope": "openid" } });
    let settings = json!({ "settings": {
        "identity": { "argon2": { "memory_kib": 64, "iterations": 1, "parallelism": 1 } },
        "federation": { "provider": [of("other"), acme] },
    }});
    let changed = place.site.client().json("PATCH", "/admin/portcullis/v1/tenants/default", &settings).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    place
}

/// Begins: the form's token, and the nonce.
async fn begin(browser: &mut Client) -> (String, String) {
    let begun = browser.get_json(PARAMETERS).await;
    assert_eq!(begun.status, 200, "{}", begun.body);
    let begun = begun.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&begun["csrf_token"]), text(&begun["providers"][0]["nonce"]))
}

async fn bring(browser: &mut Client, token: &str, csrf_token: &str) -> Response {
    browser.json("POST", TOKEN, &json!({ "token": token, "csrf_token": csrf_token })).await
}

#[tokio::test]
async fn nobody_is_offered_so_unless_the_settings_say_it() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.client();
    let answer = browser.get_json(PARAMETERS).await;
    assert_eq!(answer.json(), json!({ "csrf_token": "", "providers": [] }));
    assert!(browser.cookies.is_empty());
    let token = place.provider.id_token(Some("00000000-0000-4000-8000-000000000000")).unwrap();
    assert_eq!(bring(&mut browser, &token, "x").await.status, 404);
}

#[tokio::test]
async fn browser_is_told_what_to_ask_the_provider_for() {
    let place = place().await;
    let mut browser = place.site.client();
    let begun = browser.get_json(PARAMETERS).await.json();
    let nonce = begun["providers"][0]["nonce"].clone();
    assert_eq!(
        begun["providers"],
        json!([{
            "config_url": CONFIG, "client_id": "client", "nonce": nonce, "fields": ["email"],
            "parameters": { "scope": "openid", "nonce": nonce },
        }])
    );
    assert_ne!(begin(&mut browser).await.1, nonce, "each attempt has its own");
}

#[tokio::test]
async fn person_gets_an_account_and_comes_back_to_it() {
    let place = place().await;
    let mut browser = place.site.client();
    let (csrf_token, nonce) = begin(&mut browser).await;
    let token = place.provider.id_token(Some(&nonce)).unwrap();
    let body = json!({ "token": token, "csrf_token": csrf_token, "nonce": nonce });
    let done = browser.json("POST", TOKEN, &body).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let known = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(known["identity"]["traits"]["email"], "ada@example.com");
    assert_eq!(known["authentication_methods"][0]["provider"], "acme", "{known}");
    assert_eq!(browser.get_json(PARAMETERS).await.error_id(), "session_already_available");

    // By a form, in another browser: the same account.
    let mut browser = place.site.client();
    let (csrf_token, nonce) = begin(&mut browser).await;
    let token = place.provider.id_token(Some(&nonce)).unwrap();
    let pairs = [("token", token.as_str()), ("csrf_token", csrf_token.as_str())];
    let done = browser.form(TOKEN, &pairs).await;
    assert_eq!(done.status, 303, "{}", done.body);
    let again = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(again["identity"]["id"], known["identity"]["id"]);
}

/// Attack: a token that the browser got, or that somebody else did, is brought where it does not belong.
#[tokio::test]
async fn token_counts_once_in_the_browser_that_asked_for_it() {
    let place = place().await;
    let (mut owner, mut thief) = (place.site.client(), place.site.client());
    let (csrf_token, nonce) = begin(&mut owner).await;
    let (of_thief, _) = begin(&mut thief).await;
    let token = place.provider.id_token(Some(&nonce)).unwrap();
    for csrf in [&csrf_token, &of_thief, ""] {
        assert_eq!(bring(&mut thief, &token, csrf).await.status, 403, "another browser");
    }
    for csrf in [of_thief.as_str(), ""] {
        assert_eq!(
            bring(&mut owner, &token, csrf).await.error_id(),
            "security_csrf_violation",
            "another site"
        );
    }
    let body = json!({ "token": token, "csrf_token": csrf_token, "nonce": "another" });
    assert_eq!(owner.json("POST", TOKEN, &body).await.status, 404);
    assert_eq!(bring(&mut owner, &token, &csrf_token).await.status, 200);
    owner.cookies.remove("ory_kratos_session");
    assert_eq!(bring(&mut owner, &token, &csrf_token).await.status, 404, "the form has served");
    assert!(
        !owner.cookies.contains_key("ory_kratos_session")
            && !thief.cookies.contains_key("ory_kratos_session")
    );
}

#[tokio::test]
async fn token_is_held_against_everything_that_an_id_token_is() {
    let place = place().await;
    for (fault, status) in [
        (Some(Fault::ForeignKey), 400),
        (Some(Fault::Claim("aud", "\"another client\"".to_owned())), 400),
        (Some(Fault::Claim("iss", "\"https://evil.example\"".to_owned())), 404),
        (Some(Fault::Claim("nonce", "\"another\"".to_owned())), 404),
        (Some(Fault::Claim("exp", "1799999000".to_owned())), 400),
        (Some(Fault::Claim("nonce", "null".to_owned())), 404),
        (Some(Fault::Claim("sub", "null".to_owned())), 400),
        (None, 200),
    ] {
        let mut browser = place.site.client();
        let (csrf_token, nonce) = begin(&mut browser).await;
        place.provider.fault(fault.clone());
        let token = place.provider.id_token(Some(&nonce)).unwrap();
        let answer = bring(&mut browser, &token, &csrf_token).await;
        assert_eq!(answer.status, status, "{fault:?}: {}", answer.body);
        assert_eq!(browser.cookies.contains_key("ory_kratos_session"), status == 200, "{fault:?}");
    }
    let mut browser = place.site.client();
    let (csrf_token, _) = begin(&mut browser).await;
    for token in ["", "a.b.c", "opaque"] {
        assert_eq!(bring(&mut browser, token, &csrf_token).await.status, 404, "{token:?}");
    }
    for body in [json!({}), json!({ "token": 7 }), json!([])] {
        assert_eq!(browser.json("POST", TOKEN, &body).await.status, 400, "{body}");
    }
}

/// Attack: a token lies about for a while, and is brought then.
#[tokio::test]
async fn token_is_as_young_as_the_form_that_it_is_for() {
    let place = place().await;
    let mut browser = place.site.client();
    let (csrf_token, nonce) = begin(&mut browser).await;
    let token = place.provider.id_token(Some(&nonce)).unwrap();
    place.site.clock.advance(Duration::from_mins(90));
    assert_eq!(bring(&mut browser, &token, &csrf_token).await.status, 410);
}

/// The provider's own server has a say, too: its keys are read for a token. What it does wrong lets nobody in, is told on the
/// form, and keeps nobody out once it is over.
#[tokio::test]
async fn provider_that_answers_wrongly_is_told_on_the_form() {
    for fault in [Fault::Slow, Fault::Page, Fault::Huge] {
        let place = place().await;
        let mut browser = place.site.client();
        let (csrf_token, nonce) = begin(&mut browser).await;
        let token = place.provider.id_token(Some(&nonce)).unwrap();
        place.provider.fault(Some(fault.clone()));
        let answer = bring(&mut browser, &token, &csrf_token).await;
        assert_eq!(answer.status, 400, "{fault:?}: {}", answer.body);
        assert_eq!(messages(&answer.json()), [8_000_020], "{fault:?}");
        assert!(!browser.cookies.contains_key("ory_kratos_session"), "{fault:?}");
        assert_eq!(place.site.client().get_json("/admin/identities").await.json(), json!([]), "{fault:?}");
        place.provider.fault(None);
        assert_eq!(bring(&mut browser, &token, &csrf_token).await.status, 200, "{fault:?}");
    }
}

/// Attack: whoever answers for the provider's server says that it is another issuer, whose keys sign the token.
#[tokio::test]
async fn provider_that_says_to_be_another_issuer_is_not_believed() {
    let place = place_with(|manners| manners.metadata["issuer"] = "https://evil.example".into()).await;
    let mut browser = place.site.client();
    let (csrf_token, nonce) = begin(&mut browser).await;
    let token = place.provider.id_token(Some(&nonce)).unwrap();
    let answer = bring(&mut browser, &token, &csrf_token).await;
    assert_eq!((answer.status, messages(&answer.json())), (400, vec![8_000_020]), "{}", answer.body);
    assert!(!browser.cookies.contains_key("ory_kratos_session"));
}
