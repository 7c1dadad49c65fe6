//! What comes back through the browser beside a code, or instead of one.

use ring::digest::{SHA512, digest};

use super::*;
use crate::authorization::ResponseType::*;
use crate::memory::as_bearer;
use crate::settings::{AccessTokenStrategy, Settings};
use crate::token_format::ACCESS_TOKEN;

fn all(settings: &mut Settings) {
    settings.response_types = ResponseType::ALL.to_vec();
    settings.access_token_strategy = AccessTokenStrategy::Opaque;
}

fn world_of(edit: impl FnOnce(&mut Settings), patch: &Value) -> World {
    World::of_browser_app(edit, patch)
}

fn open() -> World {
    world_of(all, &json!({}))
}

/// Asks as Ada, who is signed in.
fn ask(world: &World, response_type: &str, changes: &[(&str, &str)]) -> Result<Next, PageError> {
    let changes = [&[("response_type", response_type)], changes].concat();
    authorize(world, &changes, Some(&world.subject(1)))
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).and_then(primitives::base64url::decode).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// `c_hash` or `at_hash` with EdDSA.
fn hash_of(text: Option<&str>) -> Value {
    let half =
        |text: &str| primitives::base64url::encode(digest(&SHA512, text.as_bytes()).as_ref().split_at(32).0);
    text.map_or(Value::Null, |text| half(text).into())
}

#[test]
fn each_type_gives_what_it_names_in_the_fragment_and_hashes_tie_it_together() {
    for kind in ResponseType::ALL {
        let world = open();
        let response = answer(ask(&world, kind.as_str(), &[("scope", "openid email offline_access")]));
        let begins = if kind == Code { format!("{CALLBACK}?") } else { format!("{CALLBACK}#") };
        assert!(response.location().unwrap().starts_with(&begins), "{kind:?}");
        let (code, token) = (response.find("code"), response.find("access_token"));
        let id_token = response.find("id_token").map(claims);
        let found = (code.is_some(), token.is_some(), id_token.is_some());
        assert_eq!(found, (kind.has_code(), kind.has_token(), kind.has_id_token()), "{kind:?}");
        assert_eq!((response.find("state"), response.find("refresh_token")), (Some("st"), None));
        if let Some(id_token) = id_token {
            assert_eq!((&id_token["nonce"], &id_token["aud"]), (&json!("no"), &json!(["app"])));
            assert_eq!(
                (&id_token["c_hash"], &id_token["at_hash"]),
                (&hash_of(code), &hash_of(token)),
                "{kind:?}"
            );
            // Where userinfo can be asked, the browser's history need not know.
            assert_eq!(id_token["email"].is_string(), kind == IdToken, "{kind:?}");
        }
        if let Some(token) = token {
            assert!(token.starts_with(ACCESS_TOKEN));
            let said = (response.find("token_type"), response.find("expires_in"));
            assert_eq!(said, (Some("bearer"), Some("3600")));
            let person = now(world.server.userinfo(as_bearer(token), crate::memory::REQUEST)).result.unwrap();
            assert_eq!(serde_json::to_value(person).unwrap()["email"], "ada@example.org");
        }
        // Only a code leads to what outlives the session.
        let scope = world.rows(|rows| rows.grants.values().next().unwrap().scope.to_text());
        assert_eq!(scope.contains("offline_access"), kind.has_code(), "{kind:?}");
        if let Some(code) = code {
            let tokens = world.redeem(code).unwrap();
            let later = claims(&tokens.id_token.unwrap());
            assert_eq!((&later["nonce"], &later["sub"]), (&json!("no"), &json!(world.subject(1).subject)));
            assert!(tokens.refresh_token.is_some());
        }
    }
}

#[test]
fn tokens_of_the_browser_die_with_their_grant() {
    let world = open();
    let token = answer(ask(&world, "code token", &[])).find("access_token").unwrap().to_owned();
    let is_live = || now(world.server.userinfo(as_bearer(&token), crate::memory::REQUEST)).result.is_ok();
    assert!(is_live());
    world.rows(|rows| rows.sessions.clear());
    assert!(!is_live());
}

#[test]
fn nothing_but_code_is_there_unless_the_tenant_and_the_client_have_it() {
    let id_token_alone = |settings: &mut Settings| settings.response_types = vec![Code, CodeIdToken];
    for kind in ResponseType::ALL.into_iter().filter(|kind| *kind != Code) {
        let name = kind.as_str();
        assert_eq!(
            word(&ask(&world_of(|_| {}, &json!({})), name, &[])),
            "unsupported_response_type",
            "{name}"
        );
        let unregistered = json!({"response_types": ["code"]});
        assert_eq!(word(&ask(&world_of(all, &unregistered), name, &[])), "unauthorized_client", "{name}");
        let no_grant = json!({"grant_types": ["authorization_code"]});
        assert_eq!(word(&ask(&world_of(all, &no_grant), name, &[])), "unauthorized_client", "{name}");
        let no_code = json!({"grant_types": ["implicit"]});
        let expect = if kind.has_code() { "unauthorized_client" } else { "code" };
        assert_eq!(word(&ask(&world_of(all, &no_code), name, &[])), expect, "{name}");
        let expect = if kind == CodeIdToken { "code" } else { "unsupported_response_type" };
        assert_eq!(word(&ask(&world_of(id_token_alone, &json!({})), name, &[])), expect, "{name}");
        let bound = json!({"dpop_bound_access_tokens": true});
        let expect = if kind.has_token() { "unauthorized_client" } else { "code" };
        assert_eq!(word(&ask(&world_of(all, &bound), name, &[])), expect, "{name}");
    }
}

#[test]
fn tokens_and_what_is_told_in_their_place_never_stand_in_a_query() {
    let world = open();
    for kind in ResponseType::ALL.into_iter().filter(|kind| *kind != Code) {
        for (mode, expect) in [("query", "invalid_request"), ("fragment", "code")] {
            let response = answer(ask(&world, kind.as_str(), &[("response_mode", mode)]));
            assert_eq!(response.find("error").unwrap_or("code"), expect, "{kind:?}");
            assert!(response.location().unwrap().starts_with(&format!("{CALLBACK}#")), "{kind:?} {mode}");
        }
        assert_eq!(answer(ask(&world, kind.as_str(), &[("response_mode", "form_post")])).location(), None);
        for mode in ["query.jwt", "jwt"] {
            let location = answer(ask(&world, kind.as_str(), &[("response_mode", mode)])).location().unwrap();
            assert!(location.starts_with(&format!("{CALLBACK}#response=")), "{kind:?} {mode}");
        }
        let refused = answer(ask(&world, kind.as_str(), &[("scope", "openid admin")]));
        assert!(refused.location().unwrap().starts_with(&format!("{CALLBACK}#error=")));
    }
}

#[test]
fn id_token_needs_a_nonce_and_its_scope_and_only_a_code_a_challenge() {
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    for kind in ResponseType::ALL.into_iter().filter(|kind| *kind != Code) {
        let check = |changes: &[(&str, &str)], refused: bool| {
            let expect = if refused { "invalid_request" } else { "code" };
            assert_eq!(word(&ask(&open(), kind.as_str(), changes)), expect, "{kind:?} {changes:?}");
        };
        check(&[("nonce", "")], kind.has_id_token());
        check(&[("scope", "read")], kind.has_id_token());
        check(&without, kind.has_code());
        check(&[("code_challenge", "short")], true);
    }
}

#[test]
fn grant_of_the_browser_is_none_of_the_token_endpoint() {
    let error = open().token(&[("grant_type", "implicit")]).unwrap_err();
    assert_eq!(error.code().as_str(), "unsupported_grant_type");
}

#[test]
fn client_that_lost_its_type_meanwhile_gets_nothing() {
    let world = world_of(all, &json!({"skip_consent": false}));
    let ada = world.subject(1);
    let consent = challenge(ask(&world, "code id_token", &[]));
    world.rows(|rows| {
        rows.clients
            .values_mut()
            .for_each(|client| client.document.response_types = Some(vec!["code".to_owned()]));
    });
    let next = decide(&world, &consent, ALLOW, browser(Some(&ada)));
    assert!(answer(next).location().unwrap().starts_with(&format!("{CALLBACK}#error=unauthorized_client")));
}

#[test]
fn opaque_and_signed_tokens_alike_and_nobody_whose_session_has_ended() {
    let world = world_of(|settings| settings.response_types = ResponseType::ALL.to_vec(), &json!({}));
    let response = answer(ask(&world, "token", &[("scope", "read"), ("audience", "https://api.example")]));
    let token = claims(response.find("access_token").unwrap());
    assert_eq!((&token["aud"], &token["scope"]), (&json!(["https://api.example"]), &json!("read")));
    let ada = world.subject(1);
    world.rows(|rows| rows.sessions.clear());
    let encoded = query(&[("response_type", "token"), ("prompt", "none")]);
    let parameters = Parameters::parse(encoded.as_bytes());
    let next = now(world.server.authorize(&parameters, browser(Some(&ada))));
    assert_eq!(word(&next.result), "login_required");
    assert!(next.change.writes.is_empty());
}

#[test]
fn tenants_plugins_may_deny_what_goes_through_the_browser() {
    // As the token endpoint asks them, with `implicit` for the grant.
    let hook = crate::token::hook::tests::denying("suspended");
    let mut settings = Settings::default();
    all(&mut settings);
    let world = World::with(settings, hook);
    world.add_client(&json!({
        "skip_consent": true, "response_types": ["token", "code"], "grant_types": ["authorization_code", "implicit"],
    }));
    let next = ask(&world, "token", &[("scope", "read")]);
    let refused = answer(next);
    assert_eq!(
        (refused.find("error"), refused.find("error_description")),
        (Some("access_denied"), Some("suspended"))
    );
    world.rows(|rows| assert!(rows.grants.is_empty() && rows.access_tokens.is_empty()));
    assert_eq!(word(&ask(&world, "code", &[])), "code", "a code asks when it is redeemed");
}
