//! Renewing the access token while somebody works.

use serde_json::json;
use std::sync::Arc;

use crate::fake_provider::Twist;
use crate::stage::{Stage, Visitor};

/// Signs in with an access token of a minute, and waits until it is over.
async fn expired() -> (Stage, Visitor) {
    let stage = Stage::new(Twist { expires_in: 60, ..Twist::default() }).await;
    let visitor = stage.signed_in().await;
    stage.wait(61);
    (stage, visitor)
}

#[tokio::test]
async fn an_access_token_that_lives_is_not_renewed() {
    let stage = Stage::new(Twist { expires_in: 60, ..Twist::default() }).await;
    let mut visitor = stage.signed_in().await;
    stage.wait(29);
    stage.get(&mut visitor, "/").await.expect(200, "12 seats");
    assert_eq!(*stage.provider.refreshes.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_renewal_brings_new_claims() {
    let (stage, mut visitor) = expired().await;
    stage.get(&mut visitor, "/").await.expect(200, "13 seats");
    stage.wait(61);
    stage.get(&mut visitor, "/").await.expect(200, "13 seats");
    assert_eq!(*stage.provider.refreshes.lock().unwrap(), 2, "the second used the rotated refresh token");
}

#[tokio::test]
async fn concurrent_requests_share_one_renewal() {
    let (stage, visitor) = expired().await;
    let stage = Arc::new(stage);
    let requests = (0..20).map(|_| {
        let (stage, mut visitor) = (Arc::clone(&stage), visitor.clone());
        tokio::spawn(async move { stage.get(&mut visitor, "/").await.expect(200, "13 seats") })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.unwrap();
    }
    assert_eq!(*stage.provider.refreshes.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_customer_that_was_suspended_is_signed_out_with_the_reason() {
    let (stage, mut visitor) = expired().await;
    stage.twist(|twist| twist.token_error = Some(("access_denied", "This account is suspended.")));
    stage.get(&mut visitor, "/").await.expect(403, "This account is suspended.");
    stage.get(&mut visitor, "/").await.expect(200, "href=\"/login\"");
}

#[tokio::test]
async fn a_renewed_token_of_somebody_else_ends_the_session() {
    let (stage, mut visitor) = expired().await;
    stage.twist(|twist| twist.claims = |claims| claims["sub"] = json!("subject-2"));
    stage.get(&mut visitor, "/").await.expect(403, "You have been signed out");
    assert!(!stage.is_signed_in(&mut visitor).await);
}

#[tokio::test]
async fn a_renewed_token_with_another_nonce_ends_the_session() {
    let (stage, mut visitor) = expired().await;
    stage.twist(|twist| twist.claims = |claims| claims["nonce"] = json!("another"));
    stage.get(&mut visitor, "/").await.expect(403, "You have been signed out");
}

#[tokio::test]
async fn a_renewal_without_an_id_token_keeps_the_claims() {
    let (stage, mut visitor) = expired().await;
    stage.twist(|twist| twist.no_id_token = true);
    stage.get(&mut visitor, "/").await.expect(200, "12 seats");
}

#[tokio::test]
async fn our_session_ends_whatever_the_provider_says() {
    let stage =
        Stage::new(Twist { claims: |claims| claims["exp"] = json!(2_000_000_000), ..Twist::default() }).await;
    let mut visitor = stage.signed_in().await;
    stage.wait(8 * 3600);
    stage.get(&mut visitor, "/").await.expect(200, "href=\"/login\"");
}
