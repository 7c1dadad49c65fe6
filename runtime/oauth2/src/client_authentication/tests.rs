//! Every method of client authentication, and the attacks on it.

pub(super) mod knock;

use jose::{PrivateJwk, Signer, SigningAlgorithm, TokenType, generate};
use primitives::rng::SeededRng;
use serde_json::{Value, json};

use super::private_key_jwt::ASSERTION_TYPE;
use super::*;
use crate::introspection::AnswerForm;
use crate::memory::{World, form, now, request};
use crate::registration::SelfRegistered;
use crate::settings::Settings;
use crate::token::{ClientRequest, ErrorCode, TokenError};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// Why the token endpoint does not know the caller.
fn cause(outcome: Result<impl std::fmt::Debug, TokenError>) -> Option<FailedCause> {
    match outcome {
        Ok(_) => None,
        Err(TokenError::InvalidClient { cause, .. }) => Some(cause),
        Err(other) => panic!("{other}"),
    }
}

fn ask(world: &World, authorization: Option<&str>, pairs: &[(&str, &str)]) -> Result<(), TokenError> {
    let encoded = form(&[&[GRANT], pairs].concat());
    let parameters = Parameters::parse(encoded.as_bytes());
    let request = ClientRequest { authorization, ..request(&parameters) };
    world.commit(|| now(world.server.token(request))).map(drop)
}

fn basic(id: &str, secret: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}")))
}

#[test]
fn only_the_registered_method_is_taken() {
    let right = "s3cret-of-app";
    let header = basic("app", right);
    let wrong = basic("app", "wrong");
    let post = [("client_id", "app"), ("client_secret", right)];
    let check = |method: &str,
                 authorization: Option<&str>,
                 pairs: &[(&str, &str)],
                 expect: Option<FailedCause>| {
        let world = World::new();
        world.add_client(&json!({"token_endpoint_auth_method": method}));
        assert_eq!(cause(ask(&world, authorization, pairs)), expect, "{method} {authorization:?} {pairs:?}");
    };
    check("client_secret_basic", Some(&header), &[], None);
    check("client_secret_basic", Some(&header), &[("client_id", "app")], None);
    check("client_secret_basic", Some(&wrong), &[], Some(FailedCause::Secret));
    check("client_secret_basic", Some("Bearer x"), &[], Some(FailedCause::NoCredentials));
    check("client_secret_basic", Some(&basic("nobody", right)), &[], Some(FailedCause::UnknownClient));
    check("client_secret_basic", None, &post, Some(FailedCause::Method));
    check("client_secret_basic", None, &[("client_id", "app")], Some(FailedCause::Method));
    check("client_secret_basic", None, &[], Some(FailedCause::NoCredentials));
    check("client_secret_post", None, &post, None);
    check("client_secret_post", Some(&header), &[], Some(FailedCause::Method));
    // Who has nothing to prove brings nothing.
    let world = World::new();
    world.add_client(&json!({"token_endpoint_auth_method": "none", "grant_types": ["authorization_code"]}));
    let signed = assertion(&key(), &json!({}));
    let refused = |authorization: Option<&str>, pairs: &[(&str, &str)]| {
        let cause = cause(ask(&world, authorization, pairs));
        assert_eq!(cause, Some(FailedCause::Method), "{authorization:?} {pairs:?}");
    };
    refused(None, &post);
    refused(Some(&header), &[]);
    refused(None, &with_assertion(&signed));
    let known = ask(&world, None, &[("client_id", "app")]);
    assert_eq!(known, Err(TokenError::UnauthorizedClient), "it is known, and has another grant");
}

#[test]
fn disabled_client_is_nobody() {
    let world = World::new();
    world.add_client(&json!({}));
    world.rows(|rows| rows.clients.values_mut().for_each(|client| client.enabled = false));
    let outcome = ask(&world, Some(&basic("app", "s3cret-of-app")), &[]);
    assert_eq!(cause(outcome), Some(FailedCause::Disabled));
}

#[test]
fn several_methods_at_once_are_malformed() {
    let world = World::new();
    world.add_client(&json!({}));
    let header = basic("app", "s3cret-of-app");
    for pairs in [
        [("client_id", "app"), ("client_secret", "s3cret-of-app")],
        [("client_id", "other"), ("x", "y")],
        [("client_assertion", "x"), ("x", "y")],
    ] {
        let error = ask(&world, Some(&header), &pairs).unwrap_err();
        assert!(matches!(error, TokenError::InvalidRequest(_)), "{pairs:?}: {error}");
    }
}

fn key() -> PrivateJwk {
    generate(SigningAlgorithm::EdDsa, &SeededRng::new(5)).unwrap()
}

fn assertion(key: &PrivateJwk, changes: &Value) -> String {
    let mut claims = json!({"iss": "app", "sub": "app", "aud": "https://id.example/oauth2/token",
        "jti": "j1", "iat": 1_800_000_000, "exp": 1_800_000_060});
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), value.clone())
        };
    }
    Signer::new(key).unwrap().sign(TokenType::Jwt, &claims).unwrap()
}

fn world_with_key() -> World {
    let world = World::new();
    let set = json!({"keys": [serde_json::to_value(key().public()).unwrap()]});
    world.add_client(&json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": set}));
    world
}

fn with_assertion(assertion: &str) -> [(&'static str, &str); 2] {
    [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]
}

#[test]
fn assertion_speaks_about_its_client_to_us_alone_and_soon() {
    let check = |changes: Value, expect: Option<FailedCause>| {
        let outcome = ask(&world_with_key(), None, &with_assertion(&assertion(&key(), &changes)));
        assert_eq!(cause(outcome), expect, "{changes}");
    };
    let claims = Some(FailedCause::AssertionClaims);
    check(json!({}), None);
    check(json!({"aud": "https://id.example"}), None);
    check(json!({"aud": ["https://id.example"]}), None);
    check(json!({"aud": "https://id.example/oauth2/revoke"}), None);
    check(json!({"aud": "https://id.example/oauth2/introspect"}), None);
    check(json!({"aud": "https://id.example/userinfo"}), claims);
    check(json!({"aud": "https://mtls.example/oauth2/introspect"}), claims);
    check(json!({"aud": "https://other.example"}), claims);
    check(json!({"aud": ["https://id.example", "https://other.example"]}), claims);
    check(json!({"aud": null}), claims);
    check(json!({"iss": "other"}), claims);
    check(json!({"sub": "other"}), Some(FailedCause::UnknownClient));
    check(json!({"jti": null}), claims);
    check(json!({"jti": ""}), claims);
    check(json!({"exp": null}), claims);
    check(json!({"exp": 1_799_999_000}), claims);
    check(json!({"exp": 1_800_010_000}), claims);
    check(json!({"nbf": 1_800_000_030}), claims);
}

#[test]
fn assertion_may_name_the_address_at_which_clients_come_with_certificates() {
    let jwk = serde_json::to_value(key().public()).unwrap();
    let document = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]}});
    let certificates = |settings: &mut Settings| {
        settings.client_certificates.enabled = true;
        settings.client_certificates.base_url = Some("https://mtls.example/".to_owned());
    };
    for (aud, expect) in [
        ("https://mtls.example/oauth2/token", None),
        ("https://mtls.example/oauth2/introspect", None),
        ("https://id.example/oauth2/token", None),
        ("https://mtls.example", Some(FailedCause::AssertionClaims)),
        ("https://mtls.example/userinfo", Some(FailedCause::AssertionClaims)),
    ] {
        let world = World::of_app(certificates, &document);
        let outcome = ask(&world, None, &with_assertion(&assertion(&key(), &json!({"aud": aud}))));
        assert_eq!(cause(outcome), expect, "{aud}");
    }
}

#[test]
fn assertion_is_signed_by_the_clients_own_key() {
    let world = world_with_key();
    let other = generate(SigningAlgorithm::EdDsa, &SeededRng::new(6)).unwrap();
    for (text, expect) in [
        (assertion(&other, &json!({})), FailedCause::AssertionSignature),
        ("x.y.z".to_owned(), FailedCause::AssertionMalformed),
        (format!("{}A", assertion(&key(), &json!({}))), FailedCause::AssertionSignature),
    ] {
        assert_eq!(cause(ask(&world, None, &with_assertion(&text))), Some(expect), "{text}");
    }
    // A client registered for a secret is not let in by somebody's key.
    world.add_client(&json!({"client_id": "other"}));
    let text = assertion(&key(), &json!({"iss": "other", "sub": "other"}));
    assert_eq!(cause(ask(&world, None, &with_assertion(&text))), Some(FailedCause::Method));
}

#[test]
fn assertion_is_used_once_at_any_endpoint_also_in_a_race() {
    let world = world_with_key();
    let text = assertion(&key(), &json!({}));
    assert_eq!(ask(&world, None, &with_assertion(&text)), Ok(()));
    assert_eq!(cause(ask(&world, None, &with_assertion(&text))), Some(FailedCause::AssertionReplayed));
    let encoded = form(&[&with_assertion(&text)[..], &[("token", "x")]].concat());
    let parameters = Parameters::parse(encoded.as_bytes());
    let asked =
        world.commit(|| now(world.server.introspect_as_client(request(&parameters), AnswerForm::Json)));
    assert_eq!(cause(asked), Some(FailedCause::AssertionReplayed));
    let revoked = world.commit(|| now(world.server.revoke(request(&parameters))));
    assert_eq!(cause(revoked), Some(FailedCause::AssertionReplayed));

    let text = assertion(&key(), &json!({"jti": "j2"}));
    let encoded = form(&[&with_assertion(&text)[..], &[("token", "x")]].concat());
    let parameters = Parameters::parse(encoded.as_bytes());
    let both =
        [(); 2].map(|()| now(world.server.introspect_as_client(request(&parameters), AnswerForm::Json)));
    assert_eq!(both.map(|decision| world.memory.apply(decision.change).is_ok()), [true, false]);
}

/// Attack: who has read the assertion of a refused request (from a log, or as the server of an attacker who had it sent) brings it
/// with a request that is taken.
#[test]
fn assertion_of_a_refused_request_is_used_up() {
    let world = world_with_key();
    let refuse = |name: &str, jti: &str| {
        let text = assertion(&key(), &json!({ "jti": jti }));
        let pairs = with_assertion(&text);
        let encoded = form(&[&pairs[..], &[("scope", "nothing"), ("client_id", "app")]].concat());
        let parameters = Parameters::parse(encoded.as_bytes());
        let asked = || request(&parameters);
        let server = &world.server;
        let is_refused = match name {
            "token" => ask(&world, None, &[&pairs[..], &[("scope", "nothing")]].concat()).is_err(),
            "introspection" => {
                world.commit(|| now(server.introspect_as_client(asked(), AnswerForm::Json))).is_err()
            }
            "revocation" => world.commit(|| now(server.revoke(asked()))).is_err(),
            "device" => world.commit(|| now(server.device_authorization(asked()))).is_err(),
            _ => world.commit(|| now(server.push_authorization_request(asked()))).is_err(),
        };
        assert!(is_refused, "{name}");
        assert_eq!(cause(ask(&world, None, &pairs)), Some(FailedCause::AssertionReplayed), "{name}");
    };
    for name in ["token", "introspection", "revocation", "device", "pushed"] {
        refuse(name, name);
    }
    // Who did not sign it has used up nothing.
    let other = generate(SigningAlgorithm::EdDsa, &SeededRng::new(6)).unwrap();
    let forged = ask(&world, None, &with_assertion(&assertion(&other, &json!({"jti": "own"}))));
    assert_eq!(cause(forged), Some(FailedCause::AssertionSignature));
    assert_eq!(ask(&world, None, &with_assertion(&assertion(&key(), &json!({"jti": "own"})))), Ok(()));
}

/// Attack: a stranger registers a client of assertions once, and has each of its refused requests be a row.
#[test]
fn refused_requests_of_a_client_that_strangers_made_use_up_so_many_assertions() {
    let world = world_with_key();
    let is_strangers = |registration| {
        world.rows(|rows| rows.clients.values_mut().for_each(|client| client.registration = registration));
    };
    let refuse = |name: &str| {
        let text = assertion(&key(), &json!({ "jti": name }));
        ask(&world, None, &[&with_assertion(&text)[..], &[("scope", "nothing")]].concat()).unwrap_err().code()
    };
    let used = || world.rows(|rows| rows.assertions.len());
    is_strangers(Some(SelfRegistered { unused_until: None }));
    let codes: Vec<_> = (0..1_000).map(|n| refuse(&format!("refused-{n}"))).collect();
    assert_eq!(codes.iter().filter(|code| **code == ErrorCode::InvalidScope).count(), 300);
    assert_eq!(codes.iter().filter(|code| **code == ErrorCode::TemporarilyUnavailable).count(), 700);
    assert_eq!(used(), 300);
    // Whom an operator has made is not held to that, and what has not been looked at is not used up.
    is_strangers(None);
    assert_eq!(refuse("refused-999"), ErrorCode::InvalidScope);
    is_strangers(Some(SelfRegistered { unused_until: None }));
    world.wait(60);
    let text = assertion(&key(), &json!({"jti": "later", "exp": 1_800_000_100}));
    assert_eq!(ask(&world, None, &with_assertion(&text)), Ok(()));
}

/// Those that wait as they are told to ask again and again, of one client at once.
#[test]
fn devices_that_wait_for_an_answer_keep_no_client_waiting() {
    let world = world_with_key();
    let registered = SelfRegistered { unused_until: None };
    world.rows(|rows| rows.clients.values_mut().for_each(|client| client.registration = Some(registered)));
    let begin = |n: usize| {
        let text = assertion(&key(), &json!({"jti": format!("begun-{n}")}));
        let encoded = form(&with_assertion(&text));
        let parameters = Parameters::parse(encoded.as_bytes());
        let begun = world.commit(|| now(world.server.device_authorization(request(&parameters))));
        begun.unwrap().device_code
    };
    let poll = |n: usize| {
        let (device, text) = (begin(n), assertion(&key(), &json!({"jti": format!("asked-{n}")})));
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
        let encoded =
            form(&[&with_assertion(&text)[..], &[grant, ("device_code", device.as_str())]].concat());
        world.commit(|| world.decide_token(&encoded)).unwrap_err().code()
    };
    let answers: Vec<_> = (0..400).map(poll).collect();
    assert!(answers.iter().all(|answer| *answer == ErrorCode::AuthorizationPending), "{answers:?}");
}

/// The extension point: a method that is one file and one line of the table is advertised, registered and asked for, and takes
/// no other method's place.
#[test]
fn method_of_the_table_is_all_there_is_to_it() {
    let world = World::new();
    let knocking = json!({"token_endpoint_auth_method": "knock"});
    world.add_client(&knocking);
    let knock = |text| ask(&world, None, &[("client_id", "app"), ("knock", text)]);
    assert_eq!(knock("twice"), Ok(()));
    assert_eq!(cause(knock("once")), Some(FailedCause::Secret));
    assert_eq!(cause(ask(&world, None, &[("client_id", "app")])), Some(FailedCause::Method));
    assert_eq!(cause(ask(&world, Some(&basic("app", "s3cret-of-app")), &[])), Some(FailedCause::Method));
    let both = ask(&world, Some(&basic("app", "s3cret-of-app")), &[("knock", "twice")]);
    assert!(matches!(both, Err(TokenError::InvalidRequest(_))), "{both:?}");
    let told = now(world.server.discovery()).unwrap();
    assert!(told["token_endpoint_auth_methods_supported"].as_array().unwrap().contains(&json!("knock")));
    assert!(
        told["introspection_endpoint_auth_methods_supported"].as_array().unwrap().contains(&json!("knock"))
    );
    let document: crate::client::ClientDocument =
        serde_json::from_value(json!({"token_endpoint_auth_method": "tap"})).unwrap();
    let unknown = crate::client::InvalidClient::Unsupported {
        property: "token_endpoint_auth_method",
        value: document.token_endpoint_auth_method.clone(),
        supported: AuthenticationMethod::known(),
    };
    assert!(unknown.to_string().ends_with("none or knock"), "{unknown}");
    assert_eq!(
        serde_json::from_value::<AuthenticationMethod>(json!("knock")).unwrap().proof(),
        Proof::Secret
    );
    assert!(serde_json::from_value::<AuthenticationMethod>(json!("tap")).is_err());
    // One client has one method: another's proof is nothing to it.
    world.add_client(&json!({"client_id": "other"}));
    let others = ask(&world, None, &[("client_id", "other"), ("knock", "twice")]);
    assert_eq!(cause(others), Some(FailedCause::Method));
}
