//! The certificates of an attestation (`x5c`), and whether they lead to an anchor that the operator trusts (WebAuthn L3
//! section 7.1 step 24, RFC 5280 section 6).
//!
//! | attack | what stops it |
//! |---|---|
//! | so many or so large certificates that checking them takes long | five, of 8 KiB each |
//! | a certificate of a site, or of another device, signs certificates of authenticators | `webpki` asks each issuer for `cA` and `pathLenConstraint`; here for `keyCertSign` |
//! | an authority attests as if it were an authenticator | the first certificate is none of an authority |
//! | whatever follows the certificates that were needed is kept, or read by somebody else | each is needed, in its place, or is an anchor byte for byte |
//!
//! Revocation is not asked for: nothing is fetched while somebody registers a key. Who finds a model unsafe denies it by
//! its AAGUID, or takes the anchor away.

use std::time::Duration;

use primitives::Timestamp;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert};

use super::certificate::Certificate;
use crate::webauthn::CeremonyError;
use crate::webauthn::cbor::Map;
use crate::webauthn::cose::{EDDSA, ES256, RS256};

/// The longest chain: a device's key, and the makers of it.
const MOST_CERTIFICATES: usize = 5;
/// The largest certificate, in bytes; those of authenticators have one or two thousand.
const MOST_BYTES: usize = 8 * 1024;

/// Certificates, the attesting one first.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    first: CertificateDer<'a>,
    others: Vec<CertificateDer<'a>>,
}

impl<'a> Chain<'a> {
    /// Those of a statement, if it has any.
    pub(super) fn read(statement: &Map<'a>) -> Result<Option<Self>, CeremonyError> {
        const BROKEN: CeremonyError = CeremonyError::Attestation;
        let Some(certificates) = statement.text("x5c") else { return Ok(None) };
        let certificates = certificates.as_array().ok_or(BROKEN)?;
        if certificates.len() > MOST_CERTIFICATES {
            return Err(BROKEN);
        }
        let mut read = certificates.iter().map(|certificate| {
            let bytes = certificate.as_bytes().filter(|bytes| bytes.len() <= MOST_BYTES);
            bytes.map(CertificateDer::from).ok_or(BROKEN)
        });
        let first = read.next().ok_or(BROKEN)??;
        Ok(Some(Self { first, others: read.collect::<Result<_, _>>()? }))
    }

    /// Those of a statement that must have some.
    pub(super) fn required(statement: &Map<'a>) -> Result<Self, CeremonyError> {
        Self::read(statement)?.ok_or(CeremonyError::Attestation)
    }

    /// The attesting certificate.
    pub(super) fn first(&self) -> Result<Certificate<'_>, CeremonyError> {
        Certificate::read(&self.first)
    }

    /// Whether it is the attesting certificate alone.
    pub(super) const fn is_single(&self) -> bool {
        self.others.is_empty()
    }

    /// Whether the attesting certificate's key made a signature with an algorithm, by its COSE number.
    pub(super) fn is_signed(&self, algorithm: i64, message: &[u8], signature: &[u8]) -> bool {
        let Some(algorithm) = signature_algorithm(algorithm) else { return false };
        EndEntityCert::try_from(&self.first)
            .is_ok_and(|first| first.verify_signature(algorithm, message, signature).is_ok())
    }

    /// Whether they lead to one of these anchors at a time.
    pub(super) fn leads_to(&self, anchors: &[CertificateDer<'_>], now: Timestamp) -> bool {
        let trusted: Vec<_> =
            anchors.iter().filter_map(|anchor| anchor_from_trusted_cert(anchor).ok()).collect();
        let Ok(first) = EndEntityCert::try_from(&self.first) else { return false };
        let Ok(seconds) = u64::try_from(now.seconds()) else { return false };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        let Ok(path) =
            first.verify_for_usage(algorithms, &trusted, &self.others, now, AnyPurpose, None, None)
        else {
            return false;
        };
        let mut given = self.others.iter();
        for used in path.intermediate_certificates() {
            let is_next = given.next().is_some_and(|next| *next == used.der());
            if !is_next || !Certificate::read(&used.der()).is_ok_and(|issuer| issuer.may_sign_certificates())
            {
                return false;
            }
        }
        match given.as_slice() {
            [] => true,
            [last] => anchors.contains(last),
            _ => false,
        }
    }
}

/// What a certificate may be used for is the formats' question: that of a TPM has a purpose of its own, most have none.
#[derive(Debug)]
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// The algorithm of a COSE number. `RS1` (-65535), with which old TPMs sign, is none: SHA-1 proves nothing.
fn signature_algorithm(number: i64) -> Option<&'static dyn SignatureVerificationAlgorithm> {
    Some(match number {
        ES256 => webpki::ring::ECDSA_P256_SHA256,
        EDDSA => webpki::ring::ED25519,
        -35 => webpki::ring::ECDSA_P384_SHA384,
        RS256 => webpki::ring::RSA_PKCS1_2048_8192_SHA256,
        -258 => webpki::ring::RSA_PKCS1_2048_8192_SHA384,
        -259 => webpki::ring::RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}
