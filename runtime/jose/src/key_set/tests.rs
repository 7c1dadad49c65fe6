//! What is kept as a key, what is shown of it to whom, and what may join the keys that sign.

use primitives::rng::SeededRng;
use primitives::{Actor, TenantId, Timestamp};
use serde_json::{Value, json};

use super::{CreateError, KeyDocumentError, KeyOfSet, KeyRequest, NamedSet, SetDocument, SetName};
use super::{SigningSetError, admit, replace};
use crate::import::{ImportError, ImportedKey};
use crate::{
    JwkError, KeyState, RotationSchedule, SigningAlgorithm, SigningKey, SymmetricJwk, Write, generate,
};

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

fn set() -> SetName {
    let Ok(NamedSet::Kept(name)) = "services".parse() else { panic!("a name") };
    name
}

fn pair(seed: u64) -> Value {
    let key = generate(SigningAlgorithm::EdDsa, &SeededRng::new(seed)).unwrap();
    serde_json::from_str(&key.to_json()).unwrap()
}

fn with(mut document: Value, patch: Value) -> Value {
    let members = document.as_object_mut().unwrap();
    let Value::Object(patch) = patch else { panic!("{patch}") };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name)
        } else {
            members.insert(name, value)
        };
    }
    document
}

fn request(patch: Value) -> KeyRequest {
    serde_json::from_value(with(json!({"alg": "ES256", "use": "sig", "kid": "k"}), patch)).unwrap()
}

#[test]
fn names_of_what_signs_tokens_are_no_operators() {
    for name in ["hydra.openid.id-token", "hydra.jwt.access-token"] {
        assert_eq!(name.parse(), Ok(NamedSet::Signing), "{name}");
    }
    assert!(matches!("Hydra.openid.id-token".parse(), Ok(NamedSet::Kept(_))));
    for name in ["", "a b", "a\0", "ä", &"a".repeat(256)] {
        assert!(name.parse::<NamedSet>().is_err(), "{name}");
    }
}

#[test]
fn document_is_kept_as_it_was_given_or_not_at_all() {
    let check = |document: Value, expect: Option<KeyDocumentError>| {
        let parsed = KeyOfSet::parse(&set(), document.to_string().as_bytes(), NOW);
        match &parsed {
            Ok(key) => assert_eq!(key.whole(), document),
            Err(error) => assert_eq!(Some(*error), expect, "{document}"),
        }
        assert_eq!(parsed.err(), expect, "{document}");
    };
    let key = |error| Some(KeyDocumentError::Key(error));
    check(pair(1), None);
    check(with(pair(1), json!({"d": null})), None);
    check(with(pair(1), json!({"use": "enc", "x-note": "ours"})), None);
    check(with(pair(1), json!({"kid": null})), Some(KeyDocumentError::Name));
    check(with(pair(1), json!({"kid": "a b"})), Some(KeyDocumentError::Name));
    check(with(pair(1), json!({"d": pair(2)["d"]})), key(JwkError::Inconsistent));
    check(with(pair(1), json!({"alg": "RS256"})), key(JwkError::AlgorithmMismatch));
    check(with(pair(1), json!({"use": "both"})), key(JwkError::Unsupported));
    check(json!({"kty": "oct", "alg": "HS256", "kid": "k", "k": "AAAA"}), key(JwkError::Weak));
    check(
        json!({"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB", "p": "AQAB"}),
        key(JwkError::PrivateMaterial),
    );
    let twice = br#"{"kty":"OKP","kid":"a","kid":"b","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert_eq!(KeyOfSet::parse(&set(), twice, NOW).err(), key(JwkError::Json));
}

#[test]
fn public_half_holds_nothing_private() {
    for alg in ["ES256", "EdDSA", "HS256", "HS384", "HS512"] {
        let made = request(json!({"alg": alg})).create(&set(), NOW, &SeededRng::new(7)).unwrap();
        let (whole, public) = (made.whole(), made.public());
        let private = if alg.starts_with("HS") { "k" } else { "d" };
        let secret = whole[private].as_str().unwrap();
        assert!(!public.to_string().contains(secret), "{alg}: {public}");
        assert_eq!((&public["kid"], &public["alg"]), (&json!("k"), &json!(alg)));
        assert!(!format!("{made:?}").contains(secret));
    }
    // Members of whatever name are not shown, since nobody knows what they hold.
    let noted = with(pair(1), json!({"oth": [], "x-backup-of-d": "secret"}));
    let kept = KeyOfSet::parse(&set(), noted.to_string().as_bytes(), NOW).unwrap();
    assert!(!kept.public().to_string().contains("secret"));
}

#[test]
fn made_keys_have_the_length_of_their_hash_and_a_name() {
    for (alg, bytes) in [("HS256", 32), ("HS384", 48), ("HS512", 64)] {
        let made = request(json!({"alg": alg})).create(&set(), NOW, &SeededRng::new(7)).unwrap();
        let secret = primitives::base64url::decode(made.whole()["k"].as_str().unwrap()).unwrap();
        assert_eq!(secret.len(), bytes);
        assert!(SymmetricJwk::parse(made.document().as_bytes()).is_ok(), "{alg}");
    }
    let make = |patch: Value| request(patch).create(&set(), NOW, &SeededRng::new(7)).map(|key| key.kid);
    assert!(make(json!({"kid": ""})).unwrap().as_str().len() == 36);
    assert_eq!(make(json!({"alg": "none"})).err(), Some(CreateError::Algorithm));
    assert_eq!(make(json!({"use": "both"})).err(), Some(CreateError::Purpose));
    assert_eq!(make(json!({"kid": "a b"})).err(), Some(CreateError::Document(KeyDocumentError::Name)));
}

/// The Hydra API makes them. Attack: halves that do not fit, or a point that is none, is kept, and fails where it is used.
#[test]
fn keys_of_p_521_are_made_and_kept_and_sign_no_token_of_ours() {
    let made = request(json!({"alg": "ES512"})).create(&set(), NOW, &SeededRng::new(7)).unwrap().whole();
    let [x, y, d] =
        ["x", "y", "d"].map(|name| primitives::base64url::decode(made[name].as_str().unwrap()).unwrap());
    assert_eq!((x.len(), y.len(), d.len()), (66, 66, 66));
    let another = request(json!({"alg": "ES512"})).create(&set(), NOW, &SeededRng::new(8)).unwrap().whole();
    let keep = |document: Value| {
        KeyOfSet::parse(&set(), document.to_string().as_bytes(), NOW).map(|key| key.public())
    };
    let public = keep(made.clone()).unwrap();
    assert_eq!((public.get("d"), &public["x"]), (None, &made["x"]));
    assert_eq!(keep(public.clone()).unwrap(), public);
    let swapped = with(made.clone(), json!({"x": another["x"]}));
    assert_eq!(keep(swapped), Err(KeyDocumentError::Key(JwkError::Member("y"))));
    let another_half = with(made.clone(), json!({"d": another["d"]}));
    assert_eq!(keep(another_half), Err(KeyDocumentError::Key(JwkError::Inconsistent)));
    let short = with(made.clone(), json!({"x": primitives::base64url::encode(&x[1..])}));
    assert_eq!(keep(short), Err(KeyDocumentError::Key(JwkError::Member("x"))));
    let of_another = with(made.clone(), json!({"alg": "ES384"}));
    assert_eq!(keep(of_another), Err(KeyDocumentError::Key(JwkError::AlgorithmMismatch)));
    assert_eq!(
        request(json!({"alg": "ES512"})).create_signing(&SeededRng::new(7)).err(),
        Some(CreateError::SignsNothing)
    );
    assert_eq!(
        ImportedKey::parse(made.to_string().as_bytes()).err(),
        Some(ImportError::Key(JwkError::Unsupported))
    );
}

/// RFC 7515 appendix A.4 (whose key has no name there) and RFC 7520 sections 3.1, 3.2, 3.5 and 3.6.
#[test]
fn keys_of_the_rfcs_on_p_521_and_secrets_that_sign_are_kept_and_one_that_encrypts_is_not() {
    let keep = |document: &Value| {
        KeyOfSet::parse(&set(), document.to_string().as_bytes(), NOW).map(|key| key.public())
    };
    let on_p_521 = |x: &str, y: &str| {
        let kid = "bilbo.baggins@hobbiton.example";
        json!({"kty": "EC", "kid": kid, "use": "sig", "crv": "P-521", "x": x, "y": y})
    };
    for (public, d) in [
        (
            on_p_521(
                "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
                "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
            ),
            "AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C",
        ),
        (
            on_p_521(
                "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
                "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1",
            ),
            "AAhRON2r9cqXX1hg-RoI6R1tX5p2rUAYdmpHZoC1XNM56KtscrX6zbKipQrCW9CGZH3T4ubpnoTKLDYJ_fF3_rJt",
        ),
    ] {
        assert_eq!(keep(&public), Ok(public.clone()));
        assert_eq!(keep(&with(public.clone(), json!({"d": d}))), Ok(public));
    }
    let signs = json!({
        "kty": "oct", "kid": "018c0ae5-4d9b-471b-bfd6-eef314bc7037", "use": "sig", "alg": "HS256",
        "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    });
    assert_eq!(keep(&signs), Ok(with(signs.clone(), json!({"k": null}))));
    let encrypts = json!({
        "kty": "oct", "kid": "1e571774-2e08-40da-8308-e8d68773842d", "use": "enc", "alg": "A256GCM",
        "k": "AAPapAv4LbFbiVawEjagUBluYqN5rhna-8nuldDvOx8",
    });
    assert_eq!(keep(&encrypts), Err(KeyDocumentError::Key(JwkError::Unsupported)));
}

#[test]
fn set_has_a_key_of_each_name_and_so_many_at_most() {
    let parse = |document: Value| {
        let parsed = SetDocument::parse(&set(), document.to_string().as_bytes(), NOW);
        parsed.map(|set| set.into_keys().len())
    };
    let named = |index: usize| with(pair(1), json!({"kid": index.to_string()}));
    assert_eq!(parse(json!({"keys": []})), Ok(0));
    assert_eq!(parse(json!({"keys": [named(1), named(2)]})), Ok(2));
    assert_eq!(parse(json!({"keys": [named(1), named(1)]})), Err(KeyDocumentError::SameName));
    assert_eq!(parse(json!({"keys": ["k"]})), Err(KeyDocumentError::Set));
    assert_eq!(parse(json!({})), Err(KeyDocumentError::Set));
    let many: Vec<Value> = (0..101).map(named).collect();
    assert_eq!(parse(json!({"keys": many})), Err(KeyDocumentError::Set));
}

#[test]
fn replacement_takes_the_old_keys_out_before_it_puts_the_new_ones_in() {
    let key = KeyOfSet::parse(&set(), pair(1).to_string().as_bytes(), NOW).unwrap();
    let writes = replace(&TenantId::default_tenant(), &set(), vec![key], Actor::System).writes;
    assert!(matches!(&writes[..], [Write::DeleteKeySet { .. }, Write::InsertKeyOfSet(_)]), "{writes:?}");
}

/// Attack: a key of the attacker's signs tokens at once, or in the place of the one that does.
#[test]
fn key_for_tokens_is_published_before_it_signs() {
    let (tenant, schedule) = (TenantId::default_tenant(), RotationSchedule::default());
    let wanted = [SigningAlgorithm::EdDsa];
    let active = SigningKey::generate(
        SigningAlgorithm::EdDsa,
        KeyState::Active { rotate_at: NOW },
        NOW,
        &SeededRng::new(2),
    )
    .unwrap();
    let join = |key: ImportedKey| {
        let by = (&tenant, Actor::System);
        admit(key, by, (wanted.as_slice(), &schedule), std::slice::from_ref(&active), NOW)
            .map(|change| change.writes)
    };
    let made = |patch: Value| request(patch).create_signing(&SeededRng::new(3));
    for key in
        [ImportedKey::parse(pair(1).to_string().as_bytes()).unwrap(), made(json!({"alg": "EdDSA"})).unwrap()]
    {
        let writes = join(key).unwrap();
        let [Write::InsertSigningKey(inserted)] = &writes[..] else { panic!("{writes:?}") };
        let KeyState::Pending { signs_from } = inserted.state else { panic!("{:?}", inserted.state) };
        assert!(signs_from > NOW);
    }
    let unwanted = join(made(json!({"alg": "ES256"})).unwrap());
    assert_eq!(unwanted.err(), Some(SigningSetError::Unwanted(SigningAlgorithm::Es256)));
    assert_eq!(made(json!({"alg": "HS256"})).err(), Some(CreateError::SignsNothing));
    assert_eq!(made(json!({"alg": "EdDSA", "use": "enc"})).err(), Some(CreateError::SignsNothing));
    assert_eq!(made(json!({"alg": "EdDSA", "kid": ""})).unwrap().kid().as_str().len(), 43, "its thumbprint");
}
