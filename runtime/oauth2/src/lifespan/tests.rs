//! How long each token lives, and by whose word; what keeps a key and a grant for as long.

use std::collections::BTreeMap;

use jose::{Signer, TokenType};
use primitives::Actor;
use serde_json::{Map, Value, json};

use super::*;
use crate::authorization::{Browser, Next, ResponseType};
use crate::device::DeviceAnswer;
use crate::go_duration::GoDuration;
use crate::memory::{CALLBACK, CHALLENGE, REQUEST, World, as_app, form, named_key, now, request};
use crate::parameters::Parameters;
use crate::settings::Settings;
use crate::token::TokenResponse;
use crate::token_format::hash_token;
use crate::trust::TrustRequest;

const TOKENS: [Lifetime; 3] = [Lifetime::AccessToken, Lifetime::IdToken, Lifetime::RefreshToken];

/// The members of a client, each with what it says something of.
const MEMBERS: [(&str, GrantType, Lifetime); 13] = [
    ("authorization_code_grant_access_token_lifespan", GrantType::AuthorizationCode, Lifetime::AccessToken),
    ("authorization_code_grant_id_token_lifespan", GrantType::AuthorizationCode, Lifetime::IdToken),
    ("authorization_code_grant_refresh_token_lifespan", GrantType::AuthorizationCode, Lifetime::RefreshToken),
    ("client_credentials_grant_access_token_lifespan", GrantType::ClientCredentials, Lifetime::AccessToken),
    ("device_authorization_grant_access_token_lifespan", GrantType::DeviceCode, Lifetime::AccessToken),
    ("device_authorization_grant_id_token_lifespan", GrantType::DeviceCode, Lifetime::IdToken),
    ("device_authorization_grant_refresh_token_lifespan", GrantType::DeviceCode, Lifetime::RefreshToken),
    ("implicit_grant_access_token_lifespan", GrantType::Implicit, Lifetime::AccessToken),
    ("implicit_grant_id_token_lifespan", GrantType::Implicit, Lifetime::IdToken),
    ("jwt_bearer_grant_access_token_lifespan", GrantType::JwtBearer, Lifetime::AccessToken),
    ("refresh_token_grant_access_token_lifespan", GrantType::RefreshToken, Lifetime::AccessToken),
    ("refresh_token_grant_id_token_lifespan", GrantType::RefreshToken, Lifetime::IdToken),
    ("refresh_token_grant_refresh_token_lifespan", GrantType::RefreshToken, Lifetime::RefreshToken),
];

/// The tenant's, each of a length of its own.
fn of_tenant(settings: &mut Settings) {
    settings.access_token_lifespan = GoDuration::minutes(11);
    settings.id_token_lifespan = GoDuration::minutes(12);
    settings.refresh_token_lifespan = GoDuration::minutes(13);
    settings.response_types = ResponseType::ALL.to_vec();
}

/// How long every token of every grant lives for a client of this document.
fn all_of(document: &Value) -> Vec<(GrantType, Lifetime, Duration)> {
    let world = World::of_app(of_tenant, document);
    let found = now(world.memory.find_client(&world.server.tenant, &"app".parse().unwrap()));
    let client = found.unwrap().unwrap();
    let pairs = GrantType::ALL.into_iter().flat_map(|grant| TOKENS.map(|token| (grant, token)));
    pairs.map(|(grant, token)| (grant, token, lifespan(&world.server, &client, grant, token))).collect()
}

#[test]
fn each_lifespan_of_a_client_is_that_of_its_grant_and_token_and_of_nothing_else() {
    let of_tenant = all_of(&json!({}));
    for (member, grant, token) in MEMBERS {
        let mut expect = of_tenant.clone();
        let own = expect.iter_mut().find(|(of, which, _)| (*of, *which) == (grant, token));
        own.unwrap().2 = Duration::from_mins(77);
        assert_eq!(all_of(&json!({ member: "77m" })), expect, "{member}");
    }
}

#[test]
fn tokens_of_a_client_that_says_nothing_live_as_long_as_the_tenant_says() {
    let of_tenant = all_of(&json!({}));
    let issued = MEMBERS.into_iter().map(|(_, grant, token)| (grant, token));
    let of_password = TOKENS.map(|token| (GrantType::Password, token));
    let exchanged = [(GrantType::TokenExchange, Lifetime::AccessToken)];
    for (grant, token) in issued.chain(of_password).chain(exchanged) {
        let minutes = match token {
            Lifetime::AccessToken => 11,
            Lifetime::IdToken => 12,
            Lifetime::RefreshToken => 13,
        };
        let expect = (grant, token, Duration::from_mins(minutes));
        assert!(of_tenant.contains(&expect), "{expect:?} in {of_tenant:?}");
    }
}

/// A client with all of them, none as long as another.
fn with_all() -> Value {
    let spans = MEMBERS.into_iter().zip(101..);
    let spans = spans.map(|((member, ..), minutes)| (member.to_owned(), json!(format!("{minutes}m"))));
    Value::Object(spans.collect::<Map<_, _>>())
}

/// What [`with_all`] says of a token, in seconds.
fn own(grant: GrantType, token: Lifetime) -> u64 {
    let mut spans = MEMBERS.into_iter().zip(101..);
    let (_, minutes) = spans.find(|((_, of, which), _)| (*of, *which) == (grant, token)).unwrap();
    minutes * 60
}

/// From `iat` to `exp`, in seconds.
fn life(token: &str) -> u64 {
    let payload = token.split('.').nth(1).and_then(primitives::base64url::decode).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap()
}

/// How long the tokens of an answer live, in seconds.
fn lives(world: &World, answer: &TokenResponse) -> [Option<u64>; 3] {
    assert_eq!(answer.expires_in, life(&answer.access_token));
    let refresh_token = answer.refresh_token.as_deref().map(|token| {
        let hash = hash_token(&world.server, token);
        let expires_at = world.rows(|rows| rows.refresh_tokens[&hash].expires_at);
        expires_at.since(world.server.now()).as_secs()
    });
    [Some(answer.expires_in), answer.id_token.as_deref().map(life), refresh_token]
}

fn check(grant: GrantType, tokens: &[Lifetime], issue: impl FnOnce(&World) -> TokenResponse) {
    let world = World::of_app(of_tenant, &with_all());
    let answer = issue(&world);
    let expect = TOKENS.map(|token| tokens.contains(&token).then(|| own(grant, token)));
    assert_eq!(lives(&world, &answer), expect, "{grant:?}");
}

#[test]
fn what_is_issued_lives_as_long_as_its_client_says() {
    let redeemed = |world: &World| world.redeem(&world.code("openid offline_access")).unwrap();
    check(GrantType::AuthorizationCode, &TOKENS, redeemed);
    check(GrantType::RefreshToken, &TOKENS, |world| {
        let first = redeemed(world);
        world.refresh(first.refresh_token.as_deref().unwrap()).unwrap()
    });
    check(GrantType::DeviceCode, &TOKENS, by_device);
    check(GrantType::ClientCredentials, &[Lifetime::AccessToken], |world| {
        world.token(&[("grant_type", "client_credentials")]).unwrap()
    });
    check(GrantType::JwtBearer, &[Lifetime::AccessToken], by_assertion);
}

fn by_device(world: &World) -> TokenResponse {
    let encoded = as_app(&[("scope", "openid offline_access")]);
    let parameters = Parameters::parse(encoded.as_bytes());
    let begun = world.commit(|| now(world.server.device_authorization(request(&parameters)))).unwrap();
    // A person would allow it; the grant is as that of a code.
    world.code("openid offline_access");
    world.rows(|rows| {
        let grant = *rows.grants.keys().next().unwrap();
        rows.devices.values_mut().next().unwrap().answer = Some(DeviceAnswer::Allowed(grant));
    });
    let grant = GrantType::DeviceCode.as_str();
    world.token(&[("grant_type", grant), ("device_code", &begun.device_code)]).unwrap()
}

fn by_assertion(world: &World) -> TokenResponse {
    let key = named_key(5, "k");
    let trust = json!({"issuer": "https://jwt-idp.example", "subject": "mike@example.com", "scope": ["read"],
        "jwk": serde_json::to_value(key.public()).unwrap(), "expires_at": "2030-01-01T00:00:00Z"});
    let trust: TrustRequest = serde_json::from_value(trust).unwrap();
    let trusted = now(world.server.trust_issuer(&trust, Actor::System));
    world.memory.apply(trusted.change).unwrap();
    let claims = json!({"iss": "https://jwt-idp.example", "sub": "mike@example.com",
        "aud": "https://id.example/oauth2/token", "jti": "j1", "iat": 1_800_000_000, "exp": 1_800_000_060});
    let assertion = Signer::new(&key).unwrap().sign(TokenType::Jwt, &claims).unwrap();
    let grant = GrantType::JwtBearer.as_str();
    world.token(&[("grant_type", grant), ("assertion", &assertion), ("scope", "read")]).unwrap()
}

#[test]
fn what_comes_through_the_browser_lives_as_long_as_its_client_says() {
    let world = World::of_browser_app(of_tenant, &with_all());
    let encoded = form(&[
        ("response_type", "id_token token"),
        ("client_id", "app"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid read"),
        ("state", "st"),
        ("nonce", "no"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let (parameters, ada) = (Parameters::parse(encoded.as_bytes()), world.subject(1));
    let browser = || Browser { subject: Some(&ada), binding: Some("cookie"), request: REQUEST };
    let answer = match world.commit(|| now(world.server.authorize(&parameters, browser()))) {
        Ok(Next::Answer(answer)) => answer,
        other => panic!("{other:?}"),
    };
    let (access_token, id_token) = (answer.find("access_token").unwrap(), answer.find("id_token").unwrap());
    let expect = [Lifetime::AccessToken, Lifetime::IdToken].map(|token| own(GrantType::Implicit, token));
    assert_eq!([access_token, id_token].map(life), expect);
    assert_eq!(answer.find("expires_in"), Some(life(access_token).to_string().as_str()));
}

#[test]
fn longest_signed_token_is_found_over_all_pages_of_clients() {
    let check = |lifespans: [Value; 3], expect: u64| {
        let world = World::new();
        for (id, mut patch) in ["a", "b", "c"].into_iter().zip(lifespans.clone()) {
            patch["client_id"] = id.into();
            world.add_client(&patch);
        }
        for page in [1, 2, 3, 4] {
            let longest = now(longest_by_pages(&*world.memory, &world.server.tenant, page));
            assert_eq!(longest, Ok(Duration::from_secs(expect)), "{lifespans:?} by {page}");
        }
        let other = "other".parse().unwrap();
        assert_eq!(now(longest_of_clients(&*world.memory, &other)), Ok(Duration::ZERO), "another tenant's");
    };
    let none = || json!({});
    check([none(), none(), none()], 0);
    for signed in [
        "authorization_code_grant_access_token_lifespan",
        "authorization_code_grant_id_token_lifespan",
        "client_credentials_grant_access_token_lifespan",
        "device_authorization_grant_access_token_lifespan",
        "device_authorization_grant_id_token_lifespan",
        "implicit_grant_access_token_lifespan",
        "implicit_grant_id_token_lifespan",
        "jwt_bearer_grant_access_token_lifespan",
        "refresh_token_grant_access_token_lifespan",
        "refresh_token_grant_id_token_lifespan",
    ] {
        check([none(), json!({ signed: "2h" }), none()], 7200);
        check([json!({ signed: "5s" }), none(), json!({ signed: "10s" })], 10);
        check([json!({ signed: "10s" }), json!({ signed: "5s" }), none()], 10);
    }
    check([json!({ "refresh_token_grant_refresh_token_lifespan": "9000h" }), none(), none()], 0);
}

#[test]
fn keys_are_kept_for_what_they_signed_before_a_client_got_shorter_lifespans() {
    let check = |before: &Value, after: Value, hours: Option<u64>| {
        let world = World::of_app(|_| {}, before);
        let (id, words) = ("app".parse().unwrap(), format!("{before} {after}"));
        let lifespans = serde_json::from_value(after).unwrap();
        let set = || now(world.server.set_client_lifespans(&id, lifespans, Actor::System));
        world.commit(set).unwrap();
        let until = hours.map(|hours| world.server.now().after(Duration::from_hours(hours)).after(SLACK));
        assert_eq!(world.rows(|rows| rows.keys_needed_until), until, "{words}");
    };
    let machine = |span: &str| json!({ "client_credentials_grant_access_token_lifespan": span });
    check(&json!({}), json!({}), None);
    check(&json!({}), machine("2000h"), None);
    check(&machine("1h"), machine("2000h"), None);
    check(&machine("2000h"), machine("1h"), Some(2000));
    check(&machine("2000h"), json!({}), Some(2000));
    check(&machine("2000h"), json!({ "implicit_grant_id_token_lifespan": "2000h" }), None);
    check(&json!({ "refresh_token_grant_refresh_token_lifespan": "2000h" }), json!({}), None);
}

#[test]
fn grant_is_kept_for_a_signed_token_that_lives_long_and_for_no_other() {
    for (strategy, hours, is_kept) in [("jwt", 168, false), ("jwt", 169, true), ("opaque", 169, false)] {
        let world = World::of_app(
            |_| {},
            &json!({"access_token_strategy": strategy,
                "refresh_token_grant_access_token_lifespan": format!("{hours}h")}),
        );
        let first = world.redeem(&world.code("openid offline_access")).unwrap();
        let kept = || world.rows(|rows| rows.kept_grants.clone());
        assert!(kept().is_empty(), "one that lives as others do");
        world.refresh(first.refresh_token.as_deref().unwrap()).unwrap();
        let until = world.server.now().after(Duration::from_hours(hours));
        let grant = world.rows(|rows| *rows.grants.keys().next().unwrap());
        let expect: BTreeMap<_, _> = is_kept.then_some((grant, until)).into_iter().collect();
        assert_eq!(kept(), expect, "{strategy} {hours}");
    }
}
