//! A certificate that an authority of the test's own has signed.

use std::sync::Arc;

use anyhow::anyhow;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// A certificate with its key and its authority.
#[derive(Debug)]
pub struct Certificate {
    authority: String,
    signed: rcgen::Certificate,
    key: KeyPair,
}

impl Certificate {
    /// For a name or an address, signed by a new authority.
    pub fn of(name: &str) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let signed = CertificateParams::new(vec![name.to_owned()])?.signed_by(&key, &authority)?;
        Ok(Self { authority: authority.pem(), signed, key })
    }

    /// The authority's own certificate, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).map_err(|error| anyhow!(error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.signed.der().clone()], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
