//! Until when a listener's certificate is valid, so that `doctor` says it before browsers do.

use std::path::Path;
use std::time::Duration;

use config::listener::Tls;
use primitives::Timestamp;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError as Refusal, Error, RootCertStore};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::peer::Asked;
use super::tls::{certificates, configuration};

/// Why a certificate is not to be used. The operator's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read or holds something else, or the key is another certificate's.
    #[error("{0}")]
    Unusable(String),
    /// Its time, or that of one that is sent along, has not come.
    #[error("the certificate is not valid before {0}")]
    NotYetValid(String),
    /// Its time, or that of one that is sent along, is over.
    #[error("the certificate has expired: it was valid until {0}")]
    Expired(String),
}

/// Until when a listener's certificate and those that it sends along are valid: the earliest end.
///
/// Reads the files as the listener does.
pub fn certificate_valid_until(
    tls: &Tls,
    client_ca: Option<&Path>,
    now: Timestamp,
) -> Result<Timestamp, CertificateError> {
    configuration(&tls.cert, &tls.key, &Asked::of(client_ca, false)).map_err(CertificateError::Unusable)?;
    let unusable = |error: &dyn std::fmt::Display| {
        CertificateError::Unusable(format!("{}: {error}", tls.cert.display()))
    };
    let chain = certificates(&tls.cert).map_err(|error| unusable(&error))?;
    let mut earliest: Option<Timestamp> = None;
    for certificate in &chain {
        if let Error::InvalidCertificate(Refusal::NotValidYetContext { not_before, .. }) =
            refusal(certificate, unix_time(now))
        {
            return Err(CertificateError::NotYetValid(timestamp(not_before).rfc3339()));
        }
        // rustls tells no dates, but names the end when it refuses a time after it.
        let until = match refusal(certificate, UnixTime::since_unix_epoch(Duration::from_secs(u64::MAX))) {
            Error::InvalidCertificate(Refusal::ExpiredContext { not_after, .. }) => timestamp(not_after),
            other => return Err(unusable(&other)),
        };
        earliest = Some(earliest.map_or(until, |earliest| earliest.min(until)));
    }
    match earliest {
        None => Err(unusable(&"holds no certificate")),
        Some(until) if until < now => Err(CertificateError::Expired(until.rfc3339())),
        Some(until) => Ok(until),
    }
}

/// Why the certificate is refused at that time where nobody is trusted. Its time is looked at first.
fn refusal(certificate: &CertificateDer<'_>, at: UnixTime) -> Error {
    let nobody = RootCertStore::empty();
    let checked = ParsedCertificate::try_from(certificate)
        .and_then(|parsed| verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], at, &[]));
    // Nobody is trusted, and so nothing is accepted.
    checked.err().unwrap_or(Error::InvalidCertificate(Refusal::UnknownIssuer))
}

fn unix_time(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.seconds()).unwrap_or_default()))
}

fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::from_seconds(0).after(Duration::from_secs(time.as_secs()))
}
