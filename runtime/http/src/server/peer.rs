//! Whom a listener asks for a certificate, and what the one that it gets is worth.
//!
//! Attack: an app that has a certificate for its tokens comes with it to the admin API. So what a certificate is worth is not
//! whether there is one but who has vouched for it: operators are those whom the listener's own `client_ca` has signed, and only a
//! listener that asks for nobody else makes an [`PeerCertificate::Operator`]. A listener of apps takes every certificate, since who
//! signs an app's is its tenant's to say, and what it takes is an [`PeerCertificate::App`], with which nothing opens here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::listener::Listener;
use oauth2::mtls::CertificateChain;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::tls::certificates;

/// The certificate that the other end of a connection holds the key of, by who vouches for it.
#[derive(Debug, Clone, Default)]
pub(crate) enum PeerCertificate {
    /// It has shown none, or was not asked.
    #[default]
    None,
    /// The listener's own authority does: an operator.
    Operator,
    /// Nobody, yet: that is for the tenant that the request is for.
    App(Arc<CertificateChain>),
}

/// Whom a listener asks for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nobody.
    Nobody,
    /// Operators, by the authorities in this file.
    Operators(PathBuf),
    /// Apps.
    Apps,
}

impl Asked {
    /// Whom a listener asks. One that asks for operators asks for nobody else.
    pub(super) fn by(listener: &Listener) -> Self {
        Self::of(listener.client_ca.as_deref(), listener.app_certificates)
    }

    pub(super) fn of(client_ca: Option<&Path>, apps: bool) -> Self {
        match client_ca {
            Some(file) => Self::Operators(file.to_owned()),
            None if apps => Self::Apps,
            None => Self::Nobody,
        }
    }

    /// The file with whom it trusts.
    pub(super) fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Operators(file) => Some(file),
            Self::Nobody | Self::Apps => None,
        }
    }

    /// What checks certificates at the handshake; none where none is asked for. Whoever has none may still come.
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        match self {
            Self::Nobody => Ok(None),
            Self::Apps => Ok(Some(Arc::new(AnyCertificate { provider: Arc::clone(provider) }))),
            Self::Operators(file) => {
                let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
                let mut roots = RootCertStore::empty();
                for authority in certificates(file).map_err(|error| named(&error))? {
                    roots.add(authority).map_err(|error| named(&error))?;
                }
                let builder =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
                let verifier = builder.allow_unauthenticated().build().map_err(|error| named(&error))?;
                Ok(Some(verifier))
            }
        }
    }

    /// What the certificates are worth that the other end has shown, which its verifier has let pass.
    pub(super) fn worth(&self, shown: Option<&[CertificateDer<'_>]>) -> PeerCertificate {
        let Some(shown) = shown.filter(|shown| !shown.is_empty()) else { return PeerCertificate::None };
        match self {
            Self::Nobody => PeerCertificate::None,
            Self::Operators(_) => PeerCertificate::Operator,
            Self::Apps => {
                chain(shown).map_or(PeerCertificate::None, |chain| PeerCertificate::App(Arc::new(chain)))
            }
        }
    }
}

fn chain(shown: &[CertificateDer<'_>]) -> Option<CertificateChain> {
    CertificateChain::new(shown.iter().map(|one| one.to_vec())).ok()
}

/// Takes every certificate whose key the other end holds, within the bounds of a chain.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// Whom tenants trust is not told to whoever connects.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let all: Vec<_> = std::iter::once(own).chain(intermediates).cloned().collect();
        match chain(&all) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(Error::InvalidCertificate(CertificateError::BadEncoding)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, own, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, own, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
