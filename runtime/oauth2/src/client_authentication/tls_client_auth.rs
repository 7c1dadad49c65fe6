//! `tls_client_auth` (RFC 8705 section 2.1).
//!
//! The client names itself by `client_id`, and its certificate proves it: by an authority of the tenant and the one name that
//! the client has registered. A client has this method or the other one by certificates, so that nobody can choose the weaker.

use futures_util::future::BoxFuture;

use super::FailedCause;
use super::method::{Credential, Method, NotProven, Proof};
use crate::client::{Client, ClientDocument, InvalidClient};
use crate::mtls::{CertificateChain, CertificateFault, InvalidSubject, RegisteredSubject};
use crate::server::AuthorizationServer;
use crate::settings::Settings;
use crate::write::Write;

pub(super) struct TlsClientAuth;

impl Method for TlsClientAuth {
    fn name(&self) -> &'static str {
        "tls_client_auth"
    }

    fn about(&self) -> &'static str {
        "A certificate that an authority of the tenant has signed (RFC 8705 section 2.1)."
    }

    fn proof(&self) -> Proof {
        Proof::Certificate
    }

    fn is_offered(&self, settings: &Settings) -> bool {
        settings.client_certificates.enabled
    }

    fn check_document(&self, document: &ClientDocument) -> Result<(), InvalidClient> {
        RegisteredSubject::find(document)?.ok_or(InvalidSubject::NotOne)?;
        Ok(())
    }

    fn verify<'a>(
        &'a self,
        server: &'a AuthorizationServer,
        client: &'a Client,
        credential: Credential<'a>,
    ) -> BoxFuture<'a, Result<Vec<Write>, NotProven>> {
        Box::pin(async move {
            let chain = presented_chain(server, &credential)?;
            // Who vouches comes first, so that nobody learns from names that anybody can write.
            server.certificate_authorities.verify(chain, server.now())?;
            client.certificate_subject.as_ref().ok_or(CertificateFault::Subject)?.check(chain)?;
            Ok(Vec::new())
        })
    }
}

/// The certificate that the connection was made with, where the tenant takes any.
pub(super) fn presented_chain<'a>(
    server: &AuthorizationServer,
    credential: &Credential<'a>,
) -> Result<&'a CertificateChain, NotProven> {
    let Credential::Connection(certificate) = credential else { return Err(FailedCause::Method.into()) };
    let chain = certificate.chain().filter(|_| server.settings.client_certificates.enabled);
    Ok(chain.ok_or(CertificateFault::Missing)?)
}
