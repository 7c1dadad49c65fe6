//! Answers that we sign (JARM).

use jose::{ClaimRules, Expiry, TokenType, UnverifiedJwt};
use primitives::time::ClockTolerance;

use super::*;
use crate::id_token_hint::verify_hint;

/// What a signed answer says, checked as a client does.
fn opened(world: &World, response: &AuthorizationResponse, now_in: u64) -> Option<Value> {
    let [(name, token)] = response.parameters() else { panic!("{response:?}") };
    assert_eq!(*name, "response");
    opened_token(world, token, now_in)
}

fn opened_token(world: &World, token: &str, now_in: u64) -> Option<Value> {
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
        let claims = opened_token(&world, read.text(), 0).unwrap();
        assert!(claims[told].is_string(), "{claims}");
    }
}

/// Attack: what a login or consent app refuses goes back in clear, where anybody on the way reads and changes it.
#[test]
fn refusals_of_login_and_consent_apps_travel_as_the_client_asked() {
    use crate::authorization::external::{AcceptLogin, Reject};

    let apps = |settings: &mut crate::settings::Settings| {
        settings.urls.login = Some("https://login.example/in".to_owned());
        settings.urls.consent = Some("https://login.example/consent".to_owned());
    };
    let last = |url: &str, name: &str| {
        let url = url::Url::parse(url).unwrap();
        url.query_pairs().find_map(|(other, value)| (other == name).then(|| value.into_owned())).unwrap()
    };
    let page = |next: Next| match next {
        Next::Page(url) => url,
        other => panic!("{other:?}"),
    };
    let world = World::of_app(apps, &json!({}));
    let refusal = || Reject { error: "access_denied".to_owned(), ..Reject::default() };
    let nobody = browser(None);
    let by_login = |mode: &str| {
        let asked =
            last(&page(authorize(&world, &[("response_mode", mode)], None).unwrap()), "login_challenge");
        let told = world.commit(|| now(world.server.reject_login_challenge(&asked, refusal()))).unwrap();
        let verifier = last(&told.redirect_to, "login_verifier");
        world.commit(|| now(world.server.continue_login(&verifier, nobody))).unwrap().next
    };
    let by_consent = |mode: &str| {
        let asked =
            last(&page(authorize(&world, &[("response_mode", mode)], None).unwrap()), "login_challenge");
        let accept = || AcceptLogin { subject: "ada".to_owned(), ..AcceptLogin::default() };
        let told = world.commit(|| now(world.server.accept_login_challenge(&asked, accept()))).unwrap();
        let verifier = last(&told.redirect_to, "login_verifier");
        let back = world.commit(|| now(world.server.continue_login(&verifier, nobody))).unwrap();
        let session = now(world.server.login_session(&back.cookie.unwrap().value)).unwrap().unwrap();
        let ada = session.subject(&world.server.tenant);
        let asked = last(&page(back.next), "consent_challenge");
        let told = world.commit(|| now(world.server.reject_consent_challenge(&asked, refusal()))).unwrap();
        let verifier = last(&told.redirect_to, "consent_verifier");
        world.commit(|| now(world.server.continue_consent(&verifier, browser(Some(&ada))))).unwrap()
    };
    for mode in ResponseMode::ALL {
        for (step, next) in [("login", by_login(mode.as_str())), ("consent", by_consent(mode.as_str()))] {
            let response = answer(Ok(next));
            assert_eq!(response.mode(), mode, "{step}");
            if mode.is_signed() {
                let claims = opened(&world, &response, 0).unwrap();
                assert_eq!(claims["error"], "access_denied", "{step} {mode:?}");
                assert_eq!(claims["state"], "st", "{step} {mode:?}");
            } else {
                assert_eq!(response.find("error"), Some("access_denied"), "{step} {mode:?}");
                assert_eq!(response.find("iss"), Some("https://id.example"), "{step} {mode:?}");
            }
        }
    }
}
