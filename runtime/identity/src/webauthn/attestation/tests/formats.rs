//! What each format asks for beyond a signature and a chain.

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use ring::digest::{SHA256, digest};

use super::authorities::{Attester, Authority, Credential, of_model, sign, x5c};
use super::*;

const WRONG: Result<&str, CeremonyError> = Err(CeremonyError::Attestation);

fn check(answer: &Answer, root: &Authority, expect: Result<&str, CeremonyError>, what: &str) {
    let found = answer.register(&trusting(&[root.der()]), NOW).map(|record| record.attestation);
    assert_eq!(found.as_deref().map_err(|error| *error), expect, "{what}");
}

#[test]
fn formats_that_nobody_can_verify_are_refused() {
    let credential = Credential::new();
    let root = Authority::root("Root");
    for format in ["android-safetynet", "compound", "Packed", "", "none "] {
        let answer = credential.answer(format, Vec::new());
        check(&answer, &root, Err(CeremonyError::AttestationFormat), format);
        let refused = answer.register(&AttestationSettings::default(), NOW);
        assert_eq!(refused.unwrap_err(), CeremonyError::AttestationFormat, "{format}");
    }
    let says_something = credential.answer("none", vec![("alg", Cbor::Integer(-7))]);
    check(&says_something, &root, WRONG, "none, and something");
}

#[test]
fn u2f_keys_say_no_more_than_they_can() {
    let root = Authority::root("Root");
    let model = root.attester(&of_model());
    let by = |credential: &Credential, key: &KeyPair, certificates: &[&[u8]]| {
        let signature = Cbor::Bytes(sign(key, &credential.u2f_message()));
        credential.answer("fido-u2f", vec![("sig", signature), ("x5c", x5c(certificates))])
    };
    let credential = Credential::new();
    check(&by(&credential, &model.key, &[&model.der]), &root, Ok("basic"), "a key");
    check(&by(&credential, &credential.key, &[&model.der]), &root, WRONG, "the credential has signed");
    check(&by(&credential, &model.key, &[&model.der, root.der()]), &root, WRONG, "two certificates");
    check(&by(&credential, &model.key, &[]), &root, WRONG, "no certificate");
    // They sign none of these.
    for flags in [0x45, 0x49, 0x59] {
        let says = Credential { flags, ..Credential::new() };
        check(&by(&says, &model.key, &[&model.der]), &root, WRONG, "flags");
    }
    let counted = Credential { sign_count: 1, ..Credential::new() };
    check(&by(&counted, &model.key, &[&model.der]), &root, WRONG, "a counter");
    // Of another curve.
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let other = root.certify(&of_model(), key);
    check(&by(&credential, &other.key, &[&other.der]), &root, WRONG, "a key on P-384");
}

#[test]
fn apples_nonce_and_key_are_the_credentials() {
    let root = Authority::root("Root");
    let certified = |nonce: &[u8], key: KeyPair| {
        let mut params = of_model();
        let content = [&[0x30, 0x24, 0xa1, 0x22, 0x04, 0x20][..], nonce].concat();
        let extension = CustomExtension::from_oid_content(&[1, 2, 840, 113_635, 100, 8, 2], content);
        params.custom_extensions.push(extension);
        root.certify(&params, key)
    };
    let answer =
        |credential: &Credential, by: &Attester| credential.answer("apple", vec![("x5c", x5c(&[&by.der]))]);
    let own = |credential: &Credential| KeyPair::try_from(credential.key.serialize_der().as_slice()).unwrap();
    let credential = Credential::new();
    let nonce = digest(&SHA256, &credential.message());
    let right = certified(nonce.as_ref(), own(&credential));
    check(&answer(&credential, &right), &root, Ok("anonca"), "its own");
    let replayed = certified(&[0; 32], own(&credential));
    check(&answer(&credential, &replayed), &root, WRONG, "another nonce");
    let other = certified(nonce.as_ref(), KeyPair::generate().unwrap());
    check(&answer(&credential, &other), &root, WRONG, "another key");
    let without = root.certify(&of_model(), own(&credential));
    check(&answer(&credential, &without), &root, WRONG, "no nonce");
}

/// A key description (section 8.4): the challenge, and what software and hardware enforce.
fn described(challenge: &[u8], software: &[u8], hardware: &[u8]) -> CertificateParams {
    let list = |bytes: &[u8]| [&[0x30, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let inside = [
        &[0x02, 0x02, 0x01, 0x2c, 0x0a, 0x01, 0x01, 0x02, 0x01, 0x04, 0x0a, 0x01, 0x01][..],
        &[0x04, u8::try_from(challenge.len()).unwrap()],
        challenge,
        &[0x04, 0x00],
        &list(software),
        &list(hardware),
    ]
    .concat();
    let mut params = of_model();
    let extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 1, 17], list(&inside));
    params.custom_extensions.push(extension);
    params
}

/// `[1] { SET { 2 } }`, `[1] { SET { 3 } }`, `[702] { 0 }`, `[702] { 2 }`, `[600] { NULL }`.
const SIGNS: &[u8] = &[0xa1, 0x05, 0x31, 0x03, 0x02, 0x01, 0x02];
const VERIFIES: &[u8] = &[0xa1, 0x05, 0x31, 0x03, 0x02, 0x01, 0x03];
const MADE_THERE: &[u8] = &[0xbf, 0x85, 0x3e, 0x03, 0x02, 0x01, 0x00];
const IMPORTED: &[u8] = &[0xbf, 0x85, 0x3e, 0x03, 0x02, 0x01, 0x02];
const OF_ALL: &[u8] = &[0xbf, 0x84, 0x58, 0x02, 0x05, 0x00];

#[test]
fn androids_key_is_made_and_kept_by_hardware() {
    let root = Authority::root("Root");
    let credential = Credential::new();
    let by = |params: &CertificateParams| {
        let key = KeyPair::try_from(credential.key.serialize_der().as_slice()).unwrap();
        let certified = root.certify(params, key);
        let signature = sign(&certified.key, &credential.message());
        let statement = vec![
            ("alg", Cbor::Integer(-7)),
            ("sig", Cbor::Bytes(signature)),
            ("x5c", x5c(&[&certified.der])),
        ];
        credential.answer("android-key", statement)
    };
    let hash = Credential::client_data_hash();
    let right = [SIGNS, MADE_THERE].concat();
    let cases: [(&[u8], &[u8], &[u8], Result<&str, CeremonyError>, &str); 9] = [
        (&hash, &[], &right, Ok("basic"), "as it should be"),
        (&[0; 32], &[], &right, WRONG, "of another registration"),
        (&hash, &right, &[], WRONG, "what software says"),
        (&hash, &[], SIGNS, WRONG, "made nobody says where"),
        (&hash, &[], MADE_THERE, WRONG, "for nothing"),
        (&hash, &[], &[VERIFIES, MADE_THERE].concat(), WRONG, "for something else"),
        (&hash, &[], &[SIGNS, IMPORTED].concat(), WRONG, "made elsewhere"),
        (&hash, &[], &[SIGNS, OF_ALL, MADE_THERE].concat(), WRONG, "of all applications"),
        (&hash, OF_ALL, &right, WRONG, "of all applications, says software"),
    ];
    for (challenge, software, hardware, expect, what) in cases {
        check(&by(&described(challenge, software, hardware)), &root, expect, what);
    }
    check(&by(&of_model()), &root, WRONG, "no description");
    // A certificate of another key, which has signed.
    let other = root.attester(&described(&hash, &[], &right));
    let statement = vec![
        ("alg", Cbor::Integer(-7)),
        ("sig", Cbor::Bytes(sign(&other.key, &credential.message()))),
        ("x5c", x5c(&[&other.der])),
    ];
    check(&credential.answer("android-key", statement), &root, WRONG, "another key");
}
