//! A tenant's signing algorithms change while the node runs: it never stops signing, and publishes first.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use jobs::{JobName, Outcome};
use jose::{JwkSet, PrivateJwk, Signer, SigningAlgorithm, TokenType, UnverifiedJws, VerifyingKeys, generate};
use primitives::rng::SeededRng;
use serde_json::{Value, json};

use crate::browser::{Browser, encode};
use crate::oauth2::code::{App, claims, code, header, sign_up};
use crate::world::World;

/// What the tenants of these tests set: shorter than a session, so that the same person signs in throughout.
const PUBLISH_AHEAD: Duration = Duration::from_mins(20);

async fn document(world: &World, tenant: &str, name: &str) -> Value {
    Browser::default().get_json(&format!("{}/.well-known/{name}", world.tenant(tenant))).await.json()
}

/// The published set.
async fn published(world: &World, tenant: &str) -> Value {
    document(world, tenant, "jwks.json").await
}

/// The algorithms and names of its keys.
fn keys(set: &Value) -> Vec<(String, String)> {
    let text = |key: &Value, member: &str| key[member].as_str().unwrap().to_owned();
    let keys = set["keys"].as_array().unwrap().iter().map(|key| (text(key, "alg"), text(key, "kid")));
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    keys
}

/// What discovery says that ID tokens are signed with.
async fn offered(world: &World) -> Value {
    document(world, "acme", "openid-configuration").await["id_token_signing_alg_values_supported"].clone()
}

fn verifies(token: &str, set: &Value) -> bool {
    let set = JwkSet::parse(set.to_string().as_bytes()).unwrap();
    let keys = VerifyingKeys::from_set(&set, None).unwrap();
    UnverifiedJws::parse(token).unwrap().verify_with(&keys).is_ok()
}

fn signed_with(algorithms: &[&str], signing: &str) -> Value {
    json!({
        "keys": {
            "algorithms": algorithms,
            "rotation": { "publish_ahead_seconds": PUBLISH_AHEAD.as_secs() },
        },
        "oauth2": { "id_token_signing_algorithm": signing, "access_token_signing_algorithm": signing },
    })
}

async fn change(world: &World, settings: Value) {
    let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    let changed = world.operate(&world.key, path, "default", &json!({ "settings": settings })).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

/// Moves on and rotates.
async fn later(world: &World, by: Duration) {
    world.clock.advance(by);
    let outcome = world.run_job(JobName::Rotation).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

/// Gets tokens, which must be there, and verify with the key set of the moment.
async fn tokens(world: &World, app: &App<'_>, browser: &mut Browser) -> [String; 2] {
    let answer = app.redeem(&code(app, browser).await).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (tokens, set) = (answer.json(), published(world, "acme").await);
    let offered = offered(world).await;
    ["id_token", "access_token"].map(|kind| {
        let token = tokens[kind].as_str().unwrap().to_owned();
        assert!(verifies(&token, &set), "{kind} with {set}");
        let signed = &header(&token)["alg"];
        assert!(offered.as_array().unwrap().contains(signed), "{kind}: {signed} is not one of {offered}");
        token
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn algorithm_is_published_when_it_is_named_and_signs_later() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let set = async || keys(&published(&world, "acme").await);
    let [first, _] = tokens(&world, &app, &mut ada).await.map(|token| header(&token));
    assert_eq!(first["alg"], "ES256");

    change(&world, signed_with(&["EdDSA"], "EdDSA")).await;
    let both = set().await;
    assert_eq!([&*both[0].0, &*both[1].0], ["ES256", "EdDSA"]);
    let signed = tokens(&world, &app, &mut ada).await.map(|token| header(&token)["kid"].clone());
    assert_eq!(signed, [first["kid"].clone(), first["kid"].clone()], "published before it signs");
    assert_eq!(offered(&world).await, json!(["ES256"]));
    later(&world, PUBLISH_AHEAD).await;
    let signed = tokens(&world, &app, &mut ada).await.map(|token| header(&token)["kid"].clone());
    assert_eq!(signed, [json!(both[1].1), json!(both[1].1)]);
    assert_eq!(set().await, both, "what the former one signed still verifies");
    assert_eq!(offered(&world).await, json!(["EdDSA"]));

    change(&world, signed_with(&["EdDSA", "ES256"], "ES256")).await;
    assert_eq!(set().await.len(), 3, "a retired key does not come back");
    assert_eq!(tokens(&world, &app, &mut ada).await.map(|token| header(&token)["alg"].clone()), ["EdDSA"; 2]);
    later(&world, PUBLISH_AHEAD).await;
    let third = tokens(&world, &app, &mut ada).await.map(|token| header(&token));
    assert!(
        third.iter().all(|header| header["alg"] == "ES256" && header["kid"] != first["kid"]),
        "{third:?}"
    );
    assert_eq!(offered(&world).await, json!(["EdDSA", "ES256"]), "both are named, and sign");
}

/// A tenant that moves here brings the key that its tokens were signed with.
#[tokio::test(flavor = "multi_thread")]
async fn key_that_was_made_elsewhere_verifies_at_once_and_signs_when_everybody_has_seen_it() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    change(&world, signed_with(&["ES256"], "ES256")).await;
    let before = tokens(&world, &app, &mut ada).await;
    let own = header(&before[0])["kid"].clone();

    let pair = generate(SigningAlgorithm::Es256, &SeededRng::new(77)).unwrap();
    let mut document: Value = serde_json::from_str(&pair.to_json()).unwrap();
    document["kid"] = "moved".into();
    let pair = PrivateJwk::parse(document.to_string().as_bytes()).unwrap();
    let elsewhere = Signer::new(&pair).unwrap().sign(TokenType::Jwt, &claims(&before[0])).unwrap();
    assert!(!verifies(&elsewhere, &published(&world, "acme").await), "nobody knows the key yet");

    let path = ("PUT", "/admin/keys/hydra.openid.id-token/moved");
    let put = world.operate(&world.key, path, "acme", &document).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!((&put.json()["kid"], put.json().get("d")), (&json!("moved"), None));
    let set = published(&world, "acme").await;
    let names: Vec<_> = keys(&set).into_iter().map(|(_, kid)| json!(kid)).collect();
    assert!(names.len() == 2 && names.contains(&own) && names.contains(&json!("moved")), "{names:?}");
    assert!(!set.to_string().contains("\"d\""), "{set}");
    assert!(verifies(&elsewhere, &set), "what it has signed is good from now on");
    let signed = tokens(&world, &app, &mut ada).await.map(|token| header(&token)["kid"].clone());
    assert_eq!(signed, [own.clone(), own.clone()], "published before it signs");

    later(&world, PUBLISH_AHEAD).await;
    let signed = tokens(&world, &app, &mut ada).await;
    for token in &signed {
        assert_eq!(header(token)["kid"], "moved");
        assert!(verifies(token, &set), "a verifier that kept the set needs no other");
    }
    let set = published(&world, "acme").await;
    assert!(before.iter().all(|token| verifies(token, &set)), "what the former one signed still verifies");
}

#[tokio::test(flavor = "multi_thread")]
async fn retired_key_stays_published_while_a_token_of_a_client_with_its_own_lifespan_may_live() {
    let world = World::start().await;
    let longer = json!({ "client_credentials_grant_access_token_lifespan": "2000h" });
    world.machine("acme", longer).await;
    let algorithms = async || {
        let keys = keys(&published(&world, "acme").await);
        keys.into_iter().map(|(algorithm, _)| algorithm).collect::<Vec<_>>()
    };
    change(&world, signed_with(&["ES256", "EdDSA"], "ES256")).await;
    assert_eq!(algorithms().await, ["ES256", "EdDSA"]);
    later(&world, PUBLISH_AHEAD).await;
    change(&world, signed_with(&["EdDSA"], "EdDSA")).await;
    assert_eq!(algorithms().await, ["ES256", "EdDSA"], "it retires at once, since the other signs");
    later(&world, Duration::from_hours(2000)).await;
    assert_eq!(algorithms().await, ["ES256", "EdDSA"]);
    later(&world, Duration::from_mins(10)).await;
    assert_eq!(algorithms().await, ["EdDSA"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_that_names_rs256_and_signs_with_it_in_one_change_never_stops_signing() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let mut signed: Vec<String> = tokens(&world, &app, &mut ada).await.to_vec();

    change(&world, signed_with(&["RS256"], "RS256")).await;
    // An RSA key takes a while to make.
    let made = async {
        loop {
            signed.extend(tokens(&world, &app, &mut ada).await);
            let set = published(&world, "acme").await;
            if keys(&set).len() == 2 {
                return set;
            }
        }
    };
    let cached = tokio::time::timeout(Duration::from_mins(2), made).await.unwrap();
    later(&world, PUBLISH_AHEAD * 9 / 10).await;
    signed.extend(tokens(&world, &app, &mut ada).await);
    assert!(signed.iter().all(|token| header(token)["alg"] == "ES256"));
    assert_eq!(offered(&world).await, json!(["ES256"]));

    later(&world, Duration::from_mins(10)).await;
    let turned = tokens(&world, &app, &mut ada).await;
    for token in &turned {
        assert_eq!(header(token)["alg"], "RS256");
        assert!(verifies(token, &cached), "a verifier that kept the set needs no other");
    }
    assert_eq!(offered(&world).await, json!(["RS256"]));
    let set = published(&world, "acme").await;
    assert_eq!(set, cached, "the former key stays published");
    assert!(signed.iter().all(|token| verifies(token, &set)), "while its tokens live");
    later(&world, Duration::from_hours(24 * 30) + Duration::from_mins(2)).await;
    let left = keys(&published(&world, "acme").await);
    assert_eq!(left.iter().map(|(algorithm, _)| algorithm.as_str()).collect::<Vec<_>>(), ["RS256"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_tenant_signs_with_rs256_from_its_first_request_on() {
    let world = World::start().await;
    let body = json!({ "id": "fresh", "settings": signed_with(&["RS256"], "RS256") });
    let made = world.operate(&world.key, ("POST", "/admin/portcullis/v1/tenants"), "default", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let (id, secret) = world.machine("fresh", json!({})).await;
    let form = encode(&[("grant_type", "client_credentials")]);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))),
    ];
    let url = format!("{}/oauth2/token", world.tenant("fresh"));
    let ask = async || Browser::default().send("POST", &url, &headers, form.clone()).await;
    for answer in join_all((0..8).map(|_| ask())).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(header(answer.json()["access_token"].as_str().unwrap())["alg"], "RS256");
    }
    assert_eq!(keys(&published(&world, "fresh").await).len(), 1);
}
