use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

/// What a proxy says is not looked into here: these are no certificates, and it is the tenant that finds out.
fn of(parts: &[&[u8]]) -> RequestCertificate {
    let chain = CertificateChain::new(parts.iter().map(|part| part.to_vec())).unwrap();
    RequestCertificate::One(Arc::new(chain))
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[expect(clippy::needless_pass_by_value, reason = "what is expected is written where it is asked for")]
fn check(header: &CertificateHeader, pairs: &[(&'static str, &str)], expect: RequestCertificate) {
    let mut sent = headers(pairs);
    assert_eq!(told(header, true, &mut sent), expect, "{pairs:?}");
    for (name, _) in pairs {
        assert!(!sent.contains_key(*name) || *name == "x-other", "{name} is off the request");
    }
}

const RFC: CertificateHeader = CertificateHeader::ClientCert;

#[test]
fn header_of_rfc_9440_is_read_with_its_chain() {
    check(&RFC, &[], RequestCertificate::Absent);
    check(&RFC, &[("client-cert", ":AQI=:")], of(&[&[1, 2]]));
    check(
        &RFC,
        &[("client-cert", ":AQI=:"), ("client-cert-chain", ":Aw==:, :BA==:")],
        of(&[&[1, 2], &[3], &[4]]),
    );
    let lines = [("client-cert", ":AQI=:"), ("client-cert-chain", ":Aw==:"), ("client-cert-chain", ":BA==:")];
    check(&RFC, &lines, of(&[&[1, 2], &[3], &[4]]));
    for broken in ["AQI=", ":AQI", ":AQI=:;a=1", ":AQI=:, :AQI=:", "\"AQI=\"", ":!:"] {
        check(&RFC, &[("client-cert", broken)], RequestCertificate::Malformed);
    }
    check(&RFC, &[("client-cert", ":AQI=:"), ("client-cert-chain", "x")], RequestCertificate::Malformed);
    // Without the client's own certificate nobody is shown.
    check(&RFC, &[("client-cert-chain", ":Aw==:")], RequestCertificate::Absent);
}

#[test]
fn two_headers_are_no_certificate() {
    check(&RFC, &[("client-cert", ":AQI=:"), ("client-cert", ":Aw==:")], RequestCertificate::Malformed);
    check(&RFC, &[("client-cert", ":AQI=:"), ("client-cert", ":AQI=:")], RequestCertificate::Malformed);
}

#[test]
fn header_from_an_untrusted_peer_is_taken_off_and_not_read() {
    for value in [":AQI=:", "garbage"] {
        let mut sent = headers(&[("client-cert", value), ("client-cert-chain", ":Aw==:"), ("x-other", "1")]);
        assert_eq!(told(&RFC, false, &mut sent), RequestCertificate::Absent);
        assert_eq!(sent, headers(&[("x-other", "1")]));
    }
}

const PEM: &str = "-----BEGIN%20CERTIFICATE-----%0AAQI%3D%0A-----END%20CERTIFICATE-----%0A";
const OTHER: &str = "-----BEGIN%20CERTIFICATE-----%0AAw%3D%3D%0A-----END%20CERTIFICATE-----%0A";

#[test]
fn percent_encoded_pem_is_read() {
    let header = CertificateHeader::Pem("x-ssl-client-cert".to_owned());
    check(&header, &[("x-ssl-client-cert", PEM)], of(&[&[1, 2]]));
    check(&header, &[("x-ssl-client-cert", &format!("{PEM}{OTHER}"))], of(&[&[1, 2], &[3]]));
    check(&header, &[("x-ssl-client-cert", "")], RequestCertificate::Absent);
    check(&header, &[("x-ssl-client-cert", "(null)")], RequestCertificate::Malformed);
    check(&header, &[("x-ssl-client-cert", PEM), ("x-ssl-client-cert", PEM)], RequestCertificate::Malformed);
}

#[test]
fn element_of_envoy_is_read_and_two_are_not() {
    let header = CertificateHeader::Envoy;
    let name = "x-forwarded-client-cert";
    let element = format!("By=spiffe://a;Hash=00;Subject=\"CN=a;b, c\";Cert=\"{PEM}\"");
    check(&header, &[(name, &element)], of(&[&[1, 2]]));
    check(&header, &[(name, &format!("{element};Chain=\"{PEM}{OTHER}\""))], of(&[&[1, 2], &[3]]));
    check(&header, &[(name, &format!("Hash=00;Chain=\"{PEM}{OTHER}\""))], of(&[&[1, 2], &[3]]));
    for broken in [
        format!("{element},{element}"),
        format!("{element};Cert=\"{OTHER}\""),
        format!("{element};Chain=\"{OTHER}{PEM}\""),
        "Hash=00".to_owned(),
        format!("Cert=\"{PEM}"),
    ] {
        check(&header, &[(name, &broken)], RequestCertificate::Malformed);
    }
}

#[test]
fn header_beside_a_real_certificate_is_refused() {
    let RequestCertificate::One(own) = of(&[&[9]]) else { unreachable!() };
    let connection = PeerCertificate::App(own);
    assert_eq!(join(&connection, RequestCertificate::Absent), of(&[&[9]]));
    for told in [of(&[&[1, 2]]), of(&[&[9]]), RequestCertificate::Malformed] {
        assert_eq!(join(&connection, told), RequestCertificate::Malformed);
    }
}

#[test]
fn operators_certificate_is_no_apps() {
    assert_eq!(join(&PeerCertificate::Operator, RequestCertificate::Absent), RequestCertificate::Absent);
    assert_eq!(join(&PeerCertificate::Operator, of(&[&[1]])), of(&[&[1]]));
}

#[test]
fn chain_that_is_too_long_is_none() {
    let many = [":Aw==:"; 5].join(", ");
    check(&RFC, &[("client-cert", ":AQI=:"), ("client-cert-chain", &many)], RequestCertificate::Malformed);
}
