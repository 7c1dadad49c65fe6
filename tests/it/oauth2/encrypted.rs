//! Tokens that only their client can read, over HTTP: ID token, userinfo, introspection and the answer of the authorization
//! endpoint, each signed and then encrypted; and clients without a key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jose::{SigningAlgorithm, generate};
use primitives::rng::SeededRng;
use recipient::Recipient;
use serde_json::{Value, json};

use super::code::{App, claims, header, sign_up};
use crate::browser::{Browser, Response, encode};
use crate::world::World;

const REDIRECT: &str = "https://app.example/cb";

fn key(algorithm: SigningAlgorithm) -> Recipient {
    let pair = generate(algorithm, &SeededRng::new(1)).unwrap();
    Recipient::from_jwk(&serde_json::from_str(&pair.to_json()).unwrap()).unwrap()
}

fn document(key: &Recipient, alg: &str) -> Value {
    json!({
        "client_id": "app", "redirect_uris": [REDIRECT], "scope": "openid email offline_access",
        "grant_types": ["authorization_code", "refresh_token"], "skip_consent": true,
        "jwks": {"keys": [key.named("e")]},
        "id_token_encrypted_response_alg": alg, "id_token_encrypted_response_enc": "A256GCM",
        "userinfo_signed_response_alg": "ES256", "userinfo_encrypted_response_alg": alg,
        "introspection_encrypted_response_alg": alg,
        "authorization_encrypted_response_alg": alg,
    })
}

async fn userinfo(world: &World, token: &str) -> Response {
    let headers = [("authorization", format!("Bearer {token}"))];
    Browser::default()
        .send("GET", &format!("{}/userinfo", world.tenant("acme")), &headers, String::new())
        .await
}

/// Asks as an app that has no secret in its own hands here: the secret is the one that its registration gave.
async fn introspect(world: &World, secret: &str, token: &str, accept: &str) -> Response {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("accept", accept.to_owned()),
        ("authorization", format!("Basic {}", STANDARD.encode(format!("app:{secret}")))),
    ];
    let url = format!("{}/oauth2/introspect", world.tenant("acme"));
    Browser::default().send("POST", &url, &headers, encode(&[("token", token)])).await
}

const SIGNED: &str = "application/token-introspection+jwt";

#[tokio::test(flavor = "multi_thread")]
async fn app_alone_reads_what_it_is_told() {
    for (alg, of) in [("ECDH-ES+A128KW", SigningAlgorithm::Es256), ("RSA-OAEP-256", SigningAlgorithm::Rs256)]
    {
        let world = World::start().await;
        let key = key(of);
        let app = App::register_as(&world, document(&key, alg)).await;
        let mut browser = Browser::default();
        sign_up(&world, &mut browser, "ada@acme.example").await;
        let answer = browser.get(&app.authorize(&[("response_mode", "query.jwt")])).await;
        let told = key.open(&answer.sent("response").unwrap()).unwrap();
        let told = claims(told.text());
        assert_eq!((&told["iss"], &told["aud"]), (&json!(world.tenant("acme")), &json!("app")));
        let tokens = app.redeem(told["code"].as_str().unwrap()).await;
        assert_eq!(tokens.status, 200, "{}", tokens.text());
        let tokens = tokens.json();
        let id_token = key.open(tokens["id_token"].as_str().unwrap()).unwrap();
        assert_eq!((&id_token.header["alg"], &id_token.header["enc"]), (&json!(alg), &json!("A256GCM")));
        assert_eq!(claims(id_token.text())["email"], "ada@acme.example");

        let access = tokens["access_token"].as_str().unwrap();
        let told = userinfo(&world, access).await;
        assert_eq!((told.status, told.header("content-type")), (200, "application/jwt"));
        assert!(told.header("cache-control").contains("no-store"));
        let signed = key.open(&told.text()).unwrap();
        assert_eq!(header(signed.text())["alg"], "ES256");
        assert_eq!(claims(signed.text())["sub"], claims(id_token.text())["sub"]);

        // A refreshed ID token is no less its own.
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
        let refreshed = app.endpoint("token", &form).await.json();
        assert!(key.open(refreshed["id_token"].as_str().unwrap()).is_ok());

        let asked = introspect(&world, app.secret(), access, SIGNED).await;
        assert_eq!((asked.status, asked.header("content-type")), (200, SIGNED));
        let told = key.open(&asked.text()).unwrap();
        assert_eq!(header(told.text())["typ"], "token-introspection+jwt");
        assert_eq!(claims(told.text())["token_introspection"]["active"], true);
        for accept in ["application/json", "*/*", ""] {
            assert_eq!(introspect(&world, app.secret(), access, accept).await.json()["active"], true);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_without_a_key_for_it_is_refused_by_operators_and_by_registration() {
    let world = World::start().await;
    let key = key(SigningAlgorithm::Es256);
    let mut signing = key.named("e");
    signing["use"] = "sig".into();
    for (change, word) in [
        (json!({"jwks": {"keys": [signing]}}), "no key among them"),
        (json!({"jwks": {}}), "no key among them"),
        (json!({"id_token_encrypted_response_alg": "RSA1_5"}), "not supported"),
        (json!({"id_token_encrypted_response_alg": "dir"}), "not supported"),
        (json!({"id_token_encrypted_response_alg": ""}), "needs the _alg"),
        (json!({"userinfo_signed_response_alg": "none"}), "anybody can encrypt"),
        (json!({"id_token_signed_response_alg": "none"}), "not supported"),
    ] {
        let mut document = document(&key, "ECDH-ES");
        document.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let made = world.operate(&world.key, ("POST", "/admin/clients"), "acme", &document).await;
        assert_eq!(made.status, 400, "{change}: {}", made.text());
        assert!(made.text().contains(word), "{change}: {}", made.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_says_what_encrypts() {
    let world = World::start().await;
    let url = format!("{}/.well-known/openid-configuration", world.tenant("acme"));
    let document = Browser::default().get_json(&url).await.json();
    for what in ["id_token", "userinfo", "introspection", "authorization"] {
        let alg = document[format!("{what}_encryption_alg_values_supported")].as_array().unwrap();
        assert!(alg.contains(&json!("ECDH-ES")) && !alg.contains(&json!("RSA1_5")), "{what}");
        let enc = &document[format!("{what}_encryption_enc_values_supported")];
        assert!(enc.as_array().unwrap().contains(&json!("A128CBC-HS256")), "{what}");
    }
}
