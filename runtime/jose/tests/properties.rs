//! What holds for every input: hostile bytes never panic, a signature covers every bit, and JSON is read
//! as a plain parser reads it or not at all. This is the room's fuzzing: many cases, run by every CI.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::LazyLock;

use portcullis_jose::json::parse_object;
use portcullis_jose::jws::MAX_BYTES;
use portcullis_jose::{
    ImportedKey, JwkError, JwkSet, JwsError, PrivateJwk, PublicJwk, Signer, SigningAlgorithm, SymmetricJwk,
    TokenType, UnverifiedJws, UnverifiedJwt, VerifyingKey, VerifyingKeys, generate,
};
use primitives::base64url;
use primitives::rng::SeededRng;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const CASES: u32 = 1_024;

/// Seeded, so that a run repeats; a failing case is printed, not kept in a file.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

/// A key pair of each algorithm: RSA keys are slow to make.
static KEYS: LazyLock<Vec<(Signer, VerifyingKeys, PrivateJwk)>> = LazyLock::new(|| {
    let rng = SeededRng::new(1);
    SigningAlgorithm::ALL
        .into_iter()
        .map(|algorithm| {
            let key = generate(algorithm, &rng).unwrap();
            let verifying = VerifyingKey::new(key.public(), None).unwrap();
            (Signer::new(&key).unwrap(), VerifyingKeys::new(vec![verifying]).unwrap(), key)
        })
        .collect()
});

fn verify(token: &[u8], keys: &VerifyingKeys) -> Result<Vec<u8>, JwsError> {
    let text = std::str::from_utf8(token).map_err(|_| JwsError::Malformed)?;
    Ok(UnverifiedJws::parse(text)?.verify_with(keys)?.payload().to_vec())
}

/// Hands the bytes to everything that reads what others send.
fn read_everything(bytes: &[u8]) {
    let _ = parse_object(bytes);
    let _ = (PublicJwk::parse(bytes), PrivateJwk::parse(bytes), SymmetricJwk::parse(bytes));
    let _ = (JwkSet::parse(bytes), ImportedKey::parse(bytes));
    let text = String::from_utf8_lossy(bytes);
    for (_, keys, _) in KEYS.iter() {
        let _ = UnverifiedJws::parse(&text).and_then(|jws| jws.verify_with(keys));
        let _ = UnverifiedJwt::parse(&text).and_then(|jwt| jwt.verify(keys));
    }
}

/// Documents and tokens that are right, to be damaged.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut seeds = Vec::new();
    for (signer, _, key) in KEYS.iter() {
        let claims = json!({ "iss": "a", "aud": ["b", "c"], "exp": 1, "nested": { "x": [1, 2.5, null] } });
        seeds.push(signer.sign(TokenType::AccessToken, &claims).unwrap().into_bytes());
        seeds.push(key.to_json().as_bytes().to_vec());
        seeds.push(serde_json::to_vec(&json!({ "keys": [key.public()] })).unwrap());
    }
    seeds.push(br#"{"kty":"oct","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#.to_vec());
    seeds
});

/// Any characters, also those that JSON escapes.
fn any_name() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..6).prop_map(|characters| characters.into_iter().collect())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_name().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any_name(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    btree_map(any_name(), any_json(), 0..4).prop_map(|members| members.into_iter().collect())
}

/// Pieces that headers, keys and claims are made of, in any order.
fn token_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just(r#""alg":"ES256""#),
        Just(r#""alg":"none""#),
        Just(r#""alg":"RS256""#),
        Just(r#""kid":"x""#),
        Just(r#""kty":"RSA""#),
        Just(r#""n":"AQAB""#),
        Just(r#""crit":[]"#),
        Just(r#""exp":1e999"#),
        Just("{"),
        Just("}"),
        Just("["),
        Just(","),
        Just("\\u0000"),
    ];
    let part = vec(word, 0..8).prop_map(|words| words.concat());
    vec((part, any::<bool>()), 0..5).prop_map(|parts| {
        let parts: Vec<String> = parts
            .into_iter()
            .map(|(part, encoded)| if encoded { base64url::encode(part) } else { part })
            .collect();
        parts.join(".")
    })
}

proptest! {
    #![proptest_config(config(CASES))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        read_everything(&bytes);
    }

    #[test]
    fn what_looks_like_a_token_never_panics(text in token_like()) {
        read_everything(text.as_bytes());
        read_everything(format!("{{{text}}}").as_bytes());
    }

    #[test]
    fn objects_are_read_as_a_plain_parser_reads_them(object in any_object()) {
        let text = serde_json::to_vec(&object).unwrap();
        let plain: Map<String, Value> = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(parse_object(&text).unwrap(), plain);
    }

    #[test]
    fn damaged_json_is_read_as_a_plain_parser_reads_it_or_refused(
        object in any_object(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut text = serde_json::to_vec(&object).unwrap();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(read) = parse_object(&text) {
            prop_assert_eq!(read, serde_json::from_slice::<Map<String, Value>>(&text).unwrap());
        }
    }

    #[test]
    fn member_written_twice_is_refused_at_any_depth(
        object in any_object(),
        name in any_name(),
        depth in 0_usize..20,
    ) {
        let mut members = object;
        members.shift_remove(&name);
        members.insert(name.clone(), Value::Null);
        let text = serde_json::to_string(&members).unwrap();
        let twice = format!("{{{}:1,{}", json!(name), &text[1..]);
        let wrap = |inner: &str| format!("{}{inner}{}", r#"{"a":["#.repeat(depth), "]}".repeat(depth));
        prop_assert!(parse_object(wrap(&text).as_bytes()).is_ok());
        prop_assert!(parse_object(wrap(&twice).as_bytes()).is_err());
    }
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn damaged_documents_never_panic(
        which in any::<prop::sample::Index>(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = SEEDS[which.index(SEEDS.len())].clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_everything(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        read_everything(&bytes);
    }

    #[test]
    fn what_is_signed_verifies_with_its_key_and_no_other(payload in vec(any::<u8>(), 0..600)) {
        for (index, (signer, _, _)) in KEYS.iter().enumerate() {
            let token = signer.sign_payload(TokenType::Jwt, &payload).unwrap();
            for (other, (_, keys, _)) in KEYS.iter().enumerate() {
                let read = verify(token.as_bytes(), keys);
                prop_assert_eq!(read.ok(), (other == index).then(|| payload.clone()));
            }
        }
    }

    #[test]
    fn other_bytes_in_place_of_some_never_verify(
        payload in vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        put in vec(any::<u8>(), 0..4),
    ) {
        for (signer, keys, _) in KEYS.iter() {
            let token = signer.sign_payload(TokenType::Jwt, &payload).unwrap().into_bytes();
            let at = at.index(token.len());
            let mut changed = token[..at].to_vec();
            changed.extend(&put);
            changed.extend(&token[(at + put.len()).min(token.len())..]);
            if changed != token {
                prop_assert!(verify(&changed, keys).is_err());
            }
        }
    }
}

/// Every bit of a token, one after the other: header, payload, signature, dots, and the bits of a last
/// character that no byte needs.
#[test]
fn any_flipped_bit_makes_a_token_wrong() {
    for (signer, keys, _) in KEYS.iter() {
        let token = signer.sign_payload(TokenType::Jwt, b"x").unwrap().into_bytes();
        assert!(verify(&token, keys).is_ok());
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut flipped = token.clone();
                flipped[at] ^= 1 << bit;
                assert!(verify(&flipped, keys).is_err(), "{}: bit {bit} of byte {at}", signer.algorithm());
            }
        }
    }
}

#[test]
fn deep_nesting_and_huge_documents_are_refused() {
    for (open, close) in [(r#"{"a":"#, "}"), (r#"{"a":["#, "]}")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert!(parse_object(nested(50).as_bytes()).is_ok());
        for depth in [200, 10_000, 500_000] {
            assert!(parse_object(nested(depth).as_bytes()).is_err(), "{depth}");
            assert!(parse_object(open.repeat(depth).as_bytes()).is_err(), "{depth}");
        }
        // The same where a token brings it: its header and its claims, as deep as its size allows.
        let encoded = base64url::encode(nested(700));
        for token in
            [format!("{encoded}.e30.AA"), format!("{}.{encoded}.AA", base64url::encode(r#"{"alg":"ES256"}"#))]
        {
            assert_eq!(UnverifiedJwt::parse(&token).err(), Some(JwsError::Malformed));
        }
    }
    let huge = "x".repeat(10 << 20);
    assert_eq!(UnverifiedJws::parse(&huge).err(), Some(JwsError::TooLarge));
    assert_eq!(UnverifiedJws::parse(&"x".repeat(MAX_BYTES + 1)).err(), Some(JwsError::TooLarge));
    assert_eq!(PublicJwk::parse(huge.as_bytes()).err(), Some(JwkError::TooLarge));
    assert_eq!(PrivateJwk::parse(huge.as_bytes()).err(), Some(JwkError::TooLarge));
    assert_eq!(SymmetricJwk::parse(huge.as_bytes()).err(), Some(JwkError::TooLarge));
    assert_eq!(JwkSet::parse(huge.as_bytes()).err(), Some(JwkError::TooLarge));
    let many = json!({ "keys": vec![json!({ "kty": "x" }); 101] }).to_string();
    assert_eq!(JwkSet::parse(many.as_bytes()).err(), Some(JwkError::TooLarge));
}
