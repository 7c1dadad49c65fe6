//! What the caller of the token endpoint has shown to hold: its tokens are bound to it.
//!
//! A key by a proof (RFC 9449), or a certificate by the connection (RFC 8705). One of them: a token names one holder, so that
//! whoever checks it need not choose.

use super::TokenError;
use crate::client::Client;
use crate::confirmation::{Confirmation, Thumbprint};
use crate::dpop::{ProofFault, ProvenKey};
use crate::server::AuthorizationServer;
use crate::token::ClientRequest;
use crate::write::Write;

/// What the caller holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A key whose possession a proof has shown.
    Key(ProvenKey),
    /// The certificate of this hash, with its key.
    Certificate(Thumbprint),
}

impl Holder {
    /// What a token is that is bound to it.
    pub(crate) fn confirmation(&self) -> Confirmation {
        match self {
            Self::Key(key) => key.confirmation(),
            Self::Certificate(thumbprint) => Confirmation::Certificate(thumbprint.clone()),
        }
    }

    /// The key of its proof, if there is one.
    pub(crate) const fn key(&self) -> Option<&Thumbprint> {
        match self {
            Self::Key(key) => Some(key.thumbprint()),
            Self::Certificate(_) => None,
        }
    }

    /// What showing it uses up.
    pub(crate) fn write(&self) -> Option<Write> {
        match self {
            Self::Key(key) => Some(key.write()),
            Self::Certificate(_) => None,
        }
    }
}

impl AuthorizationServer {
    /// Phase 3: what the caller holds, if it shows anything, and whether it is what its tokens must be bound to. `key` is that of
    /// its proof.
    pub(super) fn check_holder(
        &self,
        request: &ClientRequest<'_>,
        client: &Client,
        key: Option<ProvenKey>,
    ) -> Result<Option<Holder>, TokenError> {
        let document = &client.record.document;
        if document.tls_client_certificate_bound_access_tokens == Some(true) {
            if key.is_some() {
                let text =
                    "tokens of this client are bound to its certificate, and not to the key of a DPoP proof";
                return Err(TokenError::InvalidRequest(text.into()));
            }
            let thumbprint = request.certificate.thumbprint();
            // RFC 8705 section 3.4. A token of such a client is issued in no other way.
            let thumbprint = thumbprint.filter(|_| self.settings.client_certificates.enabled).ok_or(
                TokenError::InvalidRequest(
                    "tokens of this client are bound to a certificate, and there is none".into(),
                ),
            )?;
            return Ok(Some(Holder::Certificate(thumbprint)));
        }
        // RFC 9449 section 5.2. Nor is a token of such a client issued in another way.
        if key.is_none() && document.dpop_bound_access_tokens == Some(true) {
            return Err(TokenError::InvalidProof(ProofFault::Missing));
        }
        Ok(key.map(Holder::Key))
    }
}
