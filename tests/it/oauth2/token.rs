//! `POST /oauth2/token`: what good and bad requests of clients get.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::browser::{Browser, Response, encode};
use crate::world::World;

const FORM: &str = "application/x-www-form-urlencoded";

async fn ask(world: &World, tenant: &str, basic: Option<(&str, &str)>, body: String) -> Response {
    let mut headers = vec![("content-type", FORM.to_owned())];
    if let Some((id, secret)) = basic {
        headers.push(("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))));
    }
    Browser::default().send("POST", &format!("{}/oauth2/token", world.tenant(tenant)), &headers, body).await
}

fn grant() -> String {
    encode(&[("grant_type", "client_credentials"), ("scope", "read")])
}

#[tokio::test(flavor = "multi_thread")]
async fn client_gets_a_signed_token_that_introspects_as_its_own() {
    let world = World::start().await;
    let (id, secret) = world.machine("acme", json!({})).await;
    let answer = ask(&world, "acme", Some((&id, &secret)), grant()).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{}", answer.text());
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(answer.json()["scope"], "read");
    let authorization = [
        ("content-type", FORM.to_owned()),
        ("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))),
    ];
    let introspect = format!("{}/oauth2/introspect", world.tenant("acme"));
    let body = encode(&[("token", &token)]);
    let found = Browser::default().send("POST", &introspect, &authorization, body).await.json();
    assert_eq!((found["active"].as_bool(), found["client_id"].as_str()), (Some(true), Some("machine")));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_in_the_protocols_own_form_and_name_the_request() {
    let world = World::start().await;
    let (id, secret) = world.machine("acme", json!({})).await;
    let right = Some((id.as_str(), secret.as_str()));
    let oversized = format!("{}&x={}", grant(), "a".repeat(70_000));
    let repeated = format!("{}&grant_type=x", grant());
    let (unknown, both) = (encode(&[("grant_type", "password")]), format!("{}&client_secret=x", grant()));
    for (basic, body, status, error) in [
        (None, grant(), 401, "invalid_client"),
        (Some((id.as_str(), "wrong")), grant(), 401, "invalid_client"),
        (Some(("nobody", "wrong")), grant(), 401, "invalid_client"),
        (right, String::new(), 400, "invalid_request"),
        (right, repeated, 400, "invalid_request"),
        (right, both, 400, "invalid_request"),
        (right, unknown, 400, "unsupported_grant_type"),
        (right, encode(&[("grant_type", "client_credentials"), ("scope", "admin")]), 400, "invalid_scope"),
        (right, encode(&[("grant_type", "authorization_code")]), 400, "unauthorized_client"),
        (right, "\u{0}%ff%%=&&&".to_owned(), 400, "invalid_request"),
        (right, oversized, 413, "invalid_request"),
    ] {
        let answer = ask(&world, "acme", basic, body.clone()).await;
        let shown: String = body.chars().take(60).collect();
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{shown}");
        assert_eq!(answer.header("x-request-id").len(), 36, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_client_and_wrong_secret_are_told_the_same() {
    let world = World::start().await;
    let (id, _) = world.machine("acme", json!({})).await;
    let mut told = Vec::new();
    for id in [id.as_str(), "nobody"] {
        let mut answer = ask(&world, "acme", Some((id, "wrong-secret")), grant()).await.json();
        answer["request_id"].take();
        told.push(answer);
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn body_that_is_no_form_is_refused() {
    let world = World::start().await;
    let headers = [("content-type", "application/json".to_owned())];
    let url = format!("{}/oauth2/token", world.base);
    let answer = Browser::default().send("POST", &url, &headers, "{}".to_owned()).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_request")));
}
