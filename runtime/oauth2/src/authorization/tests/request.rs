//! What a request may say, and who is told when it is wrong.

use super::pushed::{bring, code_of, push};
use super::*;
use crate::client_policy::DetailsAt;
use crate::memory::VERIFIER;
use crate::pkce::ChallengeMethod;
use crate::settings::Settings;

#[test]
fn errors_before_the_redirect_uri_is_proven_are_pages() {
    let world = first_party();
    let ada = world.subject(1);
    let check = |changes: &[(&str, &str)], expect: &str| {
        let next = authorize(&world, changes, Some(&ada));
        assert_eq!(word(&next), expect, "{changes:?}");
    };
    check(&[("client_id", "")], "page: invalid_request");
    check(&[("client_id", "nobody")], "page: invalid_client");
    check(&[("client_id", "a b")], "page: invalid_client");
    check(&[("client_id", "app"), ("client_id", "other")], "page: invalid_request");
    check(&[("redirect_uri", CALLBACK), ("redirect_uri", "https://evil.example")], "page: invalid_request");
    for uri in [
        "https://evil.example/cb",
        "https://app.example/cb/",
        "https://app.example/cb?x=1",
        "https://app.example/cb#x",
        "https://app.example@evil.example/cb",
        "https://app.example.evil.example/cb",
        "//app.example/cb",
        "javascript:alert(1)",
        "http://app.example/cb",
    ] {
        // Also when everything else is wrong, which would otherwise be told by redirect.
        check(&[("redirect_uri", uri)], "page: invalid_redirect_uri");
        check(
            &[("redirect_uri", uri), ("response_type", "token"), ("prompt", "none")],
            "page: invalid_redirect_uri",
        );
    }
    let many: Vec<_> = (0..70).map(|_| ("resource", "x")).collect();
    check(&many, "page: invalid_request");
    world.rows(|rows| rows.clients.values_mut().for_each(|client| client.enabled = false));
    check(&[], "page: invalid_client");
}

#[test]
fn errors_after_it_go_to_the_client() {
    let world = first_party();
    let ada = world.subject(1);
    let check = |changes: &[(&str, &str)], expect: &str| {
        let next = authorize(&world, changes, Some(&ada));
        assert_eq!(word(&next), expect, "{changes:?}");
        assert_eq!(answer(next).redirect_uri(), CALLBACK);
    };
    check(&[], "code");
    check(&[("foo", "1"), ("foo", "2")], "invalid_request");
    check(&[("request", "eyJ")], "request_not_supported");
    check(&[("request_uri", "https://app.example/r")], "request_uri_not_supported");
    check(&[("registration", "{}")], "registration_not_supported");
    check(&[("response_mode", "header")], "invalid_request");
    check(&[("state", &"s".repeat(2_049))], "invalid_request");
    check(&[("nonce", &"n".repeat(513))], "invalid_request");
    check(&[("response_type", "")], "invalid_request");
    check(&[("response_type", "token")], "unsupported_response_type");
    check(&[("response_type", "code id_token")], "unsupported_response_type");
    check(&[("scope", "openid admin")], "invalid_scope");
    check(&[("scope", "openid \"")], "invalid_scope");
    check(&[("audience", "https://api.example")], "code");
    check(&[("resource", "https://c.example")], "invalid_target");
    check(&[("resource", "https://api.example#f")], "invalid_target");
    check(&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request");
    check(&[("code_challenge_method", "plain")], "invalid_request");
    check(&[("code_challenge_method", "")], "invalid_request");
    check(&[("code_challenge", "short")], "invalid_request");
    check(&[("code_challenge", "")], "invalid_request");
    check(&[("prompt", "none login")], "invalid_request");
    check(&[("prompt", "registration")], "invalid_request");
    check(&[("prompt", "none create")], "invalid_request");
    check(&[("authorization_details", "[{}]")], "invalid_authorization_details");
    check(&[("claims", "[]")], "invalid_request");
    check(&[("max_age", "-1")], "invalid_request");
    check(&[("max_age", "soon")], "invalid_request");
    check(&[("id_token_hint", "x.y.z")], "invalid_request");
    check(&[("redirect_uri", "")], "invalid_request");
    check(&[("redirect_uri", ""), ("scope", "read")], "code");
}

#[test]
fn client_uses_only_what_it_is_registered_for() {
    for (patch, expect) in [
        (json!({"grant_types": ["client_credentials"]}), "unauthorized_client"),
        (json!({"response_types": ["token"]}), "unauthorized_client"),
        (json!({}), "consent"),
    ] {
        let world = World::of_app(|_| {}, &patch);
        assert_eq!(word(&authorize(&world, &[], Some(&world.subject(1)))), expect, "{patch}");
    }
}

#[test]
fn pkce_may_be_left_out_only_by_clients_with_a_secret_and_leave() {
    for (policy, method, expect) in [
        (PkcePolicy::All, "client_secret_post", "invalid_request"),
        (PkcePolicy::PublicClients, "client_secret_post", "code"),
        (PkcePolicy::PublicClients, "none", "invalid_request"),
    ] {
        let patch = json!({"token_endpoint_auth_method": method, "skip_consent": true,
            "grant_types": ["authorization_code"]});
        let world = World::of_app(|settings| settings.pkce = policy, &patch);
        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        let next = authorize(&world, &without, Some(&world.subject(1)));
        assert_eq!(word(&next), expect, "{policy:?} {method}");
        if expect == "code" {
            // Attack: the challenge was cut out of the request on its way (RFC 9700 section 4.8.2).
            let code = answer(next).find("code").unwrap().to_owned();
            assert_eq!(redeem_with(&world, &code, VERIFIER), "invalid_grant");
            assert_eq!(redeem_with(&world, &code, ""), "tokens");
        }
    }
}

/// What comes of a code with this verifier; none if it is empty.
fn redeem_with(world: &World, code: &str, verifier: &str) -> String {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", verifier),
    ];
    match world.token(&pairs) {
        Ok(_) => "tokens".to_owned(),
        Err(error) => error.code().as_str().to_owned(),
    }
}

/// A tenant that has `plain`, and a client of this document.
fn plain_world(patch: &Value) -> World {
    let edit = |settings: &mut Settings| {
        (settings.pkce_plain, settings.response_types) = (true, ResponseType::ALL.to_vec());
    };
    World::of_app(edit, patch)
}

const PLAIN: [(&str, &str); 2] = [("code_challenge", VERIFIER), ("code_challenge_method", "plain")];

/// RFC 7636 sections 4.2 and 4.3.
#[test]
fn plain_is_taken_where_tenant_and_client_have_it_and_compared_as_it_was_asked_for() {
    for (tenant, client) in [(false, false), (true, false), (false, true), (true, true)] {
        let patch = json!({"skip_consent": true, "pkce_plain": client});
        let world = World::of_app(|settings| settings.pkce_plain = tenant, &patch);
        let ada = world.subject(1);
        let check = |challenge: &str, method: &str, verifier: Option<&str>| {
            let case = format!("{tenant} {client} {method} {challenge}");
            let changes = [("code_challenge", challenge), ("code_challenge_method", method)];
            let next = authorize(&world, &changes, Some(&ada));
            let Some(verifier) = verifier else {
                assert_eq!(word(&next), "invalid_request", "{case}");
                return;
            };
            assert_eq!(word(&next), "code", "{case}");
            let code = answer(next).find("code").unwrap().to_owned();
            let wrong = [VERIFIER, CHALLENGE].into_iter().find(|other| *other != verifier).unwrap();
            for wrong in [wrong, "", &*"A".repeat(43), &verifier[..42]] {
                assert_eq!(redeem_with(&world, &code, wrong), "invalid_grant", "{case}: {wrong}");
            }
            assert_eq!(redeem_with(&world, &code, verifier), "tokens", "{case}");
        };
        let both = |challenge| Some(challenge).filter(|_| tenant && client);
        check(CHALLENGE, "S256", Some(VERIFIER));
        check(VERIFIER, "plain", both(VERIFIER));
        check(VERIFIER, "", both(VERIFIER));
        // Attack: the method was cut out of the request. Its client's own verifier does not fit then.
        check(CHALLENGE, "", both(CHALLENGE));
        check(VERIFIER, "PLAIN", None);
        check(VERIFIER, "S512", None);
        check("short", "plain", None);
        check(&"A".repeat(129), "plain", None);
        check(&format!("{VERIFIER}+"), "plain", None);
    }
}

#[test]
fn what_is_pushed_and_codes_beside_tokens_are_held_to_the_same_methods() {
    for has_plain in [false, true] {
        let world = plain_world(&json!({"skip_consent": true, "pkce_plain": has_plain,
            "response_types": ResponseType::ALL.map(ResponseType::as_str),
            "grant_types": ["authorization_code", "implicit"]}));
        let ada = world.subject(1);
        for kind in ResponseType::ALL.into_iter().filter(|kind| kind.has_code()) {
            let changes = [
                ("response_type", kind.as_str()),
                ("code_challenge", VERIFIER),
                ("code_challenge_method", ""),
            ];
            let (pushed, brought) = (push(&world, &changes), authorize(&world, &changes, Some(&ada)));
            if !has_plain {
                assert_eq!(code_of(pushed), "invalid_request", "{kind:?}");
                assert_eq!(word(&brought), "invalid_request", "{kind:?}");
                continue;
            }
            let uri = pushed.unwrap().request_uri;
            let referred = bring(&world, &[("client_id", "app"), ("request_uri", &uri)], Some(&ada));
            for next in [brought, referred] {
                let code = answer(next).find("code").unwrap().to_owned();
                assert_eq!(redeem_with(&world, &code, CHALLENGE), "invalid_grant", "{kind:?}");
                assert_eq!(redeem_with(&world, &code, VERIFIER), "tokens", "{kind:?}");
            }
        }
    }
}

#[test]
fn plain_that_is_taken_away_meanwhile_is_neither_answered_nor_redeemed() {
    let take_away = |world: &World| {
        world.rows(|rows| rows.clients.values_mut().for_each(|client| client.document.pkce_plain = None));
    };
    let world = plain_world(&json!({"pkce_plain": true}));
    let ada = world.subject(1);
    let asked = challenge(authorize(&world, &PLAIN, Some(&ada)));
    take_away(&world);
    assert_eq!(word(&decide(&world, &asked, ALLOW, browser(Some(&ada)))), "invalid_request");
    let world = plain_world(&json!({"pkce_plain": true, "skip_consent": true}));
    let code = answer(authorize(&world, &PLAIN, Some(&ada))).find("code").unwrap().to_owned();
    take_away(&world);
    assert_eq!(redeem_with(&world, &code, VERIFIER), "invalid_grant");
}

/// It was sealed by a node that knew no other method.
#[test]
fn request_that_says_nothing_of_a_method_is_of_s256() {
    let world = world();
    let encoded = query(&[]);
    let parameters = Parameters::parse(encoded.as_bytes());
    let redirect = now(crate::authorization::redirect::prove(&world.server, &parameters)).unwrap();
    let at = (DetailsAt::Authorization, RequestId(Uuid::nil()));
    let checked = crate::authorization::request::check(&world.server, &redirect, &parameters, at);
    let made = now(checked).unwrap();
    assert_eq!(made.code_challenge_method, ChallengeMethod::S256);
    let mut sealed = json!(made);
    assert_eq!(sealed.as_object_mut().unwrap().remove("code_challenge_method"), Some(json!("S256")));
    assert_eq!(serde_json::from_value::<AuthorizationRequest>(sealed).unwrap(), made);
}

#[test]
fn answers_carry_state_and_issuer_in_the_mode_that_was_asked_for() {
    let world = first_party();
    let ada = world.subject(1);
    for (mode, begins) in [("", "?code="), ("query", "?code="), ("fragment", "#code="), ("form_post", "")] {
        let response = answer(authorize(&world, &[("response_mode", mode)], Some(&ada)));
        assert_eq!(response.find("state"), Some("st"));
        match response.location() {
            Some(location) => assert!(location.starts_with(&format!("{CALLBACK}{begins}")), "{location}"),
            None => assert_eq!(mode, "form_post"),
        }
    }
    let refused = answer(authorize(&world, &[("response_mode", "fragment"), ("scope", "x")], Some(&ada)));
    assert!(refused.location().unwrap().contains("#error=invalid_scope"));
    assert_eq!(refused.find("state"), Some("st"));
}

#[test]
fn code_is_redeemed_with_what_was_asked_for() {
    let world = first_party();
    let ada = world.subject(1);
    let changes = [("scope", "openid offline_access"), ("audience", "https://api.example")];
    let response = answer(authorize(&world, &changes, Some(&ada)));
    let tokens = world.redeem(response.find("code").unwrap()).unwrap();
    assert_eq!(tokens.scope, "openid offline_access");
    assert!(tokens.refresh_token.is_some());
    let claims = |token: &str| -> Value {
        let payload = token.split('.').nth(1).and_then(primitives::base64url::decode).unwrap();
        serde_json::from_slice(&payload).unwrap()
    };
    let first = claims(&tokens.id_token.unwrap());
    assert_eq!((&first["nonce"], &first["aud"]), (&json!("no"), &json!(["app"])));
    assert_eq!(first["auth_time"], ada.authenticated_at.seconds());
    let next = claims(&world.refresh(&tokens.refresh_token.unwrap()).unwrap().id_token.unwrap());
    assert_eq!((&next["nonce"], &next["sub"]), (&Value::Null, &first["sub"]));
}

#[test]
fn tokens_say_who_acts_in_the_persons_name_and_none_outlives_that_session() {
    let world = first_party();
    let actor = primitives::ActingParty { sub: "admin_key:7".to_owned() };
    for acts in [None, Some(actor)] {
        let ada = AuthenticatedSubject { actor: acts.clone(), ..world.subject(1) };
        let response = answer(authorize(&world, &[("scope", "openid offline_access")], Some(&ada)));
        let tokens = world.redeem(response.find("code").unwrap()).unwrap();
        let payload = |token: &str| token.split('.').nth(1).and_then(primitives::base64url::decode).unwrap();
        let claims: Value = serde_json::from_slice(&payload(&tokens.id_token.unwrap())).unwrap();
        assert_eq!(claims["act"], acts.as_ref().map_or(Value::Null, |_| json!({ "sub": "admin_key:7" })));
        world.rows(|rows| rows.sessions.clear());
        let refreshed = world.refresh(&tokens.refresh_token.unwrap());
        assert_eq!(refreshed.is_ok(), acts.is_none(), "{acts:?}");
        world.rows(|rows| rows.sessions.insert(ada.session));
    }
}

#[test]
fn offline_access_is_ignored_where_nobody_may_refresh() {
    let world = World::of_app(|_| {}, &json!({"skip_consent": true, "grant_types": ["authorization_code"]}));
    let response = answer(authorize(&world, &[("scope", "openid offline_access")], Some(&world.subject(1))));
    assert_eq!(world.redeem(response.find("code").unwrap()).unwrap().scope, "openid");
}

#[test]
fn browser_without_cookies_is_told_to_the_client() {
    let world = world();
    let encoded = query(&[]);
    let parameters = Parameters::parse(encoded.as_bytes());
    let bare = Browser { binding: None, ..browser(None) };
    let next = now(world.server.authorize(&parameters, bare)).result;
    assert_eq!(word(&next), "interaction_required");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    /// Whatever a request says, an answer goes to the registered address or nowhere.
    #[test]
    fn answers_go_to_registered_addresses_only(
        uri in "(https://app\\.example/cb)?[a-z@:/?#.\\\\%]{0,12}",
        extra in proptest::collection::vec(("(prompt|scope|response_mode|state|max_age|redirect_uri)", "\\PC{0,12}"), 0..4),
    ) {
        let world = first_party();
        let mut changes: Vec<(&str, &str)> = vec![("redirect_uri", &uri)];
        changes.extend(extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if let Ok(Next::Answer(response)) = authorize(&world, &changes, Some(&world.subject(1))) {
            assert_eq!(response.redirect_uri(), CALLBACK);
            assert!(uri.is_empty() || uri == CALLBACK);
            assert!(response.location().is_none_or(|at| at.starts_with("https://app.example/cb?") || at.starts_with("https://app.example/cb#")));
        }
    }
}
