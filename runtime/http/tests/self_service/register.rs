//! `/oauth2/register…`: who may register a client, and what becomes of it.

use std::sync::Arc;

use portcullis_http::{GuardedOutbound, OutboundPolicy};
use primitives::transform::NoTransformHook;
use serde_json::{Value, json};

use crate::client::{Client, Response};
use crate::site::Site;

/// A node where clients register themselves in this mode.
async fn site(mode: &str) -> Site {
    let settings = json!({ "identity": {}, "oauth2": { "registration": { "mode": mode } } });
    let outbound = Arc::new(GuardedOutbound::new(OutboundPolicy::default()).unwrap());
    Site::configured(settings, outbound, Arc::new(NoTransformHook)).await
}

async fn send(
    client: &mut Client,
    (method, path): (&str, &str),
    token: Option<&str>,
    body: &Value,
) -> Response {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    client.send(method, path, &headers, &body).await
}

fn app() -> Value {
    json!({ "client_name": "An App", "redirect_uris": ["https://app.example/cb"] })
}

async fn register(site: &Site, token: Option<&str>) -> Response {
    send(&mut site.client(), ("POST", "/oauth2/register"), token, &app()).await
}

async fn names_the_endpoint(site: &Site) -> bool {
    let found = site.client().get_json("/.well-known/openid-configuration").await.json();
    found.get("registration_endpoint").is_some()
}

#[tokio::test]
async fn the_mode_decides_who_registers_and_whether_discovery_says_so() {
    let off = Site::open().await;
    let operator = off.key("default", "all").await;
    assert_eq!(register(&off, Some(&operator)).await.status, 404, "off unless it is asked for");
    assert!(!names_the_endpoint(&off).await);

    let by_key = site("key").await;
    assert!(names_the_endpoint(&by_key).await);
    let refused = register(&by_key, None).await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    let right = by_key.key("default", "clients:register").await;
    let elsewhere = by_key.key("other", "clients:register").await;
    let weak = by_key.key("default", "clients:read").await;
    assert_eq!(register(&by_key, Some(&elsewhere)).await.status, 403, "another tenant's");
    assert_eq!(register(&by_key, Some(&weak)).await.status, 403);
    assert_eq!(register(&by_key, Some(&right)).await.status, 201);

    assert_eq!(register(&site("open").await, None).await.status, 201);
}

#[tokio::test]
async fn a_client_looks_after_itself_and_after_nobody_else() {
    let site = site("open").await;
    let [one, other] = [register(&site, None).await.json(), register(&site, None).await.json()];
    let path = |client: &Value| format!("/oauth2/register/{}", client["client_id"].as_str().unwrap());
    let token = |client: &Value| client["registration_access_token"].as_str().unwrap().to_owned();
    assert_eq!(one["registration_client_uri"], format!("{}{}", crate::site::BASE, path(&one)));
    let mut app = site.client();
    let shown = send(&mut app, ("GET", &path(&one)), Some(&token(&one)), &Value::Null).await;
    assert_eq!((shown.status, &shown.json()["client_name"]), (200, &json!("An App")));
    let renamed = json!({ "client_name": "Renamed", "redirect_uris": ["https://app.example/cb"] });
    for (token, status) in [(None, 401), (Some(token(&other)), 401), (Some(token(&one)), 200)] {
        let put = send(&mut app, ("PUT", &path(&one)), token.as_deref(), &renamed).await;
        assert_eq!(put.status, status, "{}", put.body);
    }
    let greedy = json!({ "redirect_uris": ["https://app.example/cb"], "skip_consent": true });
    let put = send(&mut app, ("PUT", &path(&one)), Some(&token(&one)), &greedy).await;
    assert_eq!((put.status, &put.json()["error"]), (400, &json!("invalid_client_metadata")));
    let delete = ("DELETE", &*path(&one));
    assert_eq!(send(&mut app, delete, Some(&token(&other)), &Value::Null).await.status, 401);
    assert_eq!(send(&mut app, delete, Some(&token(&one)), &Value::Null).await.status, 204);
    assert_eq!(send(&mut app, ("GET", &path(&one)), Some(&token(&one)), &Value::Null).await.status, 401);
    // What an operator made has no token, and is no more than what is not there.
    let made = json!({ "client_id": "made", "redirect_uris": ["https://app.example/cb"] });
    assert_eq!(app.json("POST", "/admin/clients", &made).await.status, 201);
    let shown = send(&mut app, ("GET", "/oauth2/register/made"), Some(&token(&other)), &Value::Null).await;
    assert_eq!(shown.status, 401);
}

/// Attack: a thousand registrations from a source.
#[tokio::test]
async fn registrations_of_a_source_are_limited() {
    let site = site("open").await;
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(register(&site, None).await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 10);
    assert_eq!(statuses.last(), Some(&429));
    let listed = site.client().get_json("/admin/clients").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 10, "what is refused writes nothing");
}

/// Attack: the address of its keys leads into our own network.
#[tokio::test]
async fn keys_at_an_address_of_ours_are_not_fetched() {
    let site = site("open").await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut client = app();
    client["token_endpoint_auth_method"] = json!("private_key_jwt");
    client["jwks_uri"] = json!(format!("https://127.0.0.1:{port}/keys"));
    let made = send(&mut site.client(), ("POST", "/oauth2/register"), None, &client).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.json()["client_id"].clone();
    let encode = |value: Value| primitives::base64url::encode(value.to_string());
    let claims = json!({ "iss": id, "sub": id, "aud": crate::site::BASE, "exp": 1_800_000_060, "jti": "1" });
    let assertion = format!("{}.{}.c2ln", encode(json!({ "alg": "ES256", "kid": "k" })), encode(claims));
    let form = [
        ("grant_type", "authorization_code"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.as_str()),
    ];
    let answer = site.client().form("/oauth2/token", &form).await;
    assert_eq!(answer.json()["error"], "invalid_client", "{}", answer.body);
    assert!(listener.accept().is_err(), "nobody came");
}
