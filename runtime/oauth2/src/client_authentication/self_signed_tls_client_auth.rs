//! `self_signed_tls_client_auth` (RFC 8705 section 2.2).
//!
//! The client names itself by `client_id`, and the key of its certificate is one that it has published. Who signed the
//! certificate, and what it says, is nothing.

use futures_util::future::BoxFuture;

use super::method::{Credential, Method, NotProven, Proof};
use super::tls_client_auth::presented_chain;
use crate::client::{Client, ClientDocument, InvalidClient};
use crate::mtls::{CertificateFault, thumbprint_of_key};
use crate::server::AuthorizationServer;
use crate::settings::Settings;
use crate::write::Write;

pub(super) struct SelfSignedTlsClientAuth;

impl Method for SelfSignedTlsClientAuth {
    fn name(&self) -> &'static str {
        "self_signed_tls_client_auth"
    }

    fn about(&self) -> &'static str {
        "A certificate whose key is one of the client's (RFC 8705 section 2.2)."
    }

    fn proof(&self) -> Proof {
        Proof::Certificate
    }

    fn is_offered(&self, settings: &Settings) -> bool {
        settings.client_certificates.enabled
    }

    fn check_document(&self, document: &ClientDocument) -> Result<(), InvalidClient> {
        document.check_has_keys(self.name())
    }

    fn verify<'a>(
        &'a self,
        server: &'a AuthorizationServer,
        client: &'a Client,
        credential: Credential<'a>,
    ) -> BoxFuture<'a, Result<Vec<Write>, NotProven>> {
        Box::pin(async move {
            let wanted = thumbprint_of_key(presented_chain(server, &credential)?)?;
            for again in [false, true] {
                let keys = server.assertion_keys.load_set(server, client, again).await?;
                if keys.keys.iter().any(|key| key.thumbprint() == wanted) {
                    return Ok(Vec::new());
                }
            }
            Err(CertificateFault::Key.into())
        })
    }
}
