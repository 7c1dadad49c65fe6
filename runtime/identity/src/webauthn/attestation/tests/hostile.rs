//! Certificates that lead nowhere, or to somebody who did not mean it.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyUsagePurpose, date_time_ymd};

use super::authorities::{Authority, Credential, MODEL, naming, of_model, sign};
use super::certificate::Certificate;
use super::*;

fn check(answer: &Answer, anchors: &[&[u8]], expect: Result<&str, CeremonyError>, what: &str) {
    let found = answer.register(&trusting(anchors), NOW).map(|record| record.attestation);
    assert_eq!(found.as_deref().map_err(|error| *error), expect, "{what}");
}

const UNTRUSTED: Result<&str, CeremonyError> = Err(CeremonyError::Untrusted);
const WRONG: Result<&str, CeremonyError> = Err(CeremonyError::Attestation);

#[test]
fn chain_is_in_its_order_and_nothing_follows() {
    let root = Authority::root("Root");
    let upper = root.authority("Upper", |_| ());
    let lower = upper.authority("Lower", |_| ());
    let model = lower.attester(&of_model());
    let credential = Credential::new();
    let (root, upper, lower) = (root.der(), upper.der(), lower.der());
    let other = Authority::root("Other");
    let cases: [(&[&[u8]], Result<&str, CeremonyError>, &str); 9] = [
        (&[lower, upper], Ok("basic"), "as it should be"),
        (&[lower, upper, root], Ok("basic"), "with its anchor"),
        (&[upper, lower], UNTRUSTED, "the other way round"),
        (&[lower], UNTRUSTED, "one is missing"),
        (&[], UNTRUSTED, "two are missing"),
        (&[lower, upper, other.der()], UNTRUSTED, "with another anchor"),
        (&[lower, other.der(), upper], UNTRUSTED, "with one in between"),
        (&[lower, upper, root, root], UNTRUSTED, "with its anchor twice"),
        (&[lower, upper, upper, upper, upper], WRONG, "six"),
    ];
    for (others, expect, what) in cases {
        check(&credential.packed(&model, others), &[root], expect, what);
    }
    // An anchor may stand below the root.
    check(&credential.packed(&model, &[lower]), &[upper], Ok("basic"), "an anchor within the chain");
    check(&credential.packed(&model, &[]), &[lower], Ok("basic"), "the issuer");
    // The first one is the one that attests.
    let swapped =
        credential.packed_with(sign(&model.key, &credential.message()), &[lower, &model.der, upper]);
    check(&swapped, &[root], WRONG, "an authority first");
}

#[test]
fn issuers_are_authorities_at_the_time() {
    let root = Authority::root("Root");
    let credential = Credential::new();
    let below = |change: fn(&mut CertificateParams)| {
        let issuer = root.authority("Issuer", change);
        let model = issuer.attester(&of_model());
        credential.packed(&model, &[issuer.der()])
    };
    let anchors = [root.der()];
    check(&below(|_| ()), &anchors, Ok("basic"), "an authority");
    check(&below(|p| p.is_ca = IsCa::ExplicitNoCa), &anchors, UNTRUSTED, "none");
    check(&below(|p| p.is_ca = IsCa::NoCa), &anchors, UNTRUSTED, "one that does not say so");
    check(
        &below(|p| p.key_usages = vec![KeyUsagePurpose::DigitalSignature]),
        &anchors,
        UNTRUSTED,
        "one whose key signs no certificates",
    );
    check(&below(|p| p.not_after = date_time_ymd(2026, 12, 31)), &anchors, UNTRUSTED, "one that has expired");
    check(&below(|p| p.not_before = date_time_ymd(2027, 2, 1)), &anchors, UNTRUSTED, "one that is to come");

    // A model signs the certificate of another one.
    let model = root.authority("Model", |p| *p = of_model());
    let another = model.attester(&of_model());
    check(&credential.packed(&another, &[model.der()]), &anchors, UNTRUSTED, "a model");

    // An authority above which no other may stand between.
    let narrow = root.authority("Narrow", |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let below = narrow.authority("Below", |_| ());
    let model = below.attester(&of_model());
    check(&credential.packed(&model, &[below.der(), narrow.der()]), &anchors, UNTRUSTED, "too deep");
    let model = narrow.attester(&of_model());
    check(&credential.packed(&model, &[narrow.der()]), &anchors, Ok("basic"), "deep enough");
}

#[test]
fn attesting_certificate_is_a_models() {
    let root = Authority::root("Root");
    let credential = Credential::new();
    let by = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = of_model();
        change(&mut params);
        credential.packed(&root.attester(&params), &[])
    };
    let anchors = [root.der()];
    let put = |kind: DnType, text: &'static str| {
        move |params: &mut CertificateParams| {
            params.distinguished_name.remove(kind.clone());
            if !text.is_empty() {
                params.distinguished_name.push(kind.clone(), text);
            }
        }
    };
    check(&by(&|_| ()), &anchors, Ok("basic"), "a model");
    for (change, what) in [
        (&put(DnType::OrganizationalUnitName, "Web Server") as &dyn Fn(&mut CertificateParams), "of servers"),
        (&put(DnType::OrganizationalUnitName, "authenticator attestation"), "in another case"),
        (&put(DnType::OrganizationalUnitName, ""), "without a unit"),
        (&put(DnType::OrganizationName, ""), "of no maker"),
        (&put(DnType::CountryName, "SWE"), "of no country"),
        (&put(DnType::CountryName, "5E"), "of a country in digits"),
        (&put(DnType::CommonName, ""), "without a name"),
        (&|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), "of an authority"),
        (&|params| params.is_ca = IsCa::NoCa, "that does not say that it is none"),
    ] {
        check(&by(change), &anchors, WRONG, what);
    }
    let late = by(&|params| params.not_after = date_time_ymd(2026, 12, 31));
    check(&late, &anchors, UNTRUSTED, "one that has expired");
    let early = by(&|params| params.not_before = date_time_ymd(2027, 2, 1));
    check(&early, &anchors, UNTRUSTED, "one that is to come");
}

#[test]
fn certificate_and_authenticator_name_one_model() {
    let root = Authority::root("Root");
    let credential = Credential::new();
    let by = |params: &CertificateParams| credential.packed(&root.attester(params), &[]);
    let anchors = [root.der()];
    check(&by(&naming(MODEL, false)), &anchors, Ok("basic"), "the same");
    check(&by(&naming([0; 16], false)), &anchors, WRONG, "another");
    check(&by(&naming(MODEL, true)), &anchors, WRONG, "one that all must understand");
}

/// "The extension MUST NOT be marked as critical" (sections 8.2.1 and 8.3.1). Whoever verifies chains refuses any extension
/// that must be understood and is not, so that all of an attestation does not tell who refused this one: the certificate alone
/// does.
#[test]
fn model_is_named_by_an_extension_that_nobody_must_understand() {
    let root = Authority::root("Root");
    let names_model = |params: &CertificateParams| {
        let der = root.attester(params).der;
        Certificate::read(&der).unwrap().names_model(uuid::Uuid::from_bytes(MODEL))
    };
    assert!(names_model(&of_model()), "it names none");
    assert!(names_model(&naming(MODEL, false)));
    assert!(!names_model(&naming(MODEL, true)));
    assert!(!names_model(&naming([0; 16], false)));
}

#[test]
fn certificate_that_signs_itself_is_an_anchor_or_nothing() {
    let alone = Authority::root("Alone");
    let credential = Credential::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let der = of_model().self_signed(&key).unwrap().der().to_vec();
    let answer = credential.packed_with(sign(&key, &credential.message()), &[&der]);
    check(&answer, &[alone.der()], UNTRUSTED, "somebody");
    check(&answer, &[&der], Ok("basic"), "one that the operator knows");
}

#[test]
fn signature_is_the_attesters() {
    let root = Authority::root("Root");
    let model = root.attester(&of_model());
    let credential = Credential::new();
    let by = |signature| credential.packed_with(signature, &[&model.der]);
    let anchors = [root.der()];
    check(&by(sign(&model.key, &credential.message())), &anchors, Ok("basic"), "its own");
    check(&by(sign(&credential.key, &credential.message())), &anchors, WRONG, "the credential's");
    check(&by(sign(&model.key, b"something else")), &anchors, WRONG, "of something else");
    check(&by(Vec::new()), &anchors, WRONG, "none");
}

/// Whatever is too much, and whatever is no certificate, is refused before anything is computed with it, also where
/// nothing is asked.
#[test]
fn hostile_certificates_are_refused() {
    let root = Authority::root("Root");
    let model = root.attester(&of_model());
    let credential = Credential::new();
    let signature = sign(&model.key, &credential.message());
    let padded = [model.der.as_slice(), &[0]].concat();
    let cut = &model.der[..model.der.len() - 1];
    let nested = [0x30, 0x80].repeat(4000);
    let claims = [0x30, 0x82, 0xff, 0xff];
    let large = {
        let mut params = of_model();
        let text = [vec![4, 0x82, 0x4e, 0x20], vec![0; 20_000]].concat();
        params.custom_extensions.push(rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], text));
        root.attester(&params)
    };
    let hundred: Vec<&[u8]> = vec![&model.der; 100];
    let cases: [(&[&[u8]], &str); 9] = [
        (&[], "none"),
        (&hundred, "a hundred"),
        (&[&[]], "an empty one"),
        (&[b"nonsense"], "nonsense"),
        (&[&padded], "with a byte after it"),
        (&[cut], "cut off"),
        (&[&nested], "nested without an end"),
        (&[&claims], "one that claims to be long"),
        (&[&large.der], "a large one"),
    ];
    for (certificates, what) in cases {
        let answer = credential.packed_with(signature.clone(), certificates);
        let refused = answer.register(&trusting(&[root.der()]), NOW).unwrap_err();
        // A hundred of them do not fit into an answer.
        assert!(
            matches!(refused, CeremonyError::Attestation | CeremonyError::Malformed),
            "{what}: {refused}"
        );
        assert!(answer.register(&AttestationSettings::default(), NOW).is_err(), "{what}");
    }
    // A large one that has signed: its size alone is refused.
    let signed = credential.packed_with(sign(&large.key, &credential.message()), &[&large.der]);
    check(&signed, &[root.der()], WRONG, "a large one that has signed");
    // What follows the first may be anything, and is nothing.
    for junk in [&b"nonsense"[..], &nested, &[]] {
        check(&credential.packed(&model, &[junk]), &[root.der()], UNTRUSTED, "junk");
    }
}

proptest::proptest! {
    #[test]
    fn no_certificate_makes_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let credential = Credential::new();
        let answer = credential.packed_with(vec![0; 70], &[&bytes]);
        proptest::prop_assert!(answer.register(&trusting(&[]), NOW).is_err());
        proptest::prop_assert!(Certificate::read(&bytes).is_err());
    }
}
