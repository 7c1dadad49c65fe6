//! What a request may say, and who is told when it is wrong.

use super::*;

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
        assert_eq!(
            word(&authorize(&world, &without, Some(&world.subject(1)))),
            expect,
            "{policy:?} {method}"
        );
    }
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
