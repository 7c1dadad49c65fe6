//! A tenant with a security profile (FAPI 2.0), over HTTP.

use bytes::Bytes;
use config::listener::Tls;
use http::Request;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::code::{App, code, sign_up};
use crate::browser::{Browser, encode};
use crate::server::tls::{Authority, Files, connect};
use crate::world::World;

const REDIRECT: &str = "https://app.example/cb";

async fn switch(world: &World, profile: &str) -> u16 {
    let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    let settings = json!({ "settings": { "oauth2": { "security_profile": profile } } });
    world.operate(&world.key, path, "default", &settings).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn switch_refuses_clients_that_contradict_it_and_says_why() {
    let world = World::start().await;
    let before = json!({"client_id": "before", "redirect_uris": [REDIRECT], "client_secret": "a-secret-of-before",
        "token_endpoint_auth_method": "client_secret_post", "grant_types": ["authorization_code", "client_credentials"]});
    world.client("acme", before.clone()).await;
    assert_eq!(switch(&world, "fapi1").await, 400, "there is none of that name");
    assert_eq!(switch(&world, "fapi2-security").await, 200);
    let next = json!({"client_id": "next", "redirect_uris": [REDIRECT]});
    let refused = world.operate(&world.key, ("POST", "/admin/clients"), "acme", &next).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_client_metadata")));
    let said = refused.json()["error_description"].as_str().unwrap().to_owned();
    assert!(said.contains("fapi2-security") && said.contains("section 5.3.2.1"), "{said}");
    // Whoever was there before is nobody now.
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "before"),
        ("client_secret", "a-secret-of-before"),
    ];
    let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    let url = format!("{}/oauth2/token", world.tenant("acme"));
    let answer = Browser::default().send("POST", &url, &headers, encode(&form)).await;
    assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_client")));
    let discovery =
        Browser::default().get(&format!("{}/.well-known/openid-configuration", world.tenant("acme"))).await;
    let methods = &discovery.json()["token_endpoint_auth_methods_supported"];
    assert_eq!(*methods, json!(["private_key_jwt"]));
    // A tenant beside it goes on.
    world.client("rival", before).await;
}

/// FAPI 2.0 Security Profile section 5.3.2.2: a 307 would have the browser send what the person typed to the app.
#[tokio::test(flavor = "multi_thread")]
async fn every_redirect_is_see_other() {
    let world = World::start().await;
    let app = json!({"client_id": "app", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "private_key_jwt",
        "dpop_bound_access_tokens": true, "security_profile": "fapi2-security", "skip_consent": true,
        "jwks": {"keys": [serde_json::to_value(testkit::prover::Prover::generate().header()["jwk"].clone()).unwrap()]}});
    world.client("acme", app).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@example.org").await;
    let asked =
        [("client_id", "app"), ("redirect_uri", REDIRECT), ("response_type", "code"), ("scope", "openid")];
    let answer = browser.get(&format!("{}/oauth2/auth?{}", world.tenant("acme"), encode(&asked))).await;
    // It was not pushed, which the app is told, by an address that was proven.
    assert_eq!((answer.status, answer.sent("error")), (303, Some("invalid_request".to_owned())));
    assert_eq!(answer.sent("iss"), Some(world.tenant("acme")));
    // With credentials in the request: the form of the sign-in.
    let signed_in = sign_in(&world, "ada@example.org").await;
    assert_eq!(signed_in.0, 303, "{}", signed_in.1);
}

/// Posts a password as a browser does.
async fn sign_in(world: &World, email: &str) -> (u16, Value) {
    let mut browser = Browser::default();
    let begun = browser.get_json(&format!("{}/self-service/login/browser", world.tenant("acme"))).await;
    let flow = begun.json();
    let token = super::code::csrf_token(&flow);
    let action = flow["ui"]["action"].as_str().unwrap().to_owned();
    let form = [
        ("method", "password"),
        ("identifier", email),
        ("password", "a long enough phrase"),
        ("csrf_token", &token),
    ];
    let answer = browser.post(&action, &form).await;
    (answer.status, answer.text().into())
}

/// FAPI 2.0 Security Profile section 5.2.3: a network that takes the browser to plain HTTP next time is not followed.
#[tokio::test(flavor = "multi_thread")]
async fn browser_that_came_by_tls_is_told_to_stay_with_it() {
    let authority = Authority::new("server");
    let files = Files::new(&authority);
    let tls = Tls { cert: files.path("cert.pem"), key: files.path("key.pem") };
    let listen = |listener: &mut config::Listener| {
        if listener.name == "public" {
            listener.tls = Some(tls.clone());
        }
    };
    let world = World::start_listening(|_| {}, listen).await.0;
    let stream = connect(&world.base, &authority, None, b"http/1.1").await;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/t/acme/.well-known/openid-configuration").header("host", "localhost");
    let answer = sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
}

/// FAPI 2.0 Security Profile section 5.3.4. Attack: an address with a token in it stands in logs, and is sent on as the referrer.
#[tokio::test(flavor = "multi_thread")]
async fn access_token_in_a_query_is_none() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@example.org").await;
    let tokens = app.redeem(&code(&app, &mut browser).await).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let userinfo = format!("{}/userinfo", world.tenant("acme"));
    let headers = [("authorization", format!("Bearer {token}"))];
    let in_header = Browser::default().send("GET", &userinfo, &headers, String::new()).await;
    let query = encode(&[("access_token", token)]);
    let in_query = Browser::default().get(&format!("{userinfo}?{query}")).await;
    assert_eq!((in_header.status, in_query.status), (200, 401));
}
