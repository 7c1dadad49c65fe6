//! The certificate of whoever sent a request: the connection's, or the one that a trusted proxy tells (RFC 9440).
//!
//! | attack | what stops it |
//! |---|---|
//! | a caller writes the header itself | it counts only from a trusted proxy, and is off the request before anybody else sees it |
//! | a caller writes it beside that of a proxy which adds its own | two of them are none, and the request is refused |
//! | a certificate of the connection beside one of the header | it is not clear whose the request is: refused |
//! | an operator's certificate as an app's, or the other way round | they are of different types (`server::peer`) |
//! | a chain without end, or something huge | `CertificateChain`, and the bounds of a request's head |
//!
//! A proxy that is trusted must itself take the header off what it is sent (RFC 9440 section 4): `config/client-certificates.md`.

mod forms;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use config::CertificateHeader;
use http::HeaderMap;
use oauth2::mtls::{CertificateChain, PresentedCertificate};

use crate::node::Node;
use crate::server::{Entrance, PeerCertificate};

/// The certificate of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum RequestCertificate {
    #[default]
    Absent,
    One(Arc<CertificateChain>),
    /// What there is is none, or it is not clear which one counts.
    Malformed,
}

impl RequestCertificate {
    /// As the authorization server takes it.
    pub(crate) fn presented(&self) -> PresentedCertificate<'_> {
        match self {
            Self::Absent => PresentedCertificate::Absent,
            Self::One(chain) => PresentedCertificate::One(chain),
            Self::Malformed => PresentedCertificate::Malformed,
        }
    }
}

/// Finds the certificate of a request, and takes its headers off.
pub(crate) fn take(node: &Node, entrance: &Entrance, headers: &mut HeaderMap) -> RequestCertificate {
    let told = match &node.settings.client_certificate_header {
        None => RequestCertificate::Absent,
        Some(header) => {
            let is_trusted = node.settings.trusted_proxies.contains(entrance.peer);
            told(header, is_trusted, headers)
        }
    };
    join(&entrance.certificate, told)
}

/// What a proxy tells.
fn told(header: &CertificateHeader, is_trusted: bool, headers: &mut HeaderMap) -> RequestCertificate {
    let found = if is_trusted { forms::read(header, headers) } else { RequestCertificate::Absent };
    for name in header.names() {
        headers.remove(name);
    }
    found
}

/// The one certificate of connection and header. An operator's is no app's.
fn join(connection: &PeerCertificate, told: RequestCertificate) -> RequestCertificate {
    match (connection, told) {
        (PeerCertificate::None | PeerCertificate::Operator, told) => told,
        (PeerCertificate::App(chain), RequestCertificate::Absent) => {
            RequestCertificate::One(Arc::clone(chain))
        }
        (PeerCertificate::App(_), RequestCertificate::One(_) | RequestCertificate::Malformed) => {
            RequestCertificate::Malformed
        }
    }
}
