//! Tokens that are bound to a key (RFC 9449), over HTTP: what clients see, and what a thief gets.

use std::cell::Cell;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use primitives::Clock as _;
use serde_json::{Value, json};
use testkit::prover::{Prover, hash_of};

use super::code::{App, code, sign_up};
use crate::browser::{Browser, Response, encode};
use crate::world::World;

const REDIRECT: &str = "https://app.example/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Claims of a proof for an endpoint of acme.
fn claims(world: &World, method: &str, path: &str) -> Value {
    thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });
    COUNT.set(COUNT.get() + 1);
    json!({
        "jti": format!("{:?}-{}", std::thread::current().id(), COUNT.get()),
        "htm": method,
        "htu": format!("{}{path}", world.tenant("acme")),
        "iat": world.clock.now().seconds(),
    })
}

/// A client of acme as it asks for tokens.
struct Client<'a> {
    world: &'a World,
    basic: Option<String>,
}

impl Client<'_> {
    async fn post(&self, path: &str, form: &[(&str, &str)], proofs: &[String]) -> Response {
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        headers.extend(self.basic.clone().map(|basic| ("authorization", basic)));
        headers.extend(proofs.iter().map(|proof| ("dpop", proof.clone())));
        let url = format!("{}{path}", self.world.tenant("acme"));
        Browser::default().send("POST", &url, &headers, encode(form)).await
    }

    async fn own(&self, proofs: &[String]) -> Response {
        self.post("/oauth2/token", &[("grant_type", "client_credentials"), ("scope", "read")], proofs).await
    }
}

async fn machine(world: &World, more: Value) -> Client<'_> {
    let (id, secret) = world.machine("acme", more).await;
    Client { world, basic: Some(format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))) }
}

async fn userinfo(world: &World, scheme: &str, token: &str, proof: Option<String>) -> Response {
    let mut headers = vec![("authorization", format!("{scheme} {token}"))];
    headers.extend(proof.map(|proof| ("dpop", proof)));
    Browser::default()
        .send("GET", &format!("{}/userinfo", world.tenant("acme")), &headers, String::new())
        .await
}

fn error(response: &Response) -> (u16, String) {
    (response.status, response.json()["error"].as_str().unwrap_or("none").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn client_gets_a_bound_token_and_introspection_says_to_which_key() {
    let world = World::start().await;
    let client = machine(&world, json!({})).await;
    let key = Prover::generate();
    let answer = client.own(&[key.prove(&claims(&world, "POST", "/oauth2/token"))]).await;
    assert_eq!(
        (answer.status, answer.json()["token_type"].as_str()),
        (200, Some("DPoP")),
        "{}",
        answer.text()
    );
    assert_eq!(answer.header("dpop-nonce"), "", "nobody asked for one");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let said = client.post("/oauth2/introspect", &[("token", &token)], &[]).await.json();
    assert_eq!((&said["token_type"], &said["cnf"]), (&json!("DPoP"), &json!({"jkt": key.thumbprint()})));
    let metadata = format!("{}/.well-known/openid-configuration", world.tenant("acme"));
    let metadata = Browser::default().get_json(&metadata).await.json();
    assert_eq!(metadata["dpop_signing_alg_values_supported"][0], "ES256");
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_that_are_none_are_refused_by_name() {
    let world = World::start().await;
    let client = machine(&world, json!({})).await;
    let (key, path) = (Prover::generate(), "/oauth2/token");
    let good = || claims(&world, "POST", path);
    let with = |edit: &dyn Fn(&mut Value)| {
        let mut claims = good();
        edit(&mut claims);
        key.prove(&claims)
    };
    let under = |edit: &dyn Fn(&mut Value)| {
        let mut header = key.header();
        edit(&mut header);
        key.sign(&header, &good())
    };
    let now = world.clock.now().seconds();
    let elsewhere = format!("{}/t/rival/oauth2/token", world.base);
    let used = key.prove(&good());
    assert_eq!(client.own(std::slice::from_ref(&used)).await.status, 200);
    for (what, proofs) in [
        ("replayed", vec![used]),
        ("two headers", vec![key.prove(&good()), key.prove(&good())]),
        ("two in one header", vec![format!("{}, {}", key.prove(&good()), key.prove(&good()))]),
        ("of another method", vec![with(&|claims| claims["htm"] = json!("GET"))]),
        ("for another tenant", vec![with(&|claims| claims["htu"] = json!(elsewhere))]),
        ("old", vec![with(&|claims| claims["iat"] = json!(now - 71))]),
        ("from the future", vec![with(&|claims| claims["iat"] = json!(now + 11))]),
        ("with a private key", vec![under(&|header| header["jwk"]["d"] = json!("AAAA"))]),
        ("unsigned", vec![under(&|header| header["alg"] = json!("none"))]),
        ("of a shared secret", vec![under(&|header| header["alg"] = json!("HS256"))]),
        ("of another type", vec![under(&|header| header["typ"] = json!("JWT"))]),
        ("without a type", vec![under(&|header| drop(header.as_object_mut().unwrap().remove("typ")))]),
        ("of another key", vec![under(&|header| header["jwk"] = Prover::generate().header()["jwk"].clone())]),
        ("oversized", vec![with(&|claims| claims["x"] = json!("x".repeat(8_192)))]),
        ("empty", vec![String::new()]),
    ] {
        let answer = client.own(&proofs).await;
        assert_eq!(error(&answer), (400, "invalid_dpop_proof".to_owned()), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_requests_with_one_proof_one_is_answered() {
    let world = World::start().await;
    let client = machine(&world, json!({})).await;
    let proof = [Prover::generate().prove(&claims(&world, "POST", "/oauth2/token"))];
    let answers = join_all((0..30).map(|_| client.own(&proof))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(error(lost), (400, "invalid_dpop_proof".to_owned()));
    }
}

/// Attack: whoever has caught a proof has the request refused that it came with, and brings it with another.
#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_refused_requests_with_one_proof_one_uses_it_up() {
    let world = World::start().await;
    let client = machine(&world, json!({})).await;
    let proof = [Prover::generate().prove(&claims(&world, "POST", "/oauth2/token"))];
    let beyond = [("grant_type", "client_credentials"), ("scope", "nothing-of-its")];
    let answers = join_all((0..30).map(|_| client.post("/oauth2/token", &beyond, &proof))).await;
    let told: Vec<_> = answers.iter().map(error).collect();
    let count = |word: &str| told.iter().filter(|(status, told)| *status == 400 && told == word).count();
    assert_eq!((count("invalid_scope"), count("invalid_dpop_proof")), (1, 29), "{told:?}");
    assert_eq!(error(&client.own(&proof).await), (400, "invalid_dpop_proof".to_owned()));
    let next = [Prover::generate().prove(&claims(&world, "POST", "/oauth2/token"))];
    assert_eq!(client.own(&next).await.status, 200);
}

/// Attack: a man in the middle sends the proof for his own server on to us, with his own `Host`.
#[tokio::test(flavor = "multi_thread")]
async fn address_of_a_proof_is_held_against_our_own_and_not_against_what_the_request_says() {
    let world = World::start().await;
    let client = machine(&world, json!({})).await;
    let mut claims = claims(&world, "POST", "/oauth2/token");
    claims["htu"] = json!("http://evil.example/t/acme/oauth2/token");
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("authorization", client.basic.clone().unwrap()),
        ("host", "evil.example".to_owned()),
        ("x-forwarded-host", "evil.example".to_owned()),
        ("dpop", Prover::generate().prove(&claims)),
    ];
    let url = format!("{}/oauth2/token", world.tenant("acme"));
    let form = encode(&[("grant_type", "client_credentials")]);
    let answer = Browser::default().send("POST", &url, &headers, form).await;
    assert_eq!(error(&answer), (400, "invalid_dpop_proof".to_owned()), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_must_show_a_nonce_is_given_one_and_it_expires() {
    let world = World::start().await;
    let client = machine(&world, json!({"require_dpop_nonce": true, "dpop_bound_access_tokens": true})).await;
    let key = Prover::generate();
    assert_eq!(
        error(&client.own(&[]).await),
        (400, "invalid_dpop_proof".to_owned()),
        "no token without proof"
    );
    let with = |nonce: Option<String>| {
        let mut claims = claims(&world, "POST", "/oauth2/token");
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        [key.prove(&claims)]
    };
    let asked = client.own(&with(None)).await;
    assert_eq!(error(&asked), (400, "use_dpop_nonce".to_owned()));
    let nonce = asked.header("dpop-nonce").to_owned();
    let given = client.own(&with(Some(nonce.clone()))).await;
    assert_eq!(given.status, 200, "{}", given.text());
    world.clock.advance(Duration::from_mins(10));
    let expired = client.own(&with(Some(nonce.clone()))).await;
    assert_eq!(error(&expired), (400, "use_dpop_nonce".to_owned()));
    assert_ne!(expired.header("dpop-nonce"), nonce);
    assert_eq!(client.own(&with(Some(expired.header("dpop-nonce").to_owned()))).await.status, 200);
}

/// Attack: whoever finds the tokens of a single-page application uses them.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_public_client_are_worth_nothing_without_its_key() {
    let world = World::start().await;
    let document = json!({
        "client_id": "app",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [REDIRECT],
        "scope": "openid email offline_access",
        "skip_consent": true,
    });
    let app = App::register_as(&world, document).await;
    let client = Client { world: &world, basic: None };
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let (key, thief) = (Prover::generate(), Prover::generate());
    let proof = |of: &Prover| [of.prove(&claims(&world, "POST", "/oauth2/token"))];
    let code = code(&app, &mut browser).await;
    let form = [
        ("client_id", "app"),
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let tokens = client.post("/oauth2/token", &form, &proof(&key)).await.json();
    assert_eq!(tokens["token_type"], "DPoP", "{tokens}");
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap().to_owned());

    let form = |token: &'_ str| {
        [
            ("client_id", "app".to_owned()),
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", token.to_owned()),
        ]
    };
    let refresh_with = async |token: &str, proofs: &[String]| {
        let form = form(token);
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.post("/oauth2/token", &form, proofs).await
    };
    for proofs in [vec![], proof(&thief).to_vec()] {
        assert_eq!(error(&refresh_with(&refresh, &proofs).await), (400, "invalid_grant".to_owned()));
    }
    let next = refresh_with(&refresh, &proof(&key)).await;
    assert_eq!((next.status, next.json()["token_type"].as_str()), (200, Some("DPoP")));

    let shown = |of: &Prover| {
        let mut claims = claims(&world, "GET", "/userinfo");
        claims["ath"] = json!(hash_of(access));
        of.prove(&claims)
    };
    let proof = shown(&key);
    let told = userinfo(&world, "DPoP", access, Some(proof.clone())).await;
    assert_eq!(
        (told.status, told.json()["email"].as_str()),
        (200, Some("ada@acme.example")),
        "{}",
        told.text()
    );
    assert_eq!(told.header("access-control-expose-headers"), "DPoP-Nonce, WWW-Authenticate");
    for (what, scheme, proof, expect) in [
        ("replayed", "DPoP", Some(proof), "invalid_dpop_proof"),
        ("without a proof", "DPoP", None, "invalid_dpop_proof"),
        ("with the thief's", "DPoP", Some(shown(&thief)), "invalid_dpop_proof"),
        ("as a bearer token", "Bearer", None, "invalid_token"),
        ("as a bearer token with a proof", "Bearer", Some(shown(&key)), "invalid_token"),
    ] {
        let answer = userinfo(&world, scheme, access, proof).await;
        assert_eq!(error(&answer), (401, expect.to_owned()), "{what}");
        let challenges: Vec<_> =
            answer.headers.get_all("www-authenticate").iter().map(|one| one.to_str().unwrap()).collect();
        assert!(challenges.iter().any(|one| one.starts_with("DPoP algs=\"ES256 ")), "{what}: {challenges:?}");
        let named = format!("error=\"{expect}\"");
        assert!(
            challenges.iter().any(|one| one.starts_with(scheme) && one.contains(&named)),
            "{what}: {challenges:?}"
        );
    }
    let form = encode(&[("access_token", access)]);
    let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    let posted =
        Browser::default().send("POST", &format!("{}/userinfo", world.tenant("acme")), &headers, form).await;
    assert_eq!(posted.status, 401, "in the body it is a bearer token");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_names_a_key_is_redeemed_with_its_proof_alone() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let jkt = Prover::generate().thumbprint();
    let answer = browser.get(&app.authorize(&[("dpop_jkt", &jkt)])).await;
    let code = answer.sent("code").unwrap();
    let without = app.redeem(&code).await;
    assert_eq!(error(&without), (400, "invalid_grant".to_owned()));
    let refused = browser.get(&app.authorize(&[("dpop_jkt", "rubbish")])).await;
    assert_eq!(refused.sent("error").as_deref(), Some("invalid_request"));
}
