//! What is signed and encrypted to whom, what is refused, and what is never told in clear.

use jose::{Algorithm, PrivateJwk, SigningAlgorithm, UnverifiedJwt, generate};
use primitives::rng::SeededRng;
use primitives::{Actor, RequestId};
use recipient::Recipient;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{ClientDocument, InvalidClient};
use crate::introspection::AnswerForm;
use crate::memory::{World, as_bearer, form, now, request};
use crate::parameters::Parameters;
use crate::token::TokenError;

const REQUEST: RequestId = RequestId(Uuid::nil());
const KEYS: &str = "https://app.example/keys";

fn recipient(algorithm: SigningAlgorithm, seed: u64) -> Recipient {
    let key: PrivateJwk = generate(algorithm, &SeededRng::new(seed)).unwrap();
    Recipient::from_jwk(&serde_json::from_str(&key.to_json()).unwrap()).unwrap()
}

fn set(keys: &[Value]) -> Value {
    json!({ "keys": keys })
}

/// The claims of a token that the tenant has signed, and its `typ`.
fn signed(world: &World, token: &str) -> (String, Value) {
    let keys = now(world.server.load_keys()).unwrap();
    let jwt = UnverifiedJwt::parse(token).unwrap();
    let typ = jwt.header().typ.clone().unwrap();
    jwt.verify(keys.verifying()).unwrap();
    let payload = token.split('.').nth(1).unwrap();
    (typ, serde_json::from_slice(&primitives::base64url::decode(payload).unwrap()).unwrap())
}

fn opened(world: &World, key: &Recipient, text: &str) -> (String, Value) {
    let opened = key.open(text).unwrap();
    assert_eq!(opened.header["cty"], "JWT");
    signed(world, opened.text())
}

fn all_encrypted(keys: &Value, alg: &str) -> Value {
    json!({
        "jwks": keys,
        "id_token_encrypted_response_alg": alg,
        "userinfo_signed_response_alg": "EdDSA",
        "userinfo_encrypted_response_alg": alg, "userinfo_encrypted_response_enc": "A256GCM",
        "introspection_encrypted_response_alg": alg,
    })
}

fn userinfo(world: &World, token: &str) -> Value {
    serde_json::to_value(now(world.server.userinfo(as_bearer(token), REQUEST)).result.unwrap()).unwrap()
}

fn introspection(world: &World, token: &str, answer: AnswerForm) -> Result<Value, TokenError> {
    let encoded = form(&[("client_id", "app"), ("client_secret", "s3cret-of-app"), ("token", token)]);
    let parameters = Parameters::parse(encoded.as_bytes());
    let asked = now(world.server.introspect_as_client(request(&parameters), answer));
    asked.result.map(|told| serde_json::to_value(told).unwrap())
}

#[test]
fn each_kind_is_signed_then_encrypted_to_the_client() {
    for (alg, of) in [
        ("ECDH-ES+A256KW", SigningAlgorithm::Es256),
        ("ECDH-ES", SigningAlgorithm::Es384),
        ("RSA-OAEP-256", SigningAlgorithm::Rs256),
    ] {
        let key = recipient(of, 4);
        let world = World::of_app(|_| {}, &all_encrypted(&set(&[key.named("e")]), alg));
        let tokens = world.redeem(&world.code("openid email")).unwrap();
        let id_token = tokens.id_token.unwrap();
        assert_eq!(
            key.open(&id_token).unwrap().header["enc"],
            "A128CBC-HS256",
            "what is there without a word"
        );
        let (typ, claims) = opened(&world, &key, &id_token);
        assert_eq!((typ.as_str(), &claims["aud"]), ("JWT", &json!(["app"])));

        let told = userinfo(&world, &tokens.access_token);
        let told = told.as_str().unwrap();
        assert_eq!(key.open(told).unwrap().header["enc"], "A256GCM");
        let (_, claims) = opened(&world, &key, told);
        let about = (&claims["iss"], &claims["aud"], &claims["email"]);
        assert_eq!(about, (&json!("https://id.example"), &json!("app"), &json!("ada@example.org")));
        assert_eq!((claims.get("exp"), claims.get("nonce")), (None, None), "it is no ID token");

        let told = introspection(&world, &tokens.access_token, AnswerForm::Signed).unwrap();
        let (typ, claims) = opened(&world, &key, told.as_str().unwrap());
        assert_eq!(typ, "token-introspection+jwt");
        assert_eq!((&claims["aud"], &claims["token_introspection"]["active"]), (&json!("app"), &json!(true)));
        // RFC 9701 section 5.
        assert_eq!((claims.get("sub"), claims.get("exp")), (None, None));
    }
}

#[test]
fn signed_introspection_says_of_a_dead_token_no_more_than_that() {
    let world = World::of_app(|_| {}, &json!({}));
    let told = introspection(&world, "unknown", AnswerForm::Signed).unwrap();
    let (typ, claims) = signed(&world, told.as_str().unwrap());
    assert_eq!(typ, "token-introspection+jwt");
    assert_eq!(claims["token_introspection"], json!({"active": false}));
    assert_eq!(introspection(&world, "unknown", AnswerForm::Json), Ok(json!({"active": false})));
}

/// Attack: the token that says what another stands for is used as that other, or as an ID token.
#[test]
fn what_is_told_is_no_token_itself() {
    let world = World::of_app(|_| {}, &json!({"userinfo_signed_response_alg": "EdDSA"}));
    let tokens = world.redeem(&world.code("openid")).unwrap();
    let told = introspection(&world, &tokens.access_token, AnswerForm::Signed).unwrap();
    for text in [told.as_str().unwrap(), userinfo(&world, &tokens.access_token).as_str().unwrap()] {
        assert!(now(world.server.userinfo(as_bearer(text), REQUEST)).result.is_err());
        assert_eq!(now(crate::id_token_hint::verify_hint(&world.server, text)), Ok(None));
    }
}

#[test]
fn registered_algorithm_signs_and_without_its_key_nothing_is_told() {
    let rsa = json!({"id_token_signed_response_alg": "RS256"});
    let world = World::of_app(|_| {}, &rsa);
    assert!(world.redeem(&world.code("openid")).is_err());
    // Without an ID token there is nothing to sign with it.
    assert!(world.redeem(&world.code("email")).is_ok());
    let world = World::of_app(|_| {}, &json!({"id_token_signed_response_alg": "EdDSA"}));
    let token = world.redeem(&world.code("openid")).unwrap().id_token.unwrap();
    let keys = now(world.server.load_keys()).unwrap();
    assert_eq!(UnverifiedJwt::parse(&token).unwrap().header().algorithm, Algorithm::EdDsa);
    assert!(keys.verifying().iter().any(|key| key.algorithm() == Algorithm::EdDsa));
}

fn remote(world: &World, status: u16, set: &Value) {
    world.rows(|rows| rows.web.insert(KEYS.to_owned(), (status, set.to_string())));
}

fn by_address() -> Value {
    json!({"jwks_uri": KEYS, "id_token_encrypted_response_alg": "ECDH-ES"})
}

#[test]
fn rotated_key_is_used_once_the_old_one_is_stale() {
    let (old, new) = (recipient(SigningAlgorithm::Es256, 1), recipient(SigningAlgorithm::Es256, 2));
    let world = World::of_app(|_| {}, &by_address());
    let id_token = |world: &World| world.redeem(&world.code("openid")).unwrap().id_token.unwrap();
    remote(&world, 200, &set(&[old.named("1")]));
    assert!(old.open(&id_token(&world)).is_ok());
    // The client puts the new key first and keeps the old one for a while.
    remote(&world, 200, &set(&[new.named("2"), old.named("1")]));
    world.wait(599);
    assert!(old.open(&id_token(&world)).is_ok());
    world.wait(1);
    assert!(new.open(&id_token(&world)).is_ok());
    assert_eq!(world.rows(|rows| rows.requests.len()), 2, "asked once in ten minutes");
}

/// Attack: the client's address is made not to answer, so that what only it should read comes in clear.
#[test]
fn nothing_is_told_in_clear_where_the_key_is_gone() {
    let key = recipient(SigningAlgorithm::Es256, 1);
    let other = json!({"kty": "oct"});
    for (status, keys) in [
        (500, set(&[key.named("1")])),
        (404, json!({})),
        (200, set(&[])),
        (200, set(&[other])),
        (200, json!("<html>")),
        (302, set(&[key.named("1")])),
    ] {
        let world = World::of_app(|_| {}, &by_address());
        remote(&world, status, &keys);
        let code = world.code("openid");
        assert!(world.redeem(&code).is_err(), "{status} {keys}");
        // The code was not used up by a failure of ours.
        remote(&world, 200, &set(&[key.named("1")]));
        world.wait(10);
        assert!(key.open(&world.redeem(&code).unwrap().id_token.unwrap()).is_ok(), "{status}");
    }
}

#[test]
fn documents_without_a_usable_key_are_refused() {
    let key = recipient(SigningAlgorithm::Es256, 1);
    let rsa = recipient(SigningAlgorithm::Rs256, 1);
    let with = |name: &str, value: Value| {
        let mut public = key.named("k");
        public[name] = value;
        set(&[public])
    };
    let wants = |alg: &str, keys: Value| json!({"id_token_encrypted_response_alg": alg, "jwks": keys});
    let agree = |keys| wants("ECDH-ES", keys);
    for (patch, expect) in [
        (agree(set(&[key.named("k")])), None),
        (agree(json!({})), Some("no key among them")),
        (agree(set(&[])), Some("no key among them")),
        (agree(with("use", "sig".into())), Some("no key among them")),
        (agree(with("y", "AAAA".into())), Some("member y")),
        (agree(with("y", key.public()["x"].clone())), Some("member x")),
        (wants("RSA-OAEP-256", set(&[key.named("k")])), Some("RSA-OAEP-256")),
        (wants("RSA-OAEP-256", set(&[rsa.named("k")])), None),
        (wants("RSA1_5", set(&[rsa.named("k")])), Some("is not supported")),
        (wants("RSA-OAEP", set(&[rsa.named("k")])), Some("is not supported")),
        (wants("dir", set(&[key.named("k")])), Some("is not supported")),
        (wants("PBES2-HS256+A128KW", set(&[key.named("k")])), Some("is not supported")),
        (json!({"id_token_encrypted_response_enc": "A256GCM"}), Some("needs the _alg")),
        (json!({"id_token_encrypted_response_enc": "A192GCM"}), Some("is not supported")),
        (json!({"id_token_signed_response_alg": "none"}), Some("is not supported")),
        (json!({"id_token_signed_response_alg": "HS256"}), Some("is not supported")),
        (json!({"introspection_signed_response_alg": "none"}), Some("is not supported")),
        (json!({"userinfo_signed_response_alg": "none"}), None),
        (json!({"userinfo_signed_response_alg": "ES256"}), None),
        (json!({"userinfo_signed_response_alg": "HS256"}), Some("is not supported")),
        (
            json!({"userinfo_encrypted_response_alg": "ECDH-ES", "jwks": set(&[key.named("k")])}),
            Some("anybody can encrypt"),
        ),
    ] {
        let world = World::new();
        let mut document = json!({"client_id": "c", "redirect_uris": ["https://a.example/cb"]});
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        let document: ClientDocument = serde_json::from_value(document).unwrap();
        let made = now(world.server.create_client(document, Actor::System)).result;
        match (expect, made.map_err(|error| error.to_string())) {
            (None, Ok(_)) => {}
            (Some(part), Err(text)) if text.contains(part) => {}
            (_, found) => panic!("{patch}: {:?}", found.map(|_| "made")),
        }
    }
}

#[test]
fn address_without_a_usable_key_is_refused_and_asked_again_only_for_something_else() {
    let key = recipient(SigningAlgorithm::Es256, 1);
    let world = World::new();
    let document = |patch: &Value| -> ClientDocument {
        let mut document = json!({"client_id": "c", "redirect_uris": ["https://a.example/cb"]});
        document.as_object_mut().unwrap().extend(by_address().as_object().unwrap().clone());
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        serde_json::from_value(document).unwrap()
    };
    let create =
        |world: &World| world.commit(|| now(world.server.create_client(document(&json!({})), Actor::System)));
    let replace = |world: &World, patch: Value| {
        let id = "c".parse().unwrap();
        world.commit(|| now(world.server.replace_client(&id, document(&patch), Actor::System))).is_ok()
    };
    remote(&world, 200, &set(&[]));
    let refused = create(&world).unwrap_err().to_string();
    assert!(refused.contains("jwks_uri"), "{refused}");
    remote(&world, 200, &set(&[key.named("k")]));
    assert!(create(&world).is_ok());
    remote(&world, 500, &json!({}));
    assert!(replace(&world, json!({"client_name": "C"})), "its keys were seen");
    assert!(!replace(&world, json!({"id_token_encrypted_response_alg": "RSA-OAEP-256"})));
    let invalid: InvalidClient =
        crate::client::responses::InvalidResponses::NoKeyManagement { property: "p" }.into();
    assert_eq!(invalid.property(), "p");
}

#[test]
fn discovery_names_what_there_is_and_nothing_weaker() {
    let document = now(World::new().server.discovery()).unwrap();
    for what in ["id_token", "userinfo", "introspection", "authorization"] {
        let alg = &document[format!("{what}_encryption_alg_values_supported")];
        assert_eq!(*alg, json!(["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"]));
        let enc = &document[format!("{what}_encryption_enc_values_supported")];
        assert_eq!(*enc, json!(["A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM"]));
    }
    assert_eq!(document["userinfo_signing_alg_values_supported"], json!(["none", "EdDSA"]));
    assert_eq!(document["introspection_signing_alg_values_supported"], json!(["EdDSA"]));
}
