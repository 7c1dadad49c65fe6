//! The table of rules, one by one: each is broken, and refused.

mod cryptography;
mod endpoints;

use std::cell::Cell;

use jose::{PrivateJwk, Signer, SigningAlgorithm, TokenType, generate};
use primitives::rng::SeededRng;
use primitives::{Actor, RequestId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::authorization::{Browser, Next, PageError, PushError, PushedResponse};
use crate::client::InvalidClient;
use crate::client::admin::ClientError;
use crate::dpop::PresentedProof;
use crate::go_duration::GoDuration;
use crate::memory::{CALLBACK, CHALLENGE, Prover, World, form, now, redemption, request};
use crate::parameters::Parameters;
use crate::settings::Settings;
use crate::token::{ClientRequest, TokenError, TokenResponse};

use SecurityProfile::{Fapi2MessageSigning, Fapi2Security};

#[test]
fn every_rule_has_its_test() {
    let tests = [
        include_str!("tests.rs"),
        include_str!("tests/cryptography.rs"),
        include_str!("tests/endpoints.rs"),
        include_str!("../dpop/tests.rs"),
        include_str!("../introspection/tests.rs"),
        include_str!("../protection/tests.rs"),
        include_str!("../../../../tests/it/oauth2/cors.rs"),
        include_str!("../../../../tests/it/oauth2/security_profile.rs"),
    ];
    for rule in rules::all() {
        let name = format!("fn {}(", rule.test);
        assert!(tests.iter().any(|text| text.contains(&name)), "{rule}: {name}");
    }
}

const START: i64 = 1_800_000_000;

fn key(algorithm: SigningAlgorithm) -> PrivateJwk {
    generate(algorithm, &SeededRng::new(5)).unwrap()
}

fn own_key() -> PrivateJwk {
    key(SigningAlgorithm::EdDsa)
}

/// A client that the profiles have nothing against.
fn document(key: &PrivateJwk) -> Value {
    json!({
        "token_endpoint_auth_method": "private_key_jwt", "skip_consent": true, "dpop_bound_access_tokens": true,
        "jwks": {"keys": [serde_json::to_value(key.public()).unwrap()]},
    })
}

fn with(mut document: Value, changes: &Value) -> Value {
    document.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    document
}

/// Both ways to switch a profile on.
fn worlds(profile: SecurityProfile, edit: impl Fn(&mut Settings), patch: &Value) -> [World; 2] {
    let document = with(document(&own_key()), patch);
    let tenant = World::of_app(
        |settings| {
            settings.security_profile = Some(profile);
            edit(settings);
        },
        &document,
    );
    let client = World::of_app(edit, &with(document, &json!({ "security_profile": profile.as_str() })));
    [tenant, client]
}

fn count() -> u32 {
    thread_local!(static COUNT: Cell<u32> = const { Cell::new(0) });
    COUNT.set(COUNT.get() + 1);
    COUNT.get()
}

/// What proves the client, with some claims changed.
fn assertion(world: &World, key: &PrivateJwk, changes: &Value) -> String {
    let at = world.server.now().seconds();
    let claims = json!({"iss": "app", "sub": "app", "aud": "https://id.example", "jti": format!("a{}", count()),
        "iat": at, "exp": at + 60});
    Signer::new(key).unwrap().sign(TokenType::Jwt, &with(claims, changes)).unwrap()
}

/// A form of the client.
fn proven(assertion: &str, pairs: &[(&str, &str)]) -> String {
    const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    form(
        &[&[("client_id", "app"), ("client_assertion_type", TYPE), ("client_assertion", assertion)], pairs]
            .concat(),
    )
}

fn proof(world: &World, prover: &Prover, endpoint: &str) -> String {
    let at = world.server.now().seconds();
    prover.prove(&json!({"jti": format!("p{}", count()), "htm": "POST", "htu": endpoint, "iat": at}))
}

const PAR: &str = "https://id.example/oauth2/par";
const TOKEN: &str = "https://id.example/oauth2/token";

/// A good request with some parameters changed; an empty value leaves one out.
fn wanted(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let mut pairs = vec![
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid read"),
        ("state", "st"),
        ("nonce", "no"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    pairs
}

fn push_form(world: &World, encoded: &str, proof: PresentedProof<'_>) -> Result<PushedResponse, PushError> {
    let parameters = Parameters::parse(encoded.as_bytes());
    world.commit(|| {
        now(world.server.push_authorization_request(ClientRequest { proof, ..request(&parameters) }))
    })
}

fn push(world: &World, pairs: &[(&str, &str)]) -> Result<PushedResponse, PushError> {
    push_form(world, &proven(&assertion(world, &own_key(), &json!({})), pairs), PresentedProof::Absent)
}

fn told(pushed: Result<PushedResponse, PushError>) -> (String, String) {
    match pushed {
        Ok(_) => ("pushed".to_owned(), String::new()),
        Err(PushError::Client(error)) => (error.code().as_str().to_owned(), error.description().into_owned()),
        Err(PushError::Request { code, description }) => (code.to_owned(), description),
    }
}

/// The browser of somebody who is signed in brings these parameters.
fn bring(world: &World, pairs: &[(&str, &str)]) -> Result<Next, PageError> {
    let encoded = form(pairs);
    let parameters = Parameters::parse(encoded.as_bytes());
    let ada = world.subject(1);
    let browser = Browser { subject: Some(&ada), binding: Some("cookie"), request: RequestId(Uuid::nil()) };
    world.commit(|| now(world.server.authorize(&parameters, browser)))
}

/// What stands in a signed answer.
fn said(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap())
        .unwrap()
}

/// A parameter of the answer; of an error, what it says.
fn answered(next: Result<Next, PageError>, name: &str) -> String {
    match next.unwrap() {
        Next::Answer(response) => match response.find("response") {
            Some(token) => said(token)[name].as_str().unwrap_or_default().to_owned(),
            None => response.find(name).unwrap_or_default().to_owned(),
        },
        other => panic!("{other:?}"),
    }
}

/// A parameter of the answer as it travels.
fn travels(next: Result<Next, PageError>, name: &str) -> Option<String> {
    match next.unwrap() {
        Next::Answer(response) => response.find(name).map(ToOwned::to_owned),
        other => panic!("{other:?}"),
    }
}

/// The code of a good request.
fn code(world: &World) -> String {
    let uri = push(world, &wanted(&[])).unwrap().request_uri;
    answered(bring(world, &[("client_id", "app"), ("request_uri", &uri)]), "code")
}

fn token(world: &World, pairs: &[(&str, &str)], prover: &Prover) -> Result<TokenResponse, TokenError> {
    let encoded = proven(&assertion(world, &own_key(), &json!({})), pairs);
    let parameters = Parameters::parse(encoded.as_bytes());
    let proof = proof(world, prover, TOKEN);
    let request = ClientRequest { proof: PresentedProof::One(&proof), ..request(&parameters) };
    world.commit(|| now(world.server.token(request)))
}

#[test]
fn request_is_answered_with_iss_and_a_bound_token() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let uri = push(&world, &wanted(&[])).unwrap().request_uri;
        let next = bring(&world, &[("client_id", "app"), ("request_uri", &uri)]);
        assert_eq!(answered(next.clone(), "iss"), "https://id.example");
        let tokens = token(&world, &redemption(&answered(next, "code")), &Prover::generate()).unwrap();
        assert_eq!(tokens.token_type, "DPoP");
    }
}

#[test]
fn code_is_used_once() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let (code, prover) = (code(&world), Prover::generate());
        assert!(token(&world, &redemption(&code), &prover).is_ok());
        let again = token(&world, &redemption(&code), &prover).unwrap_err();
        assert_eq!(again.code().as_str(), "invalid_grant");
    }
}

#[test]
fn client_that_contradicts_its_profile_is_refused() {
    for (profile, patch, expect) in [
        (Fapi2Security, json!({}), None),
        (Fapi2MessageSigning, json!({}), None),
        (Fapi2Security, json!({"redirect_uris": ["http://127.0.0.1/cb", "http://[::1]:1/cb"]}), None),
        (Fapi2Security, json!({"token_endpoint_auth_signing_alg": "EdDSA"}), None),
        (
            Fapi2Security,
            json!({"token_endpoint_auth_method": "none", "grant_types": ["authorization_code"]}),
            Some("only confidential clients"),
        ),
        (
            Fapi2Security,
            json!({"token_endpoint_auth_method": "client_secret_basic"}),
            Some("private_key_jwt"),
        ),
        (Fapi2Security, json!({"token_endpoint_auth_method": "client_secret_post"}), Some("private_key_jwt")),
        (Fapi2Security, json!({"dpop_bound_access_tokens": false}), Some("access tokens are bound")),
        (Fapi2Security, json!({"dpop_bound_access_tokens": null}), Some("access tokens are bound")),
        (
            Fapi2Security,
            json!({"grant_types": ["authorization_code", "implicit"]}),
            Some("no password grant"),
        ),
        (Fapi2Security, json!({"grant_types": ["password"]}), Some("no password grant")),
        (Fapi2Security, json!({"response_types": ["code", "code id_token"]}), Some("response_type is code")),
        (Fapi2Security, json!({"pkce_plain": true}), Some("by S256")),
        (Fapi2Security, json!({"pkce_plain": false}), None),
        (Fapi2Security, json!({"redirect_uris": ["http://localhost/cb"]}), Some("no scheme http")),
        (Fapi2Security, json!({"jwks": null, "jwks_uri": "http://[::1]/keys"}), Some("fetched by TLS")),
        (Fapi2Security, json!({"token_endpoint_auth_signing_alg": "RS256"}), Some("PS256, ES256 or EdDSA")),
        (Fapi2Security, json!({"request_object_signing_alg": "ES384"}), Some("PS256, ES256 or EdDSA")),
        (Fapi2Security, json!({"authorization_signed_response_alg": "RS256"}), Some("PS256, ES256 or EdDSA")),
        (Fapi2Security, json!({"id_token_signed_response_alg": "RS256"}), Some("PS256, ES256 or EdDSA")),
        (Fapi2Security, json!({"id_token_signed_response_alg": "EdDSA"}), None),
        (Fapi2Security, json!({"userinfo_signed_response_alg": "ES384"}), Some("PS256, ES256 or EdDSA")),
        (Fapi2Security, json!({"userinfo_signed_response_alg": "none"}), None),
        (Fapi2Security, json!({"introspection_signed_response_alg": "RS256"}), Some("PS256, ES256 or EdDSA")),
        (
            Fapi2MessageSigning,
            json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=a", "jwks": null}),
            Some("keys to sign"),
        ),
    ] {
        let document = with(document(&own_key()), &patch);
        let document = with(
            document,
            &json!({"redirect_uris": patch.get("redirect_uris").unwrap_or(&json!([CALLBACK]))}),
        );
        let create = |world: &World, more: &Value| {
            let document = serde_json::from_value(with(document.clone(), more)).unwrap();
            now(world.server.create_client(document, Actor::System)).result.map(drop)
        };
        let tenant = World::set(|settings| settings.security_profile = Some(profile));
        let by_tenant = create(&tenant, &json!({}));
        let by_itself = create(&World::new(), &json!({"security_profile": profile.as_str()}));
        assert_eq!(by_tenant, by_itself, "{patch}");
        match (expect, by_tenant) {
            (None, Ok(())) => {}
            (Some(part), Err(ClientError::Invalid(InvalidClient::Profile(wrong)))) => {
                let text = wrong.to_string();
                assert!(
                    text.contains(part) && text.contains("FAPI 2.0") && text.contains(profile.as_str()),
                    "{text}"
                );
            }
            (_, found) => panic!("{patch}: {found:?}"),
        }
    }
}

#[test]
fn profile_that_is_none_is_refused() {
    let document =
        with(document(&own_key()), &json!({"redirect_uris": [CALLBACK], "security_profile": "fapi1"}));
    let document = serde_json::from_value(document).unwrap();
    let refused = now(World::new().server.create_client(document, Actor::System)).result.unwrap_err();
    assert!(refused.to_string().contains("fapi2-security or fapi2-message-signing"), "{refused}");
}

/// It was taken before its tenant had the switch.
#[test]
fn client_of_before_is_nobody() {
    let world = World::of_app(|settings| settings.security_profile = Some(Fapi2Security), &json!({}));
    let refused = world.token(&[("grant_type", "client_credentials")]).unwrap_err();
    assert_eq!(refused.code().as_str(), "invalid_client");
    let next = bring(&world, &[&[("client_id", "app")], &*wanted(&[])].concat());
    assert_eq!(answered(next, "error"), "unauthorized_client");
}

#[test]
fn tenant_that_signs_by_another_algorithm_serves_no_such_client() {
    let rs256 = |settings: &mut Settings| settings.id_token_signing_algorithm = SigningAlgorithm::Rs256;
    for world in worlds(Fapi2Security, rs256, &json!({})) {
        assert_eq!(told(push(&world, &wanted(&[]))).0, "invalid_client");
    }
}

/// The key of the wanted algorithm is not published for long enough: another signs, but none of those that are not the profile's.
#[test]
fn nothing_is_signed_by_another_algorithm_in_the_meantime() {
    let check = |held: &[SigningAlgorithm], expect: Option<SigningAlgorithm>| {
        let state = jose::KeyState::Active { rotate_at: primitives::Timestamp::from_seconds(9_000_000_000) };
        let at = primitives::Timestamp::from_seconds(START);
        let make = |algorithm: &SigningAlgorithm| {
            jose::SigningKey::generate(*algorithm, state, at, &SeededRng::new(5)).unwrap()
        };
        let keys: Vec<_> = held.iter().map(make).collect();
        let keys = jose::TenantKeys::new(&keys, at).unwrap();
        let found = crate::server::signer_among(&keys, SigningAlgorithm::Es256, is_allowed);
        assert_eq!(found.ok().map(jose::TokenSigner::algorithm), expect, "{held:?}");
    };
    check(&[SigningAlgorithm::Es384, SigningAlgorithm::EdDsa], Some(SigningAlgorithm::EdDsa));
    check(&[SigningAlgorithm::EdDsa, SigningAlgorithm::Es256], Some(SigningAlgorithm::Es256));
    check(&[SigningAlgorithm::Es384], None);
}

#[test]
fn request_that_breaks_a_rule_is_refused() {
    let more = |settings: &mut Settings| {
        (settings.response_types, settings.pkce_plain) = (ResponseTypes::all(), true);
    };
    for world in worlds(Fapi2Security, more, &json!({})) {
        let check = |changes: &[(&'static str, &'static str)], code: &str, part: &str| {
            let (found, description) = told(push(&world, &wanted(changes)));
            assert_eq!(found, code, "{changes:?}: {description}");
            assert!(description.contains(part), "{changes:?}: {description}");
        };
        check(&[], "pushed", "");
        check(&[("response_type", "code id_token")], "unauthorized_client", "");
        check(&[("response_type", "token")], "unauthorized_client", "");
        check(&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request", "code_challenge");
        check(&[("code_challenge_method", "plain")], "invalid_request", "S256");
        check(&[("redirect_uri", "")], "invalid_request", "redirect_uri is required");
        check(&[("redirect_uri", ""), ("scope", "read")], "invalid_request", "redirect_uri is required");
        check(&[("redirect_uri", "https://evil.example/cb")], "invalid_request", "");
    }
}

/// Where a tenant has more than the profile leaves.
struct ResponseTypes;

impl ResponseTypes {
    fn all() -> Vec<crate::authorization::ResponseType> {
        crate::authorization::ResponseType::ALL.to_vec()
    }
}

#[test]
fn pkce_is_required_also_where_the_tenant_does_not_ask() {
    let lax = |settings: &mut Settings| settings.pkce = crate::settings::PkcePolicy::PublicClients;
    for world in worlds(Fapi2Security, lax, &json!({})) {
        let (code, _) = told(push(&world, &wanted(&[("code_challenge", ""), ("code_challenge_method", "")])));
        assert_eq!(code, "invalid_request");
    }
}

#[test]
fn request_that_was_not_pushed_is_refused() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let next = bring(&world, &[&[("client_id", "app")], &*wanted(&[])].concat());
        assert_eq!(answered(next.clone(), "error"), "invalid_request");
        assert!(answered(next, "error_description").contains("are pushed"));
    }
}

#[test]
fn nobody_pushes_without_saying_who_they_are() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let nobody = form(&[&[("client_id", "app")], &*wanted(&[])].concat());
        assert_eq!(told(push_form(&world, &nobody, PresentedProof::Absent)).0, "invalid_client");
    }
}

#[test]
fn assertion_is_for_the_issuer_as_one_text() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        for (audience, expect) in [
            (json!("https://id.example"), "pushed"),
            (json!(["https://id.example"]), "invalid_client"),
            (json!(TOKEN), "invalid_client"),
            (json!(PAR), "invalid_client"),
            (json!("https://other.example"), "invalid_client"),
        ] {
            let assertion = assertion(&world, &own_key(), &json!({ "aud": audience }));
            let pushed = push_form(&world, &proven(&assertion, &wanted(&[])), PresentedProof::Absent);
            assert_eq!(told(pushed).0, expect, "{audience}");
        }
    }
}

#[test]
fn clocks_may_differ_by_ten_seconds() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        for (claim, ahead, expect) in [
            ("iat", 10, "pushed"),
            ("nbf", 10, "pushed"),
            ("iat", 61, "invalid_client"),
            ("nbf", 61, "invalid_client"),
        ] {
            let assertion =
                assertion(&world, &own_key(), &json!({ claim: START + ahead, "exp": START + 120 }));
            let pushed = push_form(&world, &proven(&assertion, &wanted(&[])), PresentedProof::Absent);
            assert_eq!(told(pushed).0, expect, "{claim} {ahead}");
        }
    }
}

#[test]
fn refresh_token_is_not_rotated() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let prover = Prover::generate();
        let uri = push(&world, &wanted(&[("scope", "openid offline_access")])).unwrap().request_uri;
        let code = answered(bring(&world, &[("client_id", "app"), ("request_uri", &uri)]), "code");
        let refresh = token(&world, &redemption(&code), &prover).unwrap().refresh_token.unwrap();
        for _ in 0..3 {
            world.wait(60);
            let pairs = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
            let tokens = token(&world, &pairs, &prover).unwrap();
            assert_eq!((tokens.refresh_token, tokens.token_type), (None, "DPoP"));
        }
    }
}

#[test]
fn code_lives_for_a_minute_at_most() {
    for (lifespan, waited, expect) in [(600, 59, true), (600, 60, false), (30, 30, false)] {
        let settings =
            |settings: &mut Settings| settings.authorization_code_lifespan = GoDuration::seconds(lifespan);
        for world in worlds(Fapi2Security, settings, &json!({})) {
            let code = code(&world);
            world.wait(waited);
            let redeemed = token(&world, &redemption(&code), &Prover::generate());
            assert_eq!(redeemed.is_ok(), expect, "{lifespan} {waited}");
        }
    }
}

#[test]
fn reference_lives_for_less_than_ten_minutes() {
    for (lifespan, expect) in [(600, 599), (90, 90)] {
        let settings =
            |settings: &mut Settings| settings.pushed_request_lifespan = GoDuration::seconds(lifespan);
        for world in worlds(Fapi2Security, settings, &json!({})) {
            assert_eq!(push(&world, &wanted(&[])).unwrap().expires_in, expect);
        }
    }
}

#[test]
fn code_is_bound_to_the_key_that_was_pushed() {
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let (own, other) = (Prover::generate(), Prover::generate());
        let proof = proof(&world, &own, PAR);
        let encoded = proven(&assertion(&world, &own_key(), &json!({})), &wanted(&[]));
        let uri = push_form(&world, &encoded, PresentedProof::One(&proof)).unwrap().request_uri;
        let code = answered(bring(&world, &[("client_id", "app"), ("request_uri", &uri)]), "code");
        let refused = token(&world, &redemption(&code), &other).unwrap_err();
        assert_eq!(refused.code().as_str(), "invalid_grant");
        assert!(token(&world, &redemption(&code), &own).is_ok());
    }
}

#[test]
fn discovery_names_what_the_profile_leaves() {
    for profile in SecurityProfile::ALL {
        let world = World::set(|settings| {
            settings.security_profile = Some(profile);
            settings.client_certificates.enabled = true;
            settings.response_types = ResponseTypes::all();
        });
        let document = now(world.server.discovery()).unwrap();
        let methods = json!(["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]);
        assert_eq!(document["token_endpoint_auth_methods_supported"], methods);
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(document["require_pushed_authorization_requests"], true);
        let algorithms = document["token_endpoint_auth_signing_alg_values_supported"].as_array().unwrap();
        assert!(algorithms.iter().all(|one| ALGORITHMS.contains(&one.as_str().unwrap())), "{algorithms:?}");
        assert!(!document["grant_types_supported"].as_array().unwrap().contains(&"implicit".into()));
        let modes = document["response_modes_supported"].as_array().unwrap();
        assert_eq!(modes.contains(&"query".into()), profile == Fapi2Security);
        assert!(modes.contains(&"jwt".into()));
        assert_eq!(document["require_signed_request_object"], profile == Fapi2MessageSigning);
    }
}

/// A signed request with some claims changed; `null` leaves one out.
fn object(world: &World, changes: &Value) -> String {
    object_by(world, &own_key(), changes)
}

fn object_by(world: &World, key: &PrivateJwk, changes: &Value) -> String {
    let at = world.server.now().seconds();
    let mut claims = json!({
        "iss": "app", "aud": "https://id.example", "nbf": at, "exp": at + 60, "jti": format!("o{}", count()),
        "client_id": "app", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid read", "state": "st",
        "nonce": "no", "code_challenge": CHALLENGE, "code_challenge_method": "S256", "response_mode": "jwt",
    });
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    Signer::new(key).unwrap().sign(TokenType::RequestObject, &claims).unwrap()
}

#[test]
fn request_that_was_not_signed_is_refused() {
    for world in worlds(Fapi2MessageSigning, |_| {}, &json!({})) {
        let (code, description) = told(push(&world, &wanted(&[("response_mode", "jwt")])));
        assert_eq!(code, "invalid_request");
        assert!(description.contains("what is pushed is signed"), "{description}");
        assert_eq!(told(push(&world, &[("request", &object(&world, &json!({})))])).0, "pushed");
        // Signed, and not pushed.
        let text = object(&world, &json!({}));
        let next = bring(&world, &[("client_id", "app"), ("request", &text), ("redirect_uri", CALLBACK)]);
        assert_eq!(travels(next.clone(), "error"), None, "it is told in a signed answer");
        assert_eq!(answered(next, "error"), "invalid_request");
    }
}

#[test]
fn signed_request_lives_an_hour_at_most() {
    let hour = |settings: &mut Settings| settings.request_object_lifespan = GoDuration::hours(1);
    for world in worlds(Fapi2MessageSigning, hour, &json!({})) {
        for (changes, expect) in [
            (json!({}), "pushed"),
            (json!({"nbf": START - 3_600, "exp": START}), "pushed"),
            (json!({"nbf": null}), "invalid_request_object"),
            (json!({"exp": null}), "invalid_request_object"),
            (json!({"nbf": START - 3_620}), "invalid_request_object"),
            (json!({"nbf": START - 3_000, "exp": START + 601}), "invalid_request_object"),
            (json!({"nbf": START - 3_000, "exp": START + 600}), "pushed"),
            (json!({"nbf": START + 61, "exp": START + 120}), "invalid_request_object"),
            (json!({"aud": "https://other.example"}), "invalid_request_object"),
        ] {
            let text = object(&world, &changes);
            assert_eq!(told(push(&world, &[("request", &text)])).0, expect, "{changes}");
        }
    }
}

#[test]
fn answer_that_is_not_signed_is_not_given() {
    for world in worlds(Fapi2MessageSigning, |_| {}, &json!({})) {
        for mode in [json!(null), json!("query"), json!("fragment"), json!("form_post")] {
            let text = object(&world, &json!({ "response_mode": mode }));
            let (code, description) = told(push(&world, &[("request", &text)]));
            assert_eq!(code, "invalid_request", "{mode}");
            assert!(description.contains("response_mode"), "{description}");
        }
        for mode in ["jwt", "query.jwt", "form_post.jwt"] {
            let text = object(&world, &json!({ "response_mode": mode }));
            let uri = push(&world, &[("request", &text)]).unwrap().request_uri;
            let next = bring(&world, &[("client_id", "app"), ("request_uri", &uri)]);
            let response = travels(next.clone(), "response").unwrap();
            assert_eq!((response.split('.').count(), travels(next, "code")), (3, None), "{mode}");
        }
    }
}

/// One is within the other.
#[test]
fn stricter_profile_of_tenant_and_client_holds() {
    let document = with(document(&own_key()), &json!({"security_profile": "fapi2-security"}));
    let world = World::of_app(|settings| settings.security_profile = Some(Fapi2MessageSigning), &document);
    assert_eq!(told(push(&world, &wanted(&[("response_mode", "jwt")]))).0, "invalid_request");
}
