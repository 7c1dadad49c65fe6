//! Credentials for wallets' keys (OpenID Connect UserInfo Verifiable Credentials, draft 00), over HTTP: what a wallet gets, and what
//! somebody gets who has found its token or its proof.

use futures_util::future::join_all;
use jose::{JwkSet, UnverifiedJwt, VerifyingKeys};
use primitives::Clock as _;
use primitives::base64url;
use serde_json::{Value, json};
use testkit::prover::{Prover, hash_of};

use super::code::{App, claims, sign_up};
use crate::browser::{Browser, Response};
use crate::world::World;

const REDIRECT: &str = "https://app.example/cb";
const SCOPE: &str = "openid email userinfo_credential_draft_00";

/// A tenant that gives credentials.
async fn world() -> World {
    let world = World::start().await;
    crate::plugins::people::set(&world, &json!({"oauth2": {"credentials": {"enabled": true}}})).await;
    world
}

async fn app(world: &World, more: Value) -> App<'_> {
    let mut document = json!({
        "client_id": "app", "client_name": "Wallet", "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [REDIRECT], "scope": SCOPE, "skip_consent": true,
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    App::register_as(world, document).await
}

/// What the token endpoint answers to somebody who has just signed up.
async fn tokens(app: &App<'_>, browser: &mut Browser, scope: &str) -> Value {
    let sent = browser.get(&app.authorize(&[("scope", scope)])).await;
    app.redeem(&sent.sent("code").unwrap()).await.json()
}

/// Somebody who has signed up, with a wallet.
async fn wallet(world: &World, app: &App<'_>) -> (Browser, Value, Prover) {
    let mut browser = Browser::default();
    sign_up(world, &mut browser, "ada@acme.example").await;
    let tokens = tokens(app, &mut browser, SCOPE).await;
    (browser, tokens, Prover::generate())
}

fn prove(world: &World, key: &Prover, nonce: &Value) -> String {
    let mut header = key.header();
    header["typ"] = "openid4vci-proof+jwt".into();
    let at = world.clock.now().seconds();
    key.sign(&header, &json!({"iss": "app", "aud": world.tenant("acme"), "iat": at, "nonce": nonce}))
}

fn body(proof: &str) -> Value {
    json!({
        "format": "jwt_vc_json", "types": ["VerifiableCredential", "UserInfoCredential"],
        "proof": {"proof_type": "jwt", "jwt": proof},
    })
}

async fn ask_with(world: &World, headers: &[(&str, String)], body: &Value) -> Response {
    let headers = [&[("content-type", "application/json".to_owned())], headers].concat();
    let url = format!("{}/credentials", world.tenant("acme"));
    Browser::default().send("POST", &url, &headers, body.to_string()).await
}

async fn ask(world: &World, token: &Value, body: &Value) -> Response {
    ask_with(world, &[("authorization", format!("Bearer {}", token.as_str().unwrap()))], body).await
}

fn error(answer: &Response) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or("none").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn wallet_gets_a_credential_that_the_published_keys_verify() {
    let world = world().await;
    for strategy in ["jwt", "opaque"] {
        let app = app(&world, json!({"client_id": "app", "access_token_strategy": strategy})).await;
        let mut browser = Browser::default();
        sign_up(&world, &mut browser, &format!("{strategy}@acme.example")).await;
        let (tokens, key) = (tokens(&app, &mut browser, SCOPE).await, Prover::generate());
        assert_eq!(tokens["c_nonce_expires_in_draft_00"], 600, "{tokens}");
        let proof = prove(&world, &key, &tokens["c_nonce_draft_00"]);
        let made = ask(&world, &tokens["access_token"], &body(&proof)).await;
        assert_eq!((made.status, made.header("cache-control")), (200, "no-store"), "{}", made.text());
        assert_eq!(made.json()["format"], "jwt_vc_json");
        let credential = made.json()["credential_draft_00"].as_str().unwrap().to_owned();
        let discovery = format!("{}/.well-known/openid-configuration", world.tenant("acme"));
        let discovery = browser.get_json(&discovery).await.json();
        assert_eq!(
            discovery["credentials_endpoint_draft_00"],
            format!("{}/credentials", world.tenant("acme"))
        );
        let published = browser.get_json(discovery["jwks_uri"].as_str().unwrap()).await.body;
        let keys = VerifyingKeys::from_set(&JwkSet::parse(&published).unwrap(), None).unwrap();
        assert!(UnverifiedJwt::parse(&credential).unwrap().verify(&keys).is_ok());
        let said = claims(&credential);
        let public = &key.header()["jwk"];
        let member = |name: &str| public[name].as_str().unwrap();
        let named = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, member("x"), member("y"));
        let did = format!("did:jwk:{}", base64url::encode(named));
        assert_eq!((&said["iss"], &said["sub"]), (&json!(world.tenant("acme")), &json!(did)));
        let subject = &said["vc"]["credentialSubject"];
        assert_eq!(
            (&subject["id"], &subject["email"]),
            (&json!(did), &json!(format!("{strategy}@acme.example")))
        );
        assert_eq!(subject["sub"], claims(tokens["id_token"].as_str().unwrap())["sub"]);
        world.operate(&world.key, ("DELETE", "/admin/clients/app"), "acme", &Value::Null).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wallet_without_a_proof_is_given_a_nonce_for_one() {
    let world = world().await;
    let app = app(&world, json!({})).await;
    let (_, tokens, key) = wallet(&world, &app).await;
    let primed = ask(&world, &tokens["access_token"], &json!({"format": "jwt_vc_json"})).await;
    assert_eq!(error(&primed), (400, "invalid_or_missing_proof".to_owned()));
    assert_eq!(
        (&primed.json()["format"], &primed.json()["c_nonce_expires_in"]),
        (&json!("jwt_vc_json"), &json!(600))
    );
    assert_eq!(primed.header("access-control-allow-origin"), "*");
    let proof = prove(&world, &key, &primed.json()["c_nonce"]);
    assert_eq!(ask(&world, &tokens["access_token"], &body(&proof)).await.status, 200);
    world.clock.advance(std::time::Duration::from_secs(601));
    let late = prove(&world, &Prover::generate(), &primed.json()["c_nonce"]);
    let late = ask(&world, &tokens["access_token"], &body(&late)).await;
    assert_eq!(error(&late), (400, "invalid_or_missing_proof".to_owned()));
    assert_ne!(late.json()["c_nonce"], primed.json()["c_nonce"], "a new one comes along");
}

/// Attack: one proof, caught or sent again, makes fifty credentials.
#[tokio::test(flavor = "multi_thread")]
async fn one_proof_makes_one_credential_however_many_ask_at_once() {
    let world = world().await;
    let app = app(&world, json!({})).await;
    let (_, tokens, key) = wallet(&world, &app).await;
    let body = body(&prove(&world, &key, &tokens["c_nonce_draft_00"]));
    let answers = join_all((0..50).map(|_| ask(&world, &tokens["access_token"], &body))).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(made, 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(error(refused), (400, "invalid_or_missing_proof".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proof_for_another_tenant_or_token_or_of_no_key_makes_none() {
    let world = world().await;
    let app = app(&world, json!({})).await;
    let (mut browser, tokens, key) = wallet(&world, &app).await;
    let other = self::tokens(&app, &mut browser, SCOPE).await;
    let nonce = &tokens["c_nonce_draft_00"];
    let mut header = key.header();
    header["typ"] = "openid4vci-proof+jwt".into();
    let at = world.clock.now().seconds();
    let good = json!({"iss": "app", "aud": world.tenant("acme"), "iat": at, "nonce": nonce});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        key.sign(&header, &claims)
    };
    let under = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        key.sign(&header, &good)
    };
    let mut private = header["jwk"].clone();
    private["d"] = "AAAA".into();
    for (what, proof) in [
        ("for another tenant", with("aud", json!(world.tenant("rival")))),
        ("of another client", with("iss", json!("machine"))),
        ("of another token", with("nonce", other["c_nonce_draft_00"].clone())),
        ("old", with("iat", json!(at - 700))),
        ("unsigned", under("alg", json!("none"))),
        ("of a shared secret", under("alg", json!("HS256"))),
        ("of another key", under("jwk", Prover::generate().header()["jwk"].clone())),
        ("with a private key", under("jwk", private)),
        ("of another type", under("typ", json!("dpop+jwt"))),
        ("one of ours", tokens["id_token"].as_str().unwrap().to_owned()),
    ] {
        let answer = ask(&world, &tokens["access_token"], &body(&proof)).await;
        assert_eq!(error(&answer), (400, "invalid_or_missing_proof".to_owned()), "{what}");
    }
    let rival = format!("{}/credentials", world.tenant("rival"));
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let headers = [("content-type", "application/json".to_owned()), ("authorization", bearer)];
    let proof = body(&key.sign(&header, &good)).to_string();
    assert_eq!(Browser::default().send("POST", &rival, &headers, proof).await.status, 404, "it gives none");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_without_the_scope_or_whose_session_is_over_makes_none() {
    let world = world().await;
    let app = app(&world, json!({})).await;
    let (mut browser, tokens, key) = wallet(&world, &app).await;
    let plain = self::tokens(&app, &mut browser, "openid email").await;
    assert_eq!(plain.get("c_nonce_draft_00"), None);
    let answer = ask(&world, &plain["access_token"], &body("x")).await;
    assert_eq!(error(&answer), (403, "insufficient_scope".to_owned()));
    let nobody = ask_with(&world, &[], &body("x")).await;
    assert_eq!(nobody.status, 401);
    assert!(nobody.headers.get_all("www-authenticate").iter().any(|one| one == "Bearer"));
    let form = [("authorization", format!("Bearer {}", tokens["access_token"].as_str().unwrap()))];
    let url = format!("{}/credentials", world.tenant("acme"));
    let answer = Browser::default().send("POST", &url, &form, "format=jwt_vc_json".to_owned()).await;
    assert_eq!(error(&answer), (400, "invalid_request".to_owned()));

    let proof = prove(&world, &key, &tokens["c_nonce_draft_00"]);
    let whoami = browser.get_json(&format!("{}/sessions/whoami", world.tenant("acme"))).await.json();
    let ended = format!("/admin/sessions/{}", whoami["id"].as_str().unwrap());
    assert_eq!(world.operate(&world.key, ("DELETE", &ended), "acme", &Value::Null).await.status, 204);
    let answer = ask(&world, &tokens["access_token"], &body(&proof)).await;
    assert_eq!(error(&answer), (401, "invalid_token".to_owned()));
    assert!(answer.header("www-authenticate").contains("invalid_token"));
}

/// Attack: a token that is bound to a key is found by somebody else, who has a wallet.
#[tokio::test(flavor = "multi_thread")]
async fn bound_token_needs_the_proof_of_its_own_key_beside_that_of_the_wallet() {
    let world = world().await;
    let more = json!({"token_endpoint_auth_method": "none", "dpop_bound_access_tokens": true});
    let app = app(&world, more).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let code = browser.get(&app.authorize(&[("scope", SCOPE)])).await.sent("code").unwrap();
    let (holder, wallet) = (Prover::generate(), Prover::generate());
    let at = world.clock.now().seconds();
    let endpoint = |path: &str| format!("{}{path}", world.tenant("acme"));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", super::code::VERIFIER),
        ("client_id", "app"),
    ];
    let claims = json!({"jti": "1", "htm": "POST", "htu": endpoint("/oauth2/token"), "iat": at});
    let headers =
        [("content-type", "application/x-www-form-urlencoded".to_owned()), ("dpop", holder.prove(&claims))];
    let url = endpoint("/oauth2/token");
    let tokens = Browser::default().send("POST", &url, &headers, crate::browser::encode(&form)).await.json();
    let token = tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    let body = body(&prove(&world, &wallet, &tokens["c_nonce_draft_00"]));
    assert_eq!(error(&ask(&world, &tokens["access_token"], &body).await), (401, "invalid_token".to_owned()));
    let shown = async |key: &Prover, path: &str, jti: &str| {
        let claims =
            json!({"jti": jti, "htm": "POST", "htu": endpoint(path), "iat": at, "ath": hash_of(token)});
        let headers = [("authorization", format!("DPoP {token}")), ("dpop", key.prove(&claims))];
        ask_with(&world, &headers, &body).await
    };
    let refused = (401, "invalid_dpop_proof".to_owned());
    assert_eq!(error(&shown(&wallet, "/credentials", "2").await), refused);
    assert_eq!(error(&shown(&holder, "/userinfo", "3").await), refused);
    let made = shown(&holder, "/credentials", "4").await;
    assert_eq!(made.status, 200, "{}", made.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_that_gives_none_has_no_such_endpoint() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let (mut browser, tokens, _) = wallet(&world, &app).await;
    assert_eq!(tokens.get("c_nonce_draft_00"), None, "{tokens}");
    assert_eq!(ask(&world, &tokens["access_token"], &body("x")).await.status, 404);
    let discovery = format!("{}/.well-known/openid-configuration", world.tenant("acme"));
    let discovery = browser.get_json(&discovery).await.json();
    assert_eq!(discovery.get("credentials_endpoint_draft_00"), None);
}
