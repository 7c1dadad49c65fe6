//! The known attacks on OAuth, OpenID Connect and JOSE deployments (RFC 9700, RFC 8725, RFC 6819): what stops each, and the tests that
//! show it. [`table`] is the list, each row of which is held against the sources: what it names is there. Here are the tests over
//! HTTP that no other file has.

mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use primitives::Clock as _;
use primitives::base64url;
use serde_json::{Value, json};
use testkit::prover::Prover;
use tokio::net::TcpListener;

use super::code::{App, code, sign_up};
use crate::browser::{Browser, Response, encode};
use crate::world::World;

const REDIRECT: &str = "https://app.example/cb";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn error(answer: &Response) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

async fn post(world: &World, path: &str, form: &[(&str, &str)]) -> Response {
    let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    let url = format!("{}{path}", world.tenant("acme"));
    Browser::default().send("POST", &url, &headers, encode(form)).await
}

/// A machine that proves itself by assertions of this key.
async fn machine_of(world: &World, key: &Prover) {
    let mut public = key.header()["jwk"].clone();
    public["kid"] = "k".into();
    let more = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public]}});
    world.machine("acme", more).await;
}

fn assertion_claims(world: &World, jti: &str) -> Value {
    let now = world.clock.now().seconds();
    let aud = world.tenant("acme");
    json!({"iss": "machine", "sub": "machine", "aud": aud, "iat": now, "exp": now + 60, "jti": jti})
}

async fn present(world: &World, assertion: &str) -> Response {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", assertion),
    ];
    post(world, "/oauth2/token", &form).await
}

/// RFC 8725 sections 2.1, 3.1, 3.8 to 3.10; Vaudenay and zip bombs for what is encrypted.
#[tokio::test(flavor = "multi_thread")]
async fn header_of_a_token_chooses_neither_algorithm_nor_key() {
    let world = World::start().await;
    let (key, theirs) = (Prover::generate(), Prover::generate());
    machine_of(&world, &key).await;
    let claims = |jti: &str| assertion_claims(&world, jti);
    let good = key.sign(&json!({"alg": "ES256", "kid": "k"}), &claims("good"));
    assert_eq!(present(&world, &good).await.status, 200);
    let own = theirs.header()["jwk"].clone();
    let part = |value: &Value| base64url::encode(value.to_string());
    let unsigned = |alg: &str| format!("{}.{}.", part(&json!({"alg": alg, "kid": "k"})), part(&claims("n")));
    // The public key's text as a shared secret.
    let symmetric = {
        let input = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "k"})), part(&claims("h")));
        let secret = key.header()["jwk"].to_string();
        let made = ring::hmac::sign(
            &ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes()),
            input.as_bytes(),
        );
        format!("{input}.{}", base64url::encode(made))
    };
    let zipped = json!({"alg": "dir", "enc": "A128GCM", "zip": "DEF", "cty": "JWT"});
    let passwords = json!({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_000_000_000, "p2s": "AA"});
    for (what, text) in [
        ("none", unsigned("none")),
        ("None", unsigned("None")),
        ("nOnE", unsigned("nOnE")),
        ("HS256 by the public key", symmetric),
        ("another key", theirs.sign(&json!({"alg": "ES256", "kid": "k"}), &claims("o"))),
        ("a key in it", theirs.sign(&json!({"alg": "ES256", "jwk": own}), &claims("j"))),
        (
            "jku",
            theirs.sign(&json!({"alg": "ES256", "kid": "k", "jku": "https://evil.example/"}), &claims("u")),
        ),
        (
            "x5u",
            theirs.sign(&json!({"alg": "ES256", "kid": "k", "x5u": "https://evil.example/"}), &claims("x")),
        ),
        (
            "a kid that is a path",
            theirs.sign(&json!({"alg": "ES256", "kid": "../../dev/null"}), &claims("p")),
        ),
        ("a kid that is SQL", theirs.sign(&json!({"alg": "ES256", "kid": "k' OR '1'='1"}), &claims("q"))),
        ("an algorithm that is not the key's", key.sign(&json!({"alg": "RS256", "kid": "k"}), &claims("a"))),
        ("crit", key.sign(&json!({"alg": "ES256", "kid": "k", "crit": ["exp"]}), &claims("c"))),
        ("b64", key.sign(&json!({"alg": "ES256", "kid": "k", "b64": false}), &claims("b"))),
        ("encrypted and packed", format!("{}..AA.AA.AA", part(&zipped))),
        ("encrypted by two billion rounds", format!("{}.AA.AA.AA.AA", part(&passwords))),
    ] {
        assert_eq!(error(&present(&world, &text).await), (401, "invalid_client".to_owned()), "{what}");
    }
}

/// Audience injection: an assertion that was made for somebody else, or for several, is brought here.
#[tokio::test(flavor = "multi_thread")]
async fn assertion_for_another_server_or_by_another_client_is_refused() {
    let world = World::start().await;
    let key = Prover::generate();
    machine_of(&world, &key).await;
    let header = json!({"alg": "ES256", "kid": "k"});
    let with = |name: &str, value: Value| {
        let mut claims = assertion_claims(&world, name);
        claims[name] = value;
        key.sign(&header, &claims)
    };
    let ours = world.tenant("acme");
    for text in [
        with("aud", "https://evil.example".into()),
        with("aud", json!([ours, "https://evil.example"])),
        with("aud", world.tenant("rival").into()),
        with("aud", Value::Null),
        with("sub", "other".into()),
        with("iss", "other".into()),
        with("exp", 0.into()),
        with("exp", (world.clock.now().seconds() + 1_000_000).into()),
        with("jti", Value::Null),
    ] {
        assert_eq!(error(&present(&world, &text).await).0, 401);
    }
    let good = key.sign(&header, &assertion_claims(&world, "good"));
    assert_eq!(present(&world, &good).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_requests_with_one_assertion_one_is_answered() {
    let world = World::start().await;
    let key = Prover::generate();
    machine_of(&world, &key).await;
    let text = key.sign(&json!({"alg": "ES256", "kid": "k"}), &assertion_claims(&world, "one"));
    let answers = join_all((0..30).map(|_| present(&world, &text))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(error(lost), (401, "invalid_client".to_owned()));
    }
}

/// RFC 9700 sections 4.5 and 4.8: a code that was stolen is brought into another session, by another client, or without its
/// verifier.
#[tokio::test(flavor = "multi_thread")]
async fn code_is_worth_nothing_without_its_client_verifier_and_address() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let other = json!({
        "client_id": "other", "token_endpoint_auth_method": "none", "redirect_uris": [REDIRECT],
        "scope": "openid", "grant_types": ["authorization_code", "refresh_token", DEVICE],
    });
    world.client("acme", other).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    for (what, redirect, sent) in [
        ("another verifier", REDIRECT, Some("another-verifier-another-verifier-another-verifier")),
        ("no verifier", REDIRECT, None),
        ("another address", "https://app.example/cb2", Some(verifier)),
    ] {
        let stolen = code(&app, &mut browser).await;
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", stolen.as_str()), ("redirect_uri", redirect)];
        form.extend(sent.map(|sent| ("code_verifier", sent)));
        let answer = app.endpoint("token", &form).await;
        assert!(
            matches!(error(&answer), (400, word) if word == "invalid_grant" || word == "invalid_request"),
            "{what}"
        );
    }
    let stolen = code(&app, &mut browser).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "other"),
        ("code", stolen.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
    ];
    assert_eq!(error(&post(&world, "/oauth2/token", &form).await), (400, "invalid_grant".to_owned()));
    let tokens = app.redeem(&code(&app, &mut browser).await).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("client_id", "other"), ("refresh_token", refresh)];
    assert_eq!(error(&post(&world, "/oauth2/token", &form).await), (400, "invalid_grant".to_owned()));
    assert!(app.is_active(refresh).await, "what a stranger tried ends nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn device_code_is_its_own_clients() {
    let world = World::start().await;
    for id in ["tv", "other"] {
        let document = json!({
            "client_id": id, "token_endpoint_auth_method": "none", "scope": "openid", "grant_types": [DEVICE],
        });
        world.client("acme", document).await;
    }
    let begun = post(&world, "/oauth2/device/auth", &[("client_id", "tv"), ("scope", "openid")]).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let begun = begun.json();
    let code = begun["device_code"].as_str().unwrap();
    let poll = |client: &'static str| {
        let form = [("grant_type", DEVICE), ("client_id", client), ("device_code", code)];
        let world = &world;
        async move { error(&post(world, "/oauth2/token", &form).await) }
    };
    assert_eq!(poll("other").await, (400, "invalid_grant".to_owned()));
    assert_eq!(poll("tv").await, (400, "authorization_pending".to_owned()));
    // Another site posts the code for somebody who is signed in (RFC 8628 section 5.4).
    let mut victim = Browser::default();
    sign_up(&world, &mut victim, "ada@acme.example").await;
    let page = format!("{}/oauth2/device/verify", world.tenant("acme"));
    let posted = victim.post(&page, &[("user_code", begun["user_code"].as_str().unwrap())]).await;
    assert!(posted.status >= 400 || posted.sent("code").is_none());
    world.clock.advance(std::time::Duration::from_secs(10));
    assert_eq!(poll("tv").await, (400, "authorization_pending".to_owned()));
}

/// A client's addresses lead into our own network: nothing of it is asked, and nothing of what is there is told.
#[tokio::test(flavor = "multi_thread")]
async fn keys_and_pictures_within_our_own_network_are_not_fetched() {
    let world = World::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    let at = |path: &str| format!("http://{address}/{path}");
    let wants = json!({
        "client_id": "app", "redirect_uris": [REDIRECT], "jwks_uri": at("keys"),
        "id_token_encrypted_response_alg": "ECDH-ES",
    });
    let refused = world.operate(&world.key, ("POST", "/admin/clients"), "acme", &wants).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(!refused.text().contains("refused") && !refused.text().contains("connect"), "{}", refused.text());
    let pictured = json!({
        "client_id": "machine", "jwks_uri": at("keys"), "logo_uri": at("logo"), "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt", "scope": "read",
    });
    world.client("acme", pictured).await;
    let key = Prover::generate();
    let text = key.sign(&json!({"alg": "ES256", "kid": "k"}), &assertion_claims(&world, "j"));
    assert_eq!(error(&present(&world, &text).await), (401, "invalid_client".to_owned()));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    server.abort();
}

/// RFC 9700 sections 4.2, 4.15 and 4.16: what a frame shows, and what a link tells.
#[tokio::test(flavor = "multi_thread")]
async fn pages_stand_in_no_frame_and_tell_no_address() {
    let world = World::start().await;
    let app = App::register(&world, false).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let asked = browser.get(&app.authorize(&[])).await;
    let consent = browser.get(asked.location().as_str()).await;
    let form = browser.get(&app.authorize(&[("response_mode", "form_post"), ("prompt", "none")])).await;
    let wrong = browser.get(&app.authorize(&[("redirect_uri", "https://evil.example/")])).await;
    for (what, page) in [("consent", consent), ("form_post", form), ("an error", wrong)] {
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{what}");
        let referrer = page.header("referrer-policy");
        assert!(
            ["no-referrer", "same-origin", "strict-origin-when-cross-origin"].contains(&referrer),
            "{what}"
        );
        assert!(page.header("cache-control").contains("no-store"), "{what}");
    }
}
