//! What people are told of a client at which no operator has looked.

use serde_json::{Value, json};

use super::code::sign_up;
use super::metadata_document::{CHALLENGE, post, value_of};
use crate::browser::{Browser, encode};
use crate::world::World;

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const NOBODY_CHECKED: &str = "nobody has checked what it says of itself";

async fn world() -> World {
    let world = World::start().await;
    let registration =
        json!({"mode": "open", "grant_types": ["authorization_code", "refresh_token", DEVICE]});
    crate::plugins::people::set(&world, &json!({ "oauth2": { "registration": registration } })).await;
    world
}

async fn registered(world: &World, more: &Value) -> String {
    let mut body = json!({"client_name": "Exporter", "token_endpoint_auth_method": "none",
        "redirect_uris": ["https://exporter.example/cb", "http://127.0.0.1/cb"], "scope": "openid"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let headers = [("content-type", "application/json".to_owned())];
    let url = format!("{}/oauth2/register", world.tenant("acme"));
    let made = Browser::default().send("POST", &url, &headers, body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["client_id"].as_str().unwrap().to_owned()
}

async fn asked(world: &World, browser: &mut Browser, client: &str, redirect_uri: &str) -> String {
    let query = encode(&[
        ("client_id", client),
        ("response_type", "code"),
        ("redirect_uri", redirect_uri),
        ("scope", "openid"),
        ("state", "the-state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let sent = browser.get(&format!("{}/oauth2/auth?{query}", world.tenant("acme"))).await;
    assert_eq!(sent.location().path(), "/t/acme/ui/consent", "{}", sent.text());
    browser.get(sent.location().as_str()).await.text()
}

/// Attack: a stranger registers a client under the name, and with the picture, of one that people know.
#[tokio::test(flavor = "multi_thread")]
async fn person_is_told_that_a_client_registered_itself_and_where_the_answer_goes() {
    let world = world().await;
    let logo = json!({"logo_uri": "https://exporter.example/logo.png"});
    let own = registered(&world, &logo).await;
    let known = json!({"client_id": "known", "client_name": "Known", "token_endpoint_auth_method": "none",
        "redirect_uris": ["https://known.example/cb"], "scope": "openid", "logo_uri": "https://known.example/logo.png"});
    world.client("acme", known).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;

    let page = asked(&world, &mut browser, &own, "https://exporter.example/cb").await;
    for shown in [NOBODY_CHECKED, "What you allow goes to exporter.example", "name=\"remember\""] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("logo.png"), "its picture would look as if somebody had looked at it: {page}");

    let page = asked(&world, &mut browser, &own, "http://127.0.0.1:49152/cb").await;
    assert!(page.contains(NOBODY_CHECKED) && page.contains("program on this computer"), "{page}");
    assert!(!page.contains("What you allow goes to"), "{page}");

    let page = asked(&world, &mut browser, "known", "https://known.example/cb").await;
    assert!(!page.contains(NOBODY_CHECKED) && page.contains("logo.png"), "an operator's is none: {page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn person_is_told_the_same_of_a_device() {
    let world = world().await;
    let own =
        registered(&world, &json!({"grant_types": [DEVICE], "redirect_uris": [], "response_types": []}))
            .await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let begun = post(&world, "/oauth2/device/auth", &[("client_id", &own), ("scope", "openid")]).await.json();
    let url = format!("{}/oauth2/device/verify", world.tenant("acme"));
    let entered = browser.post(&url, &[("user_code", begun["user_code"].as_str().unwrap())]).await;
    assert_eq!(entered.status, 303, "{}", entered.text());
    let page = browser.get(entered.location().as_str()).await.text();
    assert!(page.contains(NOBODY_CHECKED) && !value_of(&page, "device_challenge").is_empty(), "{page}");
}
