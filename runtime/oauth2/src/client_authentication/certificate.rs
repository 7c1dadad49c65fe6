//! `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705 section 2).
//!
//! The client names itself by `client_id`, and its certificate proves it: by an authority of the tenant and the one name that
//! the client has registered, or by a key that the client has published. A client has one of the two methods, so that nobody can
//! choose the weaker one.

use std::sync::Arc;

use super::{AuthenticatedClient, AuthenticationError, FailedCause};
use crate::client::{AuthenticationMethod, Client};
use crate::mtls::{CertificateChain, CertificateFault, PresentedCertificate, thumbprint_of_key};
use crate::server::AuthorizationServer;

pub(super) async fn verify(
    server: &AuthorizationServer,
    client: Arc<Client>,
    presented: PresentedCertificate<'_>,
) -> Result<AuthenticatedClient, AuthenticationError> {
    let failed = |cause| AuthenticationError::Failed { basic: false, cause };
    let chain = presented.chain().filter(|_| server.settings.client_certificates.enabled);
    let chain = chain.ok_or_else(|| failed(CertificateFault::Missing.into()))?;
    match client.authentication {
        AuthenticationMethod::TlsClientAuth => {
            check_authority(server, &client, chain).map_err(|fault| failed(fault.into()))?;
        }
        AuthenticationMethod::SelfSignedTlsClientAuth => {
            check_key(server, &client, chain).await.map_err(failed)?;
        }
        AuthenticationMethod::ClientSecretBasic
        | AuthenticationMethod::ClientSecretPost
        | AuthenticationMethod::PrivateKeyJwt
        | AuthenticationMethod::None => return Err(failed(FailedCause::Method)),
    }
    Ok(AuthenticatedClient { client, writes: Vec::new() })
}

/// Section 2.1: who vouches comes first, so that nobody learns from names that anybody can write.
fn check_authority(
    server: &AuthorizationServer,
    client: &Client,
    chain: &CertificateChain,
) -> Result<(), CertificateFault> {
    server.certificate_authorities.verify(chain, server.now())?;
    client.certificate_subject.as_ref().ok_or(CertificateFault::Subject)?.check(chain)
}

/// Section 2.2.
async fn check_key(
    server: &AuthorizationServer,
    client: &Client,
    chain: &CertificateChain,
) -> Result<(), FailedCause> {
    let wanted = thumbprint_of_key(chain)?;
    for again in [false, true] {
        let keys = server.assertion_keys.load_set(server, client, again).await?;
        if keys.keys.iter().any(|key| key.thumbprint() == wanted) {
            return Ok(());
        }
    }
    Err(CertificateFault::Key.into())
}
