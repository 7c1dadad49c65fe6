//! What is told of a listener's certificate: until when it is valid, or why it is not.

use std::path::Path;

use config::listener::Tls;
use portcullis_http::{CertificateError, certificate_valid_until};
use primitives::Timestamp;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A self-signed certificate that is valid from the first of January of one year to that of another.
fn certificate(key: &KeyPair, from: i32, until: i32) -> String {
    let mut params = CertificateParams::new(vec!["id.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    params.self_signed(key).unwrap().pem()
}

fn told(cert: &str, key: &str) -> Result<String, CertificateError> {
    let directory = tempfile::tempdir().unwrap();
    let tls = Tls { cert: directory.path().join("cert.pem"), key: directory.path().join("key.pem") };
    std::fs::write(&tls.cert, cert).unwrap();
    std::fs::write(&tls.key, key).unwrap();
    certificate_valid_until(&tls, None, NOW).map(Timestamp::rfc3339)
}

#[test]
fn earliest_end_of_the_chain_is_told_and_one_that_is_not_valid_now_is_refused() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let check = |chain: &[(i32, i32)], expect: Result<&str, CertificateError>| {
        let chain: String = chain.iter().map(|(from, until)| certificate(&key, *from, *until)).collect();
        assert_eq!(told(&chain, &key.serialize_pem()), expect.map(str::to_owned));
    };
    // It is 2027-01-15.
    let expired = |until: &str| Err(CertificateError::Expired(until.to_owned()));
    check(&[(2026, 2028)], Ok("2028-01-01T00:00:00Z"));
    check(&[(2026, 9999)], Ok("9999-01-01T00:00:00Z"));
    check(&[(2026, 2030), (2020, 2029)], Ok("2029-01-01T00:00:00Z"));
    check(&[(2026, 2027)], expired("2027-01-01T00:00:00Z"));
    check(&[(2026, 2030), (2020, 2027)], expired("2027-01-01T00:00:00Z"));
    check(&[(2028, 2029)], Err(CertificateError::NotYetValid("2028-01-01T00:00:00Z".to_owned())));

    let refused = |cert: &str, key: &str, part: &str| {
        let Err(CertificateError::Unusable(reason)) = told(cert, key) else { panic!("{part}: is told") };
        assert!(reason.contains(part), "{part}: {reason}");
    };
    let good = certificate(&key, 2026, 2028);
    refused(&good, &other.serialize_pem(), "cert.pem: ");
    refused(&good, "no key", "key.pem: ");
    refused("no certificate", &key.serialize_pem(), "cert.pem: holds no certificate");
    refused(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        &key.serialize_pem(),
        "cert.pem: ",
    );
    let nowhere = Tls { cert: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
    let missing = certificate_valid_until(&nowhere, Some(Path::new("/nowhere/ca.pem")), NOW);
    assert!(
        matches!(missing, Err(CertificateError::Unusable(reason)) if reason.contains("/nowhere/cert.pem"))
    );
}
