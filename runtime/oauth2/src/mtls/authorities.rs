//! Whose signatures make a certificate worth something: the authorities of a tenant.

use std::fmt;
use std::time::Duration;

use primitives::Timestamp;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{CertificateChain, CertificateFault};

/// The authorities that a tenant trusts to say who its clients are. Without any, no certificate says anything.
#[derive(Clone, Default)]
pub struct Authorities(Vec<TrustAnchor<'static>>);

/// Why a text names no authority. The fault of who wrote the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthority {
    /// There is no certificate in it, or something that is none.
    #[error("must hold certificates in PEM")]
    Malformed,
    /// Attack: the certificate of one client is taken for an authority, and its owner signs those of others.
    #[error("holds a certificate that is no authority's (RFC 5280 section 4.2.1.9: cA)")]
    NotAnAuthority,
}

impl Authorities {
    /// Reads certificates in PEM, one or several in each text.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidAuthority> {
        let mut anchors = Vec::new();
        for text in texts {
            let before = anchors.len();
            for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
                anchors.push(anchor(&certificate.map_err(|_| InvalidAuthority::Malformed)?)?);
            }
            if anchors.len() == before {
                return Err(InvalidAuthority::Malformed);
            }
        }
        Ok(Self(anchors))
    }

    /// Checks that one of them vouches for a certificate, now and for clients (RFC 5280 section 6).
    pub(crate) fn verify(&self, chain: &CertificateChain, now: Timestamp) -> Result<(), CertificateFault> {
        let own = EndEntityCert::try_from(&chain.own).map_err(|_| CertificateFault::Malformed)?;
        let now =
            UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).unwrap_or_default()));
        own.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &self.0,
            &chain.intermediates,
            now,
            KeyUsage::client_auth(),
            None,
            None,
        )
        .map(|_path| ())
        .map_err(|error| fault(&error))
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorities").field(&self.0.len()).finish()
    }
}

fn anchor(certificate: &CertificateDer<'_>) -> Result<TrustAnchor<'static>, InvalidAuthority> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| InvalidAuthority::Malformed)?;
    if !parsed.is_ca() {
        return Err(InvalidAuthority::NotAnAuthority);
    }
    let anchor = anchor_from_trusted_cert(certificate).map_err(|_| InvalidAuthority::Malformed)?;
    Ok(anchor.to_owned())
}

/// What the log says. Whatever is not one of these is a chain that leads to no authority of the tenant.
const fn fault(error: &Error) -> CertificateFault {
    match error {
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } | Error::InvalidCertValidity => {
            CertificateFault::Time
        }
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => CertificateFault::Usage,
        Error::NameConstraintViolation
        | Error::MalformedNameConstraint
        | Error::PathLenConstraintViolated
        | Error::EndEntityUsedAsCa => CertificateFault::Constraint,
        Error::BadDer | Error::BadDerTime | Error::TrailingData(_) | Error::MalformedExtensions => {
            CertificateFault::Malformed
        }
        _ => CertificateFault::Authority,
    }
}
