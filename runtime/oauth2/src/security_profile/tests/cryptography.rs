//! Keys, algorithms and random texts (FAPI 2.0 Security Profile section 5.4.1). Each algorithm that a profile refuses is one that
//! is taken without it.

use std::sync::OnceLock;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};

use super::*;

/// What a client may sign with, and whether the profiles leave it.
const ALL: [(SigningAlgorithm, bool); 5] = [
    (SigningAlgorithm::Es256, true),
    (SigningAlgorithm::EdDsa, true),
    (SigningAlgorithm::Ps256, true),
    (SigningAlgorithm::Es384, false),
    // What a client has that nobody has looked after.
    (SigningAlgorithm::Rs256, false),
];

fn pair(algorithm: SigningAlgorithm) -> PrivateJwk {
    match algorithm {
        SigningAlgorithm::Ps256 | SigningAlgorithm::Rs256 => rsa(algorithm),
        other => key(other),
    }
}

/// One key for all of its algorithms: to make an RSA key takes a while.
fn rsa(algorithm: SigningAlgorithm) -> PrivateJwk {
    static PAIR: OnceLock<String> = OnceLock::new();
    let text = PAIR.get_or_init(|| key(SigningAlgorithm::Rs256).to_json().as_str().to_owned());
    let mut document: Value = serde_json::from_str(text).unwrap();
    document["alg"] = algorithm.to_string().into();
    PrivateJwk::parse(document.to_string().as_bytes()).unwrap()
}

fn base64url(text: &str) -> String {
    primitives::base64url::encode(text)
}

fn jwks(keys: &[&PrivateJwk]) -> Value {
    let keys: Vec<_> = keys.iter().map(|key| serde_json::to_value(key.public()).unwrap()).collect();
    json!({"jwks": {"keys": keys}})
}

/// Such a client where nothing has a profile.
fn without_profile(patch: &Value) -> World {
    World::of_app(|_| {}, &with(document(&own_key()), patch))
}

#[test]
fn signature_of_another_algorithm_is_refused() {
    for (algorithm, is_left) in ALL {
        // The key says what it signs with, and the client says nothing.
        let key = pair(algorithm);
        let pushed = |world: &World| {
            let assertion = assertion(world, &key, &json!({}));
            told(push_form(world, &proven(&assertion, &wanted(&[])), PresentedProof::Absent)).0
        };
        assert_eq!(pushed(&without_profile(&jwks(&[&key]))), "pushed", "{algorithm}");
        for world in worlds(Fapi2Security, |_| {}, &jwks(&[&key])) {
            assert_eq!(pushed(&world), if is_left { "pushed" } else { "invalid_client" }, "{algorithm}");
        }
    }
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let none = format!(
            "{}.{}.",
            base64url("{\"alg\":\"none\"}"),
            base64url("{\"iss\":\"app\",\"sub\":\"app\"}")
        );
        let pushed = push_form(&world, &proven(&none, &wanted(&[])), PresentedProof::Absent);
        assert_eq!(told(pushed).0, "invalid_client");
    }
}

#[test]
fn request_object_of_another_algorithm_is_refused() {
    for (algorithm, is_left) in ALL {
        let (own, other) = (own_key(), pair(algorithm));
        let both = if algorithm == SigningAlgorithm::EdDsa { jwks(&[&own]) } else { jwks(&[&own, &other]) };
        let pushed = |world: &World| {
            let text = object_by(world, &other, &json!({}));
            told(push(world, &[("request", &text)])).0
        };
        assert_eq!(pushed(&without_profile(&both)), "pushed", "{algorithm}");
        for world in worlds(Fapi2MessageSigning, |_| {}, &both) {
            let expect = if is_left { "pushed" } else { "invalid_request_object" };
            assert_eq!(pushed(&world), expect, "{algorithm}");
        }
    }
}

/// A proof by a key of P-384 for an endpoint.
fn es384_proof(world: &World, endpoint: &str) -> String {
    let members: Value = serde_json::from_str(&key(SigningAlgorithm::Es384).to_json()).unwrap();
    let member = |name: &str| primitives::base64url::decode(members[name].as_str().unwrap()).unwrap();
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(
        &ECDSA_P384_SHA384_FIXED_SIGNING,
        &member("d"),
        &[vec![4], member("x"), member("y")].concat(),
        &random,
    );
    let public = json!({"kty": members["kty"], "crv": members["crv"], "x": members["x"], "y": members["y"]});
    let header = json!({"typ": "dpop+jwt", "alg": "ES384", "jwk": public});
    let at = world.server.now().seconds();
    let claims = json!({"jti": format!("p{}", count()), "htm": "POST", "htu": endpoint, "iat": at});
    let input = format!("{}.{}", base64url(&header.to_string()), base64url(&claims.to_string()));
    let signature = pair.unwrap().sign(&random, input.as_bytes()).unwrap();
    format!("{input}.{}", primitives::base64url::encode(signature))
}

#[test]
fn proof_of_another_algorithm_is_refused() {
    let pushed = |world: &World| {
        let encoded = proven(&assertion(world, &own_key(), &json!({})), &wanted(&[]));
        told(push_form(world, &encoded, PresentedProof::One(&es384_proof(world, PAR)))).0
    };
    let redeemed = |world: &World, code: &str| {
        let encoded = proven(&assertion(world, &own_key(), &json!({})), &redemption(code));
        let parameters = Parameters::parse(encoded.as_bytes());
        let proof = es384_proof(world, TOKEN);
        let request = ClientRequest { proof: PresentedProof::One(&proof), ..request(&parameters) };
        let answer = world.commit(|| now(world.server.token(request)));
        answer.map_or_else(|error| error.code().as_str(), |tokens| tokens.token_type)
    };
    let free = without_profile(&json!({}));
    assert_eq!((pushed(&free).as_str(), redeemed(&free, &code(&free))), ("pushed", "DPoP"));
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        assert_eq!(pushed(&world), "invalid_dpop_proof");
        let code = code(&world);
        assert_eq!(redeemed(&world, &code), "invalid_dpop_proof");
        assert!(token(&world, &redemption(&code), &Prover::generate()).is_ok(), "it was not the code");
    }
}

/// Whether such a client is taken.
fn is_taken(keys: &Value) -> bool {
    let profile = json!({"redirect_uris": [CALLBACK], "security_profile": "fapi2-security", "jwks": null});
    let document = with(with(document(&own_key()), &profile), keys);
    let document = serde_json::from_value(document).unwrap();
    now(World::new().server.create_client(document, Actor::System)).result.is_ok()
}

#[test]
fn rsa_key_of_less_than_2048_bits_is_refused() {
    let mut modulus = [0xff_u8; 256];
    modulus[0] = 0x7f;
    let n = primitives::base64url::encode(modulus);
    let weak = json!({"kty": "RSA", "alg": "PS256", "n": n, "e": "AQAB"});
    assert!(!is_taken(&json!({"jwks": {"keys": [weak]}})));
    assert!(is_taken(&jwks(&[&rsa(SigningAlgorithm::Ps256)])));
}

#[test]
fn key_of_a_curve_of_less_than_224_bits_is_refused() {
    let coordinate = |bytes: usize| primitives::base64url::encode(vec![1; bytes]);
    let small = json!({"kty": "EC", "crv": "P-192", "x": coordinate(24), "y": coordinate(24)});
    assert!(!is_taken(&json!({"jwks": {"keys": [small]}})));
    assert!(is_taken(&jwks(&[&key(SigningAlgorithm::Es256)])));
}

#[test]
fn keys_are_at_no_address_without_tls() {
    for uri in ["http://app.example/keys", "http://127.0.0.1/keys"] {
        assert!(!is_taken(&json!({ "jwks_uri": uri })), "{uri}");
    }
    assert!(is_taken(&json!({"jwks_uri": "https://app.example/keys"})));
}

/// Whichever of them stands first.
#[test]
fn keys_of_one_kid_are_told_apart() {
    let renamed = |algorithm| {
        let mut members: Value = serde_json::from_str(&pair(algorithm).to_json()).unwrap();
        members["kid"] = "signing".into();
        PrivateJwk::parse(members.to_string().as_bytes()).unwrap()
    };
    let keys = [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256, SigningAlgorithm::Ps256].map(renamed);
    for world in worlds(Fapi2Security, |_| {}, &jwks(&[&keys[0], &keys[1], &keys[2]])) {
        for key in &keys {
            let assertion = assertion(&world, key, &json!({}));
            let pushed = push_form(&world, &proven(&assertion, &wanted(&[])), PresentedProof::Absent);
            assert_eq!(told(pushed).0, "pushed");
        }
    }
    // Of two that are for the same, nobody says which one is meant.
    let other = generate(SigningAlgorithm::Es256, &SeededRng::new(6)).unwrap();
    let other = other.public().clone().with_kid("signing");
    let both = json!({"jwks": {"keys": [keys[1].public(), other]}});
    assert!(!is_taken(&both));
}

/// What nobody types has 128 bits by chance: 22 characters of base64url.
#[test]
fn codes_and_tokens_have_128_bits_of_entropy() {
    for world in worlds(Fapi2Security, |_| {}, &json!({"access_token_strategy": "opaque"})) {
        let prover = Prover::generate();
        let issued = || {
            let uri = push(&world, &wanted(&[("scope", "openid offline_access")])).unwrap().request_uri;
            let code = answered(bring(&world, &[("client_id", "app"), ("request_uri", &uri)]), "code");
            let tokens = token(&world, &redemption(&code), &prover).unwrap();
            [code, tokens.access_token, tokens.refresh_token.unwrap()]
        };
        for (one, other) in issued().into_iter().zip(issued()) {
            let same = one.bytes().zip(other.bytes()).take_while(|(left, right)| left == right).count();
            // Behind it is the checksum, of which nothing is by chance.
            assert!(one.len() - same >= 22 + primitives::checksum::LENGTH, "{one} {other}");
        }
    }
}

#[test]
fn nonce_of_64_characters_is_taken() {
    const NONCE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for world in worlds(Fapi2Security, |_| {}, &json!({})) {
        let uri = push(&world, &wanted(&[("nonce", NONCE)])).unwrap().request_uri;
        let code = answered(bring(&world, &[("client_id", "app"), ("request_uri", &uri)]), "code");
        let tokens = token(&world, &redemption(&code), &Prover::generate()).unwrap();
        assert_eq!(said(&tokens.id_token.unwrap())["nonce"], NONCE);
    }
}
