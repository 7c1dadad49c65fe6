//! Signing in, and every way in which it must not succeed.

use axum::http::{StatusCode, header};
use serde_json::json;

use crate::fake_provider::{CODE, Signature, Twist};
use crate::stage::{Stage, Visitor};

const UNVERIFIED: &str = "We could not verify this sign-in";
const UNFINISHED: &str = "This sign-in cannot be finished";

/// A provider with this twist signs nobody in, and the page says why in words for people.
async fn check_refused(twist: Twist, status: u16, words: &str) {
    let stage = Stage::new(twist).await;
    let mut visitor = Visitor::default();
    let state = stage.begin(&mut visitor).await;
    stage.come_back(&mut visitor, &state).await.expect(status, words);
    assert!(visitor.session().is_none());
    assert!(!stage.is_signed_in(&mut visitor).await);
}

async fn check_claims_refused(claims: fn(&mut serde_json::Value)) {
    check_refused(Twist { claims, ..Twist::default() }, 502, UNVERIFIED).await;
}

/// A callback with this query (`STATE` stands for the good one) signs nobody in.
async fn check_query_refused(query: &str, status: u16, words: &str) {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = Visitor::default();
    let state = stage.begin(&mut visitor).await;
    let issuer = stage.provider.issuer.clone();
    let query = query.replace("STATE", &state).replace("ISS", &issuer);
    stage.get(&mut visitor, &format!("/callback?{query}")).await.expect(status, words);
    assert!(!stage.is_signed_in(&mut visitor).await);
}

#[tokio::test]
async fn a_good_sign_in_shows_who_and_what_the_plugin_added() {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = stage.signed_in().await;
    let page = stage.get(&mut visitor, "/").await;
    page.expect(200, "Team plan, 12 seats");
    page.expect(200, "ada@acme.example");
    page.expect(200, "8 h left");
    assert!(!page.text.contains("Ada <Example>"), "a claim is not escaped");
    let session: serde_json::Value =
        serde_json::from_str(&stage.get(&mut visitor, "/session").await.text).unwrap();
    assert_eq!(session["claims"]["seats"], json!(12));
    assert_eq!(session["userinfo"]["team"], json!("tools"));
}

#[tokio::test]
async fn the_request_has_pkce_state_and_nonce_of_its_own() {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = Visitor::default();
    stage.begin(&mut visitor).await;
    let first = stage.provider.asked.lock().unwrap().clone();
    assert_eq!(first["response_type"], "code");
    assert_eq!(first["code_challenge_method"], "S256");
    assert_eq!(first["scope"], "openid email offline_access");
    assert_eq!(first["redirect_uri"], "http://127.0.0.1:4490/callback");
    stage.begin(&mut visitor).await;
    let second = stage.provider.asked.lock().unwrap().clone();
    for fresh in ["state", "nonce", "code_challenge"] {
        assert_eq!(first[fresh].len(), 43, "{fresh}");
        assert_ne!(first[fresh], second[fresh], "{fresh}");
    }
}

#[tokio::test]
async fn an_id_token_of_another_attempt_is_refused() {
    check_claims_refused(|claims| claims["nonce"] = json!("another")).await;
    check_claims_refused(|claims| drop(claims.as_object_mut().unwrap().remove("nonce"))).await;
}

#[tokio::test]
async fn an_id_token_of_another_issuer_is_refused() {
    check_claims_refused(|claims| claims["iss"] = json!("http://127.0.0.1:1/t/evil")).await;
    check_claims_refused(|claims| claims["iss"] = json!(format!("{}/", claims["iss"].as_str().unwrap())))
        .await;
}

#[tokio::test]
async fn an_id_token_for_another_app_is_refused() {
    check_claims_refused(|claims| claims["aud"] = json!("other")).await;
    check_claims_refused(|claims| claims["aud"] = json!(["nexboard", "other"])).await;
    check_claims_refused(|claims| claims["aud"] = json!([])).await;
    check_claims_refused(|claims| claims["azp"] = json!("other")).await;
}

#[tokio::test]
async fn an_id_token_of_another_time_is_refused() {
    check_claims_refused(|claims| claims["exp"] = claims["iat"].clone()).await;
    check_claims_refused(|claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 61)).await;
}

#[tokio::test]
async fn a_forged_id_token_is_refused() {
    for signature in [Signature::Forged, Signature::None, Signature::HmacOfPublicKey, Signature::UnknownKey] {
        check_refused(Twist { signature, ..Twist::default() }, 502, UNVERIFIED).await;
    }
}

#[tokio::test]
async fn an_access_token_that_was_put_beside_the_id_token_is_refused() {
    check_claims_refused(|claims| claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA")).await;
}

#[tokio::test]
async fn userinfo_of_somebody_else_is_refused() {
    check_refused(Twist { userinfo_subject: "subject-2", ..Twist::default() }, 502, UNVERIFIED).await;
}

#[tokio::test]
async fn a_response_without_an_id_token_signs_nobody_in() {
    check_refused(Twist { no_id_token: true, ..Twist::default() }, 502, UNVERIFIED).await;
}

#[tokio::test]
async fn what_the_token_endpoint_refuses_is_shown_in_its_words() {
    let suspended = Some(("access_denied", "This account is suspended. Please contact your administrator."));
    let twist = Twist { token_error: suspended, ..Twist::default() };
    check_refused(twist, 403, "This account is suspended. Please contact your administrator.").await;
    let twist = Twist { token_error: Some(("invalid_grant", "Used before.")), ..Twist::default() };
    check_refused(twist, 502, "Used before.").await;
}

#[tokio::test]
async fn an_error_response_is_shown_in_its_words_and_escaped() {
    let denied = "error=access_denied&error_description=Not%20%3Cb%3Enow&state=STATE&iss=ISS";
    check_query_refused(denied, 403, "Not &#60;b&#62;now").await;
}

#[tokio::test]
async fn an_error_that_belongs_to_no_sign_in_puts_no_words_on_our_page() {
    let stage = Stage::new(Twist::default()).await;
    for query in
        ["error=access_denied&error_description=call-us", "error=x&error_description=call-us&state=made-up"]
    {
        let answer = stage.get(&mut Visitor::default(), &format!("/callback?{query}")).await;
        answer.expect(400, UNFINISHED);
        assert!(!answer.text.contains("call-us"));
    }
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    check_query_refused(&format!("code={CODE}&state=STATE&iss=http://evil.example"), 502, UNVERIFIED).await;
    check_query_refused("error=access_denied&state=STATE&iss=http://evil.example", 502, UNVERIFIED).await;
}

#[tokio::test]
async fn a_promised_iss_that_is_missing_is_refused() {
    check_query_refused(&format!("code={CODE}&state=STATE"), 502, UNVERIFIED).await;
    check_query_refused("error=access_denied&state=STATE", 502, UNVERIFIED).await;
}

#[tokio::test]
async fn iss_may_be_absent_where_it_was_not_promised_but_never_wrong() {
    let stage = Stage::new(Twist { promises_iss: false, ..Twist::default() }).await;
    for (iss, status) in [("", 303), ("&iss=http://evil.example", 502)] {
        let mut visitor = Visitor::default();
        let state = stage.begin(&mut visitor).await;
        let answer = stage.get(&mut visitor, &format!("/callback?code={CODE}&state={state}{iss}")).await;
        answer.expect(status, "");
    }
}

#[tokio::test]
async fn a_callback_without_a_good_state_is_refused() {
    let iss = "iss=ISS";
    check_query_refused(&format!("code={CODE}&{iss}"), 400, UNFINISHED).await;
    check_query_refused(&format!("code={CODE}&state=made-up&{iss}"), 400, UNFINISHED).await;
    check_query_refused(&format!("code={CODE}&state=STATE&state=STATE&{iss}"), 400, UNFINISHED).await;
    check_query_refused(&format!("state=STATE&{iss}"), 400, UNFINISHED).await;
    check_query_refused("", 400, UNFINISHED).await;
}

#[tokio::test]
async fn a_code_that_is_not_ours_is_refused_by_the_provider() {
    check_query_refused("code=stolen&state=STATE&iss=ISS", 502, "Sign-in failed").await;
}

#[tokio::test]
async fn a_replayed_callback_is_refused() {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = Visitor::default();
    let state = stage.begin(&mut visitor).await;
    stage.come_back(&mut visitor, &state).await.expect(303, "");
    stage.come_back(&mut visitor, &state).await.expect(400, UNFINISHED);
    assert!(stage.is_signed_in(&mut visitor).await, "a replay does not end the session either");
}

#[tokio::test]
async fn the_state_of_another_browser_is_refused_and_stays_good_for_its_own() {
    let stage = Stage::new(Twist::default()).await;
    let (mut attacker, mut victim) = (Visitor::default(), Visitor::default());
    let state = stage.begin(&mut attacker).await;
    stage.come_back(&mut victim, &state).await.expect(400, UNFINISHED);
    stage.get(&mut victim, "/login").await;
    stage.come_back(&mut victim, &state).await.expect(400, UNFINISHED);
    assert!(!stage.is_signed_in(&mut victim).await);
    stage.come_back(&mut attacker, &state).await.expect(303, "");
}

#[tokio::test]
async fn an_attempt_expires() {
    let stage =
        Stage::new(Twist { claims: |claims| claims["exp"] = json!(2_000_000_000), ..Twist::default() }).await;
    let mut visitor = Visitor::default();
    let state = stage.begin(&mut visitor).await;
    stage.wait(15 * 60);
    stage.come_back(&mut visitor, &state).await.expect(400, UNFINISHED);
}

#[tokio::test]
async fn two_tabs_sign_in_side_by_side() {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = Visitor::default();
    stage.begin(&mut visitor).await;
    let second = stage.begin(&mut visitor).await;
    stage.come_back(&mut visitor, &second).await.expect(303, "");
}

#[tokio::test]
async fn a_session_id_is_new_with_each_sign_in_and_the_old_one_ends() {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = stage.signed_in().await;
    let first = visitor.session().unwrap().clone();
    let state = stage.begin(&mut visitor).await;
    stage.come_back(&mut visitor, &state).await.expect(303, "");
    assert_ne!(visitor.session(), Some(&first));
    let mut thief = Visitor::default();
    thief.set_session(&first);
    assert!(!stage.is_signed_in(&mut thief).await);
}

#[tokio::test]
async fn a_planted_session_id_is_not_adopted() {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = Visitor::default();
    visitor.set_session("planted");
    let state = stage.begin(&mut visitor).await;
    stage.come_back(&mut visitor, &state).await.expect(303, "");
    assert_ne!(visitor.session().unwrap(), "planted");
}

#[tokio::test]
async fn keys_that_rotated_are_read_again_but_not_at_every_token() {
    let stage = Stage::new(Twist::default()).await;
    *stage.provider.kid.lock().unwrap() = "key-2";
    let mut visitor = Visitor::default();
    let state = stage.begin(&mut visitor).await;
    stage.come_back(&mut visitor, &state).await.expect(502, UNVERIFIED);
    stage.wait(30);
    stage.signed_in().await;
}

#[tokio::test]
async fn a_provider_that_sends_browsers_into_the_clear_is_not_used() {
    let twist = Twist { authorization_endpoint: Some("http://id.example/authorize"), ..Twist::default() };
    assert!(Stage::try_new(twist).await.is_err());
}

#[tokio::test]
async fn every_answer_has_a_policy_that_runs_nothing() {
    let stage = Stage::new(Twist::default()).await;
    let mut visitor = stage.signed_in().await;
    for path in ["/", "/callback", "/signed-out", "/nowhere", "/session", "/assets/nexboard.css"] {
        let headers = stage.get(&mut visitor, path).await.headers;
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("script"), "{path}: {policy}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let kept = headers[header::CACHE_CONTROL] == "no-store";
        assert_eq!(kept, !path.starts_with("/assets"), "{path}");
    }
    assert_eq!(stage.get(&mut Visitor::default(), "/health").await.status, StatusCode::OK);
}
