//! A tenant's signing algorithms change while the node runs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::oauth2::code::{App, code, header, sign_up};
use crate::world::World;

async fn document(world: &World, name: &str) -> Value {
    Browser::default().get_json(&format!("{}/.well-known/{name}", world.tenant("acme"))).await.json()
}

/// The algorithms and names of the published keys.
async fn published(world: &World) -> Vec<(String, String)> {
    let set = document(world, "jwks.json").await;
    let text = |key: &Value, member: &str| key[member].as_str().unwrap().to_owned();
    let mut keys: Vec<_> =
        set["keys"].as_array().unwrap().iter().map(|key| (text(key, "kty"), text(key, "kid"))).collect();
    keys.sort();
    keys
}

async fn settings(world: &World, algorithms: &[&str], signing: &str) {
    let oauth2 = json!({ "id_token_signing_algorithm": signing, "access_token_signing_algorithm": signing });
    let body = json!({ "settings": { "keys": { "algorithms": algorithms }, "oauth2": oauth2 } });
    let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    let changed = world.operate(&world.key, path, "default", &body).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn algorithm_is_published_and_signs_once_it_is_named_and_retires_once_it_is_not() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let id_token = async |browser: &mut Browser| {
        let tokens = app.redeem(&code(&app, browser).await).await.json();
        header(tokens["id_token"].as_str().unwrap())
    };
    let first = id_token(&mut ada).await;
    assert_eq!(first["alg"], "ES256");
    let es256 = ("EC".to_owned(), first["kid"].as_str().unwrap().to_owned());

    settings(&world, &["ES256", "EdDSA"], "ES256").await;
    let both = published(&world).await;
    assert_eq!((both.len(), &both[0], both[1].0.as_str()), (2, &es256, "OKP"));
    assert_eq!(id_token(&mut ada).await["alg"], "ES256", "published before it signs");

    settings(&world, &["EdDSA"], "EdDSA").await;
    let second = id_token(&mut ada).await;
    assert_eq!((&second["alg"], second["kid"].as_str().unwrap()), (&json!("EdDSA"), both[1].1.as_str()));
    assert_eq!(published(&world).await, both, "what it signed still verifies");
    let offered = document(&world, "openid-configuration").await;
    assert_eq!(offered["id_token_signing_alg_values_supported"], json!(["EdDSA"]));

    settings(&world, &["EdDSA", "ES256"], "ES256").await;
    let third = id_token(&mut ada).await;
    assert_eq!(third["alg"], "ES256");
    assert_ne!(third["kid"], first["kid"], "a retired key does not come back");
    assert_eq!(published(&world).await.len(), 3);

    // An RSA key takes a while to make: name its algorithm first, then sign with it.
    settings(&world, &["ES256", "RS256"], "ES256").await;
    let made = async {
        while !published(&world).await.iter().any(|(kind, _)| kind == "RSA") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), made).await.unwrap();
    settings(&world, &["RS256"], "RS256").await;
    let fourth = id_token(&mut ada).await;
    assert_eq!(fourth["alg"], "RS256");
    let rsa = ("RSA".to_owned(), fourth["kid"].as_str().unwrap().to_owned());
    assert!(published(&world).await.contains(&rsa));
}
