//! Tokens of providers are renewed with what the provider gave last.

use std::time::Duration;

use serde_json::json;
use testkit::provider::Manners;

use crate::world::World;

#[tokio::test]
async fn tokens_are_renewed_with_the_last_refresh_token() {
    let issuer = "https://op.example";
    let manners = Manners {
        issuer: Some(issuer.to_owned()),
        metadata: json!({}),
        token: format!("{issuer}/token"),
        client: "basic",
        secret: "secret".to_owned(),
        id_token: json!({ "sub": "1" }),
        ..Manners::default()
    };
    let world = World::new("generic", &json!({ "issuer_url": issuer }), Some("secret"), manners);
    let first = world.sign_in().await.unwrap().tokens.unwrap();
    assert!(!first.are_stale(crate::world::NOW));
    world.clock.advance(Duration::from_hours(1));
    assert!(first.are_stale(primitives::Clock::now(&*world.clock)));
    let second = world.providers.renew("p", &first).await.unwrap();
    assert_eq!(second.initial, first.initial);
    assert_ne!(second.current.access_token, first.current.access_token);
    assert!(!second.are_stale(primitives::Clock::now(&*world.clock)));
    let third = world.providers.renew("p", &second).await.unwrap();
    assert_ne!(third.current.refresh_token, second.current.refresh_token);
    // The first one was used.
    let refused = world.providers.renew("p", &first).await.unwrap_err();
    assert_eq!(refused.class(), "refused", "{refused}");
}
