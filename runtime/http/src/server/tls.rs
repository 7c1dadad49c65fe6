//! A listener's certificate: read from its files, and again when they change.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::peer::{Asked, PeerCertificate};

/// Certificate, key and client authority of a listener, as files and as they are in use.
#[derive(Debug)]
pub(crate) struct TlsFiles {
    cert: PathBuf,
    key: PathBuf,
    asked: Asked,
    current: ArcSwap<ServerConfig>,
    read: Mutex<Vec<Option<SystemTime>>>,
}

impl TlsFiles {
    /// Reads the files; says what is wrong with which.
    pub(super) fn open(cert: &Path, key: &Path, asked: Asked) -> Result<Self, String> {
        let config = configuration(cert, key, &asked)?;
        let files = Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            asked,
            current: ArcSwap::from_pointee(config),
            read: Mutex::default(),
        };
        *files.read.lock().unwrap_or_else(PoisonError::into_inner) = files.changed_at();
        Ok(files)
    }

    /// Accepts with the certificate of this moment.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// What the certificates are worth that the other end of a connection has shown.
    pub(super) fn worth(&self, shown: Option<&[CertificateDer<'_>]>) -> PeerCertificate {
        self.asked.worth(shown)
    }

    /// Reads the files again if one of them changed. Connections that are open keep what they have.
    pub(super) fn reload_if_changed(&self) {
        let now = self.changed_at();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if *read == now {
            return;
        }
        match configuration(&self.cert, &self.key, &self.asked) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                tracing::info!(certificate = %self.cert.display(), "a new certificate is in use");
                *read = now;
            }
            // Certificate and key are written one after the other: the next look may find both.
            Err(reason) => tracing::error!(reason, "the former certificate stays in use"),
        }
    }

    fn changed_at(&self) -> Vec<Option<SystemTime>> {
        let files = [Some(&self.cert), Some(&self.key), self.asked.file()];
        let modified = |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
        files.into_iter().flatten().map(modified).collect()
    }
}

pub(super) fn configuration(cert: &Path, key: &Path, asked: &Asked) -> Result<ServerConfig, String> {
    let named = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let chain = certificates(cert).map_err(|error| named(cert, &error))?;
    let private = fs::read(key).map_err(|error| named(key, &error))?;
    let private = PrivateKeyDer::from_pem_slice(&private).map_err(|error| named(key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match asked.verifier(&provider)? {
        None => builder.with_no_client_auth(),
        Some(verifier) => builder.with_client_cert_verifier(verifier),
    };
    let mut config = builder.with_single_cert(chain, private).map_err(|error| named(cert, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

pub(crate) fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let text = fs::read(path)?;
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(io::Error::other)?;
    if chain.is_empty() { Err(io::Error::other("holds no certificate")) } else { Ok(chain) }
}
