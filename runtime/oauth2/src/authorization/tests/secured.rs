//! Answers that we sign (JARM).

use jose::{ClaimRules, Expiry, TokenType, UnverifiedJwt};
use primitives::time::ClockTolerance;

use super::*;
use crate::id_token_hint::verify_hint;

/// What a signed answer says, checked as a client does.
fn opened(world: &World, response: &AuthorizationResponse, now_in: u64) -> Option<Value> {
    let [(name, token)] = response.parameters.as_slice() else { panic!("{response:?}") };
    assert_eq!(*name, "response");
    let keys = now(world.server.load_keys()).unwrap();
    let signed = UnverifiedJwt::parse(token).unwrap().verify(keys.verifying()).unwrap();
    let rules = ClaimRules {
        token_type: Some(TokenType::Jwt),
        issuer: Some("https://id.example"),
        audience: &["app"],
        expiry: Expiry::Enforced,
        max_lifetime: Some(std::time::Duration::from_mins(10)),
        tolerance: ClockTolerance(std::time::Duration::ZERO),
    };
    let later = world.server.now().after(std::time::Duration::from_secs(now_in));
    signed.validate(&rules, later).ok().map(|claims| Value::Object(claims.all().clone()))
}

#[test]
fn code_and_error_alike_are_one_token_for_the_client_for_a_while() {
    let world = first_party();
    let ada = world.subject(1);
    for (mode, begins) in [
        ("jwt", "?response="),
        ("query.jwt", "?response="),
        ("fragment.jwt", "#response="),
        ("form_post.jwt", ""),
    ] {
        let response = answer(authorize(&world, &[("response_mode", mode)], Some(&ada)));
        match response.location() {
            Some(location) => assert!(location.starts_with(&format!("{CALLBACK}{begins}")), "{location}"),
            None => assert_eq!(mode, "form_post.jwt"),
        }
        let claims = opened(&world, &response, 0).unwrap();
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://id.example"), &json!("app")));
        assert_eq!((&claims["state"], &claims["sub"]), (&json!("st"), &Value::Null));
        assert_eq!(opened(&world, &response, 59), Some(claims.clone()));
        assert_eq!(opened(&world, &response, 60), None, "as long as the code is good");
        assert!(world.redeem(claims["code"].as_str().unwrap()).is_ok());

        let refused = authorize(&world, &[("response_mode", mode), ("scope", "openid admin")], Some(&ada));
        let claims = opened(&world, &answer(refused), 0).unwrap();
        assert_eq!(
            (&claims["error"], &claims["state"], &claims["code"]),
            (&json!("invalid_scope"), &json!("st"), &Value::Null)
        );
    }
}

#[test]
fn answer_after_a_sign_in_and_a_refusal_of_the_person_are_signed_too() {
    let world = world();
    let consent = challenge(authorize(&world, &[("response_mode", "jwt")], Some(&world.subject(1))));
    let ada = world.subject(1);
    let denied = answer(decide(&world, &consent, DENY, browser(Some(&ada))));
    assert_eq!(opened(&world, &denied, 0).unwrap()["error"], "access_denied");
    let consent = challenge(authorize(&world, &[("response_mode", "jwt")], Some(&ada)));
    let allowed = answer(decide(&world, &consent, ALLOW, browser(Some(&ada))));
    assert!(opened(&world, &allowed, 0).unwrap()["code"].is_string());
}

#[test]
fn signed_answer_says_nobody_is_anybody() {
    let world = first_party();
    let response = answer(authorize(&world, &[("response_mode", "jwt")], Some(&world.subject(1))));
    let token = response.find("response").unwrap();
    assert_eq!(now(verify_hint(&world.server, token)), Ok(None));
    let live = now(crate::access_token::find_token(&world.server, token)).unwrap();
    assert!(live.is_none());
}

#[test]
fn only_the_registered_algorithm_signs_and_without_its_key_nothing_is_told_or_granted() {
    for (alg, expect) in [("EdDSA", "answer"), ("PS256", "page: server_error")] {
        let world =
            World::of_app(|_| {}, &json!({"skip_consent": true, "authorization_signed_response_alg": alg}));
        let next = authorize(&world, &[("response_mode", "jwt")], Some(&world.subject(1)));
        match &next {
            Ok(Next::Answer(response)) => assert!(opened(&world, response, 0).is_some()),
            _ => assert_eq!(word(&next), "page: server_error"),
        }
        assert_eq!(next.is_ok(), expect == "answer", "{alg}");
        assert_eq!(world.rows(|rows| rows.grants.is_empty()), next.is_err());
    }
}

#[test]
fn answer_is_encrypted_to_a_client_that_has_registered_that_errors_too() {
    let pair = jose::generate(jose::SigningAlgorithm::Es256, &primitives::rng::SeededRng::new(4)).unwrap();
    let key = recipient::Recipient::from_jwk(&serde_json::from_str(&pair.to_json()).unwrap()).unwrap();
    let patch = json!({
        "skip_consent": true, "authorization_encrypted_response_alg": "ECDH-ES", "jwks": {"keys": [key.named("e")]},
    });
    let world = World::of_app(|_| {}, &patch);
    for (scope, told) in [("openid", "code"), ("openid admin", "error")] {
        let asked = [("response_mode", "jwt"), ("scope", scope)];
        let response = answer(authorize(&world, &asked, Some(&world.subject(1))));
        let read = key.open(response.find("response").unwrap()).unwrap();
        assert_eq!(read.header["cty"], "JWT");
        let parameters = vec![("response", read.text().to_owned())];
        let claims = opened(&world, &AuthorizationResponse { parameters, ..response }, 0).unwrap();
        assert!(claims[told].is_string(), "{claims}");
    }
}
