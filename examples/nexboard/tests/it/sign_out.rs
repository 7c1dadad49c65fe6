//! Signing out here and at the provider.

use std::collections::HashMap;

use crate::fake_provider::Twist;
use crate::stage::{Stage, Visitor};

async fn csrf_token(stage: &Stage, visitor: &mut Visitor) -> String {
    let page = stage.get(visitor, "/").await.text;
    let (_, rest) = page.split_once("name=\"csrf_token\" value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn signing_out_ends_the_session_and_goes_on_to_the_provider() {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = stage.signed_in().await;
    let session = visitor.session().unwrap().clone();
    let token = csrf_token(&stage, &mut visitor).await;
    let answer = stage.post(&mut visitor, "/logout", &format!("csrf_token={token}")).await;
    answer.expect(303, "");
    let place = answer.location();
    let sent: HashMap<String, String> = place.query_pairs().into_owned().collect();
    assert!(place.as_str().starts_with(&format!("{}/logout?", stage.provider.issuer)));
    assert_eq!(sent["post_logout_redirect_uri"], "http://127.0.0.1:4490/signed-out");
    assert_eq!(sent["client_id"], "nexboard");
    assert_eq!(sent["id_token_hint"].split('.').count(), 3);

    let mut thief = Visitor::default();
    thief.set_session(&session);
    assert!(!stage.is_signed_in(&mut thief).await, "the session is over, not only its cookie");
    let back = format!("/signed-out?state={}", sent["state"]);
    stage.get(&mut visitor, &back).await.expect(200, "at your organisation’s sign-in page");
    stage.get(&mut visitor, &back).await.expect(200, "There is no session of yours");
}

#[tokio::test]
async fn another_site_cannot_sign_anybody_out() {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = stage.signed_in().await;
    for form in ["", "csrf_token=", "csrf_token=guess", "csrf_token=a&csrf_token=b"] {
        stage.post(&mut visitor, "/logout", form).await.expect(403, "The form was out of date");
    }
    stage.get(&mut visitor, "/logout").await.expect(405, "");
    assert!(stage.is_signed_in(&mut visitor).await);
}

#[tokio::test]
async fn the_token_of_another_session_does_not_sign_out() {
    let stage = Stage::new(Twist::default()).await;
    let (mut attacker, mut victim) = (stage.signed_in().await, stage.signed_in().await);
    let token = csrf_token(&stage, &mut attacker).await;
    stage.post(&mut victim, "/logout", &format!("csrf_token={token}")).await.expect(403, "");
    assert!(stage.is_signed_in(&mut victim).await);
}

#[tokio::test]
async fn the_signed_out_page_says_no_more_than_it_knows() {
    let stage = Stage::new(Twist::default()).await;
    stage.get(&mut Visitor::default(), "/signed-out?state=made-up").await.expect(200, "There is no session");
    let mut visitor = stage.signed_in().await;
    assert_eq!(stage.get(&mut visitor, "/signed-out").await.location().path(), "/");
}

#[tokio::test]
async fn who_was_refused_can_leave_the_provider_and_sign_in_as_somebody_else() {
    let stage = Stage::new(Twist { token_error: Some(("access_denied", "No.")), ..Twist::default() }).await;
    let mut visitor = Visitor::default();
    let state = stage.begin(&mut visitor).await;
    stage.come_back(&mut visitor, &state).await.expect(403, "href=\"/another-account\"");
    let place = stage.get(&mut visitor, "/another-account").await.location();
    let sent: HashMap<String, String> = place.query_pairs().into_owned().collect();
    assert!(place.as_str().starts_with(&format!("{}/logout?", stage.provider.issuer)));
    assert_eq!(sent["client_id"], "nexboard");
    assert!(!sent.contains_key("id_token_hint"));
    let back = format!("/signed-out?state={}", sent["state"]);
    stage.get(&mut visitor, &back).await.expect(200, "at your organisation’s sign-in page");
}

#[tokio::test]
async fn another_account_takes_nobody_out_of_a_session() {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = stage.signed_in().await;
    assert_eq!(stage.get(&mut visitor, "/another-account").await.location().path(), "/");
    assert!(stage.is_signed_in(&mut visitor).await);
}
