//! How proxies write a certificate into a header: as RFC 9440 has it, as Envoy does, and as PEM, percent-encoded, as nginx does.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::CertificateHeader;
use http::HeaderMap;
use oauth2::mtls::CertificateChain;
use percent_encoding::percent_decode_str;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::RequestCertificate;

/// What the header of a trusted proxy says. An empty one is none: proxies write it so where the client showed no certificate.
pub(super) fn read(header: &CertificateHeader, headers: &HeaderMap) -> RequestCertificate {
    let mut values = headers.get_all(header.name()).iter();
    let only = match (values.next(), values.next()) {
        (None, _) => return RequestCertificate::Absent,
        (Some(only), None) => only.to_str().map(str::trim),
        (Some(_), Some(_)) => return RequestCertificate::Malformed,
    };
    let certificates = match (header, only) {
        (_, Err(_)) => None,
        (_, Ok("")) => return RequestCertificate::Absent,
        (CertificateHeader::ClientCert, Ok(own)) => structured(own, headers),
        (CertificateHeader::Envoy, Ok(element)) => envoy(element),
        (CertificateHeader::Pem(_), Ok(text)) => pem(text),
    };
    let chain = certificates.and_then(|certificates| CertificateChain::new(certificates).ok());
    chain.map_or(RequestCertificate::Malformed, |chain| RequestCertificate::One(Arc::new(chain)))
}

/// RFC 9440 sections 2.2 and 2.3: a byte sequence, and a list of them.
fn structured(own: &str, headers: &HeaderMap) -> Option<Vec<Vec<u8>>> {
    let mut certificates = vec![byte_sequence(own)?];
    for value in headers.get_all(CertificateHeader::CHAIN) {
        for item in value.to_str().ok()?.split(',') {
            certificates.push(byte_sequence(item.trim())?);
        }
    }
    Some(certificates)
}

/// A byte sequence of RFC 8941 section 3.3.5, without parameters.
fn byte_sequence(item: &str) -> Option<Vec<u8>> {
    STANDARD.decode(item.strip_prefix(':')?.strip_suffix(':')?).ok()
}

/// `X-Forwarded-Client-Cert`: one element, since each proxy that adds one says whom it has seen itself.
fn envoy(element: &str) -> Option<Vec<Vec<u8>>> {
    let mut found: [Option<&str>; 2] = [None, None];
    for pair in unquoted(element, ';')? {
        if unquoted(pair, ',')?.len() > 1 {
            return None;
        }
        let (key, value) = pair.split_once('=')?;
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        let [own, chain] = &mut found;
        let place = match key.trim() {
            key if key.eq_ignore_ascii_case("cert") => own,
            key if key.eq_ignore_ascii_case("chain") => chain,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
    let [own, chain] = found;
    // The chain begins with the client's own.
    let (own, chain) = (own.map(pem), chain.map(pem));
    match (own, chain) {
        (Some(own), None) => own,
        (None, Some(chain)) => chain,
        (Some(own), Some(chain)) => {
            let (own, chain) = (own?, chain?);
            (own.first() == chain.first()).then_some(chain)
        }
        (None, None) => None,
    }
}

/// The texts between separators outside of quotes; `None` if a quote is not closed.
fn unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut is_quoted) = (Vec::new(), 0, false);
    for (index, found) in text.char_indices() {
        if found == '"' {
            is_quoted = !is_quoted;
        } else if found == separator && !is_quoted {
            parts.push(text.get(start..index)?);
            start = index + separator.len_utf8();
        }
    }
    parts.push(text.get(start..)?);
    (!is_quoted).then_some(parts)
}

/// Certificates in PEM, percent-encoded, the client's own first. Anything else between them makes them none.
fn pem(text: &str) -> Option<Vec<Vec<u8>>> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(text.as_bytes()).map(|one| one.map(|one| one.to_vec())).collect();
    found.ok().filter(|found| !found.is_empty())
}
