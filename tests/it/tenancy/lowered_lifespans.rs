//! A lifespan that is lowered takes the key away under no token that was signed while it was longer.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jobs::{JobName, Outcome};
use jose::{JwkSet, UnverifiedJws, VerifyingKeys};
use serde_json::{Value, json};

use crate::browser::{Browser, encode};
use crate::world::World;

const PUBLISH_AHEAD: Duration = Duration::from_mins(20);
const LONG: &str = "2000h";

/// Whose lifespan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Client,
    Tenant,
}

/// The tenant signs with the first of these algorithms.
async fn change(world: &World, algorithms: &[&str], lifespan: &str) {
    let (signing, ahead) = (algorithms[0], PUBLISH_AHEAD.as_secs());
    let body = json!({ "settings": {
        "keys": { "algorithms": algorithms, "rotation": { "publish_ahead_seconds": ahead } },
        "oauth2": {
            "id_token_signing_algorithm": signing, "access_token_signing_algorithm": signing,
            "access_token_lifespan": lifespan,
        },
    } });
    let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    let changed = world.operate(&world.key, path, "default", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

async fn token(world: &World, (id, secret): (&str, &str)) -> String {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
        ("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))),
    ];
    let url = format!("{}/oauth2/token", world.tenant("acme"));
    let form = encode(&[("grant_type", "client_credentials")]);
    let answer = Browser::default().send("POST", &url, &headers, form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// Whether the keys that are published now verify it.
async fn verifies(world: &World, token: &str) -> bool {
    let url = format!("{}/.well-known/jwks.json", world.tenant("acme"));
    let set: Value = Browser::default().get_json(&url).await.json();
    let set = JwkSet::parse(set.to_string().as_bytes()).unwrap();
    let keys = VerifyingKeys::from_set(&set, None).unwrap();
    UnverifiedJws::parse(token).unwrap().verify_with(&keys).is_ok()
}

/// Moves on and rotates.
async fn later(world: &World, by: Duration) {
    world.clock.advance(by);
    let outcome = world.run_job(JobName::Rotation).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_that_was_signed_before_a_lifespan_was_lowered_verifies_for_all_its_life() {
    for whose in [Whose::Client, Whose::Tenant] {
        let world = World::start().await;
        let (own, of_tenant) = match whose {
            Whose::Client => (json!({ "client_credentials_grant_access_token_lifespan": LONG }), "1h"),
            Whose::Tenant => (json!({}), LONG),
        };
        let (id, secret) = world.machine("acme", own).await;
        change(&world, &["ES256"], of_tenant).await;
        let signed = token(&world, (&id, &secret)).await;

        if whose == Whose::Client {
            let shorter = json!({ "client_credentials_grant_access_token_lifespan": "1h" });
            let path = ("PUT", "/admin/clients/machine/lifespans");
            let changed = world.operate(&world.key, path, "acme", &shorter).await;
            assert_eq!(changed.status, 200, "{}", changed.text());
        }
        change(&world, &["ES256", "EdDSA"], "1h").await;
        // What is published is made when somebody asks for it.
        assert!(verifies(&world, &signed).await, "{whose:?}");
        later(&world, PUBLISH_AHEAD).await;
        // The other one signs, so that this one retires at once.
        change(&world, &["EdDSA"], "1h").await;
        assert!(verifies(&world, &signed).await, "{whose:?}");
        let next = token(&world, (&id, &secret)).await;
        assert!(verifies(&world, &next).await, "{whose:?}: the tenant goes on signing");
        later(&world, Duration::from_hours(1999)).await;
        assert!(verifies(&world, &signed).await, "{whose:?}: it looks forged before its end");
        later(&world, Duration::from_hours(2)).await;
        assert!(!verifies(&world, &signed).await, "{whose:?}: its key is never taken away");
    }
}
