//! What we encrypt, read by a recipient that was written a second time; and the vectors of the specifications and of project
//! Wycheproof, whose messages are made again from the keys that were found in them.

use ::recipient::{Opened, Recipient, Unreadable};
use futures_util::FutureExt as _;
use primitives::base64url;
use primitives::rng::SeededRng;
use serde_json::{Value, json};

use super::*;
use crate::jwe::agreement::derive_between;
use crate::{
    JwkError, Signer, SigningAlgorithm, TokenSigner, TokenType, UnverifiedJws, UnverifiedJwt, generate,
};

/// A recipient with a new key of a type, under the name `k`.
fn recipient(algorithm: SigningAlgorithm, seed: u64) -> Recipient {
    let key = generate(algorithm, &SeededRng::new(seed)).unwrap();
    let mut document: Value = serde_json::from_str(&key.to_json()).unwrap();
    document["kid"] = "k".into();
    Recipient::from_jwk(&document).unwrap()
}

fn set(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

fn token() -> SignedToken {
    let key = generate(SigningAlgorithm::EdDsa, &SeededRng::new(9)).unwrap();
    let signer = TokenSigner::Embedded(Signer::new(&key).unwrap());
    SignedToken::sign(&signer, TokenType::Jwt, &json!({"sub": "ada"})).now_or_never().unwrap().unwrap()
}

fn encrypted(public: &Value, alg: KeyManagement, enc: ContentEncryption, seed: u64) -> String {
    let key = RecipientKey::find(&set(std::slice::from_ref(public)), alg).unwrap();
    Encrypter::new(key, enc).encrypt(&token(), &SeededRng::new(seed)).unwrap()
}

/// Every way of giving a key to every type of key that it goes with.
const PAIRS: [(KeyManagement, SigningAlgorithm); 7] = [
    (KeyManagement::RsaOaep256, SigningAlgorithm::Rs256),
    (KeyManagement::EcdhEs, SigningAlgorithm::Es256),
    (KeyManagement::EcdhEs, SigningAlgorithm::Es384),
    (KeyManagement::EcdhEsA128Kw, SigningAlgorithm::Es256),
    (KeyManagement::EcdhEsA128Kw, SigningAlgorithm::Es384),
    (KeyManagement::EcdhEsA256Kw, SigningAlgorithm::Es256),
    (KeyManagement::EcdhEsA256Kw, SigningAlgorithm::Es384),
];

#[test]
fn recipient_reads_what_was_signed_and_nobody_else_does() {
    let token = token().into_text();
    for (alg, key) in PAIRS {
        let (own, other) = (recipient(key, 1), recipient(key, 2));
        for enc in ContentEncryption::ALL {
            let text = encrypted(&own.public(), alg, enc, 3);
            let opened = own.open(&text).unwrap();
            assert_eq!(opened.text(), token, "{alg} {enc}");
            let header = &opened.header;
            assert_eq!((&header["alg"], &header["enc"]), (&json!(alg.as_str()), &json!(enc.as_str())));
            assert_eq!((&header["cty"], &header["kid"]), (&json!("JWT"), &json!("k")));
            assert_eq!(header.get("epk").is_some(), alg != KeyManagement::RsaOaep256);
            // Nothing is packed, and nothing of ours leads anybody to fetch a key.
            for never in ["zip", "jku", "x5u", "jwk", "x5c", "crit", "p2c"] {
                assert_eq!(header.get(never), None, "{never}");
            }
            assert_eq!(other.open(&text), Err(Unreadable::Wrong), "{alg} {enc}");
        }
    }
}

#[test]
fn every_bit_is_covered() {
    for (alg, key) in [PAIRS[0], PAIRS[3]] {
        let own = recipient(key, 1);
        for enc in ContentEncryption::ALL {
            let text = encrypted(&own.public(), alg, enc, 3);
            let parts: Vec<&str> = text.split('.').collect();
            for (index, part) in parts.iter().enumerate() {
                let mut bytes = base64url::decode(part).unwrap();
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                let mut changed = parts.clone();
                let part = base64url::encode(&bytes);
                changed[index] = &part;
                assert!(own.open(&changed.join(".")).is_err(), "{alg} {enc}: part {index}");
            }
        }
    }
}

#[test]
fn keys_and_vectors_are_new_for_each_message() {
    for (alg, key) in PAIRS {
        let own = recipient(key, 1);
        let key = RecipientKey::find(&set(&[own.public()]), alg).unwrap();
        let encrypter = Encrypter::new(key, ContentEncryption::A256Gcm);
        let rng = SeededRng::new(5);
        let [one, two] = [(); 2].map(|()| own.open(&encrypter.encrypt(&token(), &rng).unwrap()).unwrap());
        assert_ne!(one.content_key, two.content_key, "{alg}");
        assert_ne!(one.vector, two.vector, "{alg}");
        assert!(one.header.get("epk").is_none() || one.header["epk"] != two.header["epk"], "{alg}");
    }
}

/// X25519 (RFC 8037 section 3.2): ring's own ephemeral key is the recipient, for one message.
#[test]
fn agreement_on_x25519_is_the_same_on_both_sides() {
    use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
    let random = ring::rand::SystemRandom::new();
    let own = EphemeralPrivateKey::generate(&X25519, &random).unwrap();
    let x = base64url::encode(own.compute_public_key().unwrap());
    let public = json!({"kty": "OKP", "crv": "X25519", "x": x, "use": "enc"});
    let text = encrypted(&public, KeyManagement::EcdhEs, ContentEncryption::A128Gcm, 1);
    let parts: Vec<&str> = text.split('.').collect();
    let header: Value = serde_json::from_slice(&base64url::decode(parts[0]).unwrap()).unwrap();
    assert_eq!((&header["epk"]["crv"], &header["epk"]["kty"]), (&json!("X25519"), &json!("OKP")));
    let theirs = base64url::decode(header["epk"]["x"].as_str().unwrap()).unwrap();
    let theirs = UnparsedPublicKey::new(&X25519, theirs);
    let key = agree_ephemeral(own, &theirs, |secret| agreement::derive(secret, "A128GCM", 16)).unwrap();
    let k = base64url::encode(&*key.unwrap());
    let direct = Recipient::from_jwk(&json!({"kty": "oct", "k": k})).unwrap();
    // The same content key, given directly, opens the same content; the header is another and covered.
    let (vector, sealed, tag) = (parts[2], parts[3], parts[4]);
    let decode = |part: &str| base64url::decode(part).unwrap();
    let again = content::seal(
        ContentEncryption::A128Gcm,
        (&decode(&k), &decode(vector)),
        parts[0].as_bytes(),
        token().into_text().as_bytes(),
    );
    let again = again.unwrap();
    assert_eq!((again.ciphertext, again.tag), (decode(sealed), decode(tag)));
    assert!(direct.open(&text).is_err(), "it says another alg");
}

/// Attack: a key for something else, of somebody else, or no key at all is encrypted to.
#[test]
fn only_a_key_that_is_for_it_is_taken() {
    let ec = recipient(SigningAlgorithm::Es256, 1).public();
    let rsa = recipient(SigningAlgorithm::Rs256, 1).public();
    let with = |key: &Value, name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        key
    };
    let find = |keys: &[Value], alg| RecipientKey::find(&set(keys), alg).map(|key| key.kid);
    let (agree, wrap) = (KeyManagement::EcdhEs, KeyManagement::RsaOaep256);
    let (found, none) = (Ok(Some("k".to_owned())), |alg| Err(NoRecipient::None(alg)));
    let refused = |error| Err(NoRecipient::Key(error));
    for (keys, alg, expect) in [
        (vec![ec.clone()], agree, found.clone()),
        (vec![rsa.clone(), ec.clone()], agree, found.clone()),
        (vec![rsa.clone()], wrap, found.clone()),
        (vec![], agree, none(agree)),
        (vec![rsa.clone()], agree, none(agree)),
        (vec![ec.clone()], wrap, none(wrap)),
        (vec![with(&ec, "use", "sig".into())], agree, none(agree)),
        // It says nothing: its owner may sign with it.
        (vec![with(&ec, "use", Value::Null)], agree, refused(JwkError::Member("use"))),
        (vec![with(&ec, "alg", "ECDH-ES".into())], agree, found.clone()),
        (vec![with(&ec, "alg", "ECDH-ES+A128KW".into())], agree, none(agree)),
        (vec![with(&rsa, "alg", "RSA1_5".into())], wrap, none(wrap)),
        (vec![with(&rsa, "alg", "RSA-OAEP".into())], wrap, none(wrap)),
        (vec![with(&ec, "alg", "ES256".into())], agree, none(agree)),
        (vec![with(&ec, "key_ops", json!(["verify"]))], agree, none(agree)),
        (vec![with(&ec, "key_ops", json!([]))], agree, found.clone()),
        (vec![with(&rsa, "key_ops", json!(["wrapKey"]))], wrap, found),
        (vec![with(&ec, "d", "AA".into())], agree, refused(JwkError::PrivateMaterial)),
        (vec![ec.clone(), json!({"kty": "oct", "k": "AA"})], agree, refused(JwkError::PrivateMaterial)),
        (vec![with(&rsa, "e", "Aw".into())], wrap, refused(JwkError::Weak)),
        (vec![json!("k")], agree, refused(JwkError::Member("keys"))),
        (vec![ec.clone(); 101], agree, refused(JwkError::TooLarge)),
        (vec![with(&ec, "crv", "secp256k1".into())], agree, none(agree)),
    ] {
        assert_eq!(find(&keys, alg), expect, "{keys:?} {alg}");
    }
    // `use` that is absent, with and without the very algorithm.
    let mut silent = ec.clone();
    silent.as_object_mut().unwrap().remove("use");
    assert_eq!(find(&[silent.clone()], agree), none(agree));
    assert!(find(&[with(&silent, "alg", "ECDH-ES".into())], agree).is_ok());
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(RecipientKey::find(text.as_bytes(), agree).is_err(), "{text}");
    }
    assert!(RecipientKey::find(&vec![b' '; 300 << 10], agree).is_err());
}

/// Attack (RFC 7748 section 6.1; invalid curves): a public key with which every agreement has a secret that is known.
#[test]
fn point_that_leaves_no_secret_is_no_key() {
    let ec = recipient(SigningAlgorithm::Es256, 1).public();
    let mut moved = ec.clone();
    moved["y"] = moved["x"].clone();
    let agree = KeyManagement::EcdhEs;
    let refused = Err(NoRecipient::Key(JwkError::Member("x")));
    assert_eq!(RecipientKey::find(&set(&[moved]), agree), refused);
    for low in [[0_u8; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        let key = json!({"kty": "OKP", "crv": "X25519", "use": "enc", "x": base64url::encode(low)});
        assert_eq!(RecipientKey::find(&set(&[key]), agree), refused);
    }
}

/// Whoever changes its keys puts the new one first.
#[test]
fn first_key_of_several_is_used() {
    let (new, old) = (recipient(SigningAlgorithm::Es256, 1), recipient(SigningAlgorithm::Es256, 2));
    let keys = set(&[new.named("new"), old.named("old")]);
    let key = RecipientKey::find(&keys, KeyManagement::EcdhEs).unwrap();
    let text = Encrypter::new(key, ContentEncryption::A128Gcm).encrypt(&token(), &SeededRng::new(1)).unwrap();
    assert!(new.open(&text).is_ok() && old.open(&text).is_err());
}

#[test]
fn names_that_have_no_word_here() {
    for name in
        ["RSA1_5", "RSA-OAEP", "dir", "A128KW", "A128GCMKW", "PBES2-HS256+A128KW", "none", "", "ecdh-es"]
    {
        assert_eq!(name.parse::<KeyManagement>(), Err(UnknownEncryption), "{name}");
    }
    for name in ["A192GCM", "A192CBC-HS384", "none", "", "a128gcm", "DEF"] {
        assert_eq!(name.parse::<ContentEncryption>(), Err(UnknownEncryption), "{name}");
    }
    for alg in KeyManagement::ALL {
        assert_eq!(alg.as_str().parse(), Ok(alg));
    }
    for enc in ContentEncryption::ALL {
        assert_eq!(enc.as_str().parse(), Ok(enc));
    }
}

/// Attack: an encrypted token is taken for a signed one, or opened though nobody asked for it.
#[test]
fn encrypted_token_is_no_signed_one() {
    let own = recipient(SigningAlgorithm::Es256, 1);
    let text = encrypted(&own.public(), KeyManagement::EcdhEs, ContentEncryption::A128Gcm, 1);
    assert!(UnverifiedJws::parse(&text).is_err() && UnverifiedJwt::parse(&text).is_err());
}

/// Makes a message again from what was found in it, by what makes ours.
fn is_made_again(opened: &Opened, enc: ContentEncryption) {
    let keys = (opened.content_key.as_slice(), opened.vector.as_slice());
    let sealed = content::seal(enc, keys, opened.protected.as_bytes(), &opened.plaintext).unwrap();
    assert_eq!((&sealed.ciphertext, &sealed.tag), (&opened.ciphertext, &opened.tag), "{}", opened.header);
    if let Some(wrapping) = &opened.wrapping_key {
        let wrapped = key_wrap::wrap(wrapping, &opened.content_key).unwrap();
        assert_eq!(wrapped, opened.encrypted_key, "{}", opened.header);
    }
}

mod examples;
mod vectors;
