//! Who calls: from presented credentials to an [`AuthenticatedClient`] (RFC 6749 section 2.3).
//!
//! A client has exactly one method, and only that one is taken: a client registered for assertions
//! cannot be impersonated with a secret that leaked years ago. `method.rs` is the table of methods, each in a file of its own.
//!
//! What a request has proven itself with is used up when it is refused, too ([`AuthenticatedClient::writes`]), but where we failed.
//! Each use is a row, so a client that nobody vouches for has so many of them (`refused_uses.rs`).

pub(crate) mod assertion;
mod assertion_keys;
mod client_secret_basic;
mod client_secret_post;
pub(crate) mod method;
mod none;
mod origin;
mod private_key_jwt;
mod refused_uses;
mod secret;
mod self_signed_tls_client_auth;
#[cfg(test)]
mod tests;
mod tls_client_auth;

use std::sync::Arc;

use jose::Algorithm;
use primitives::ClientId;

pub use assertion_keys::AssertionKeys;
pub(crate) use assertion_keys::verify_signature;
pub use method::{AuthenticationMethod, Proof};
pub(crate) use refused_uses::{RefusedUses, Spent};

use self::method::{Credential, NotProven, Presented};
use crate::client::Client;
use crate::metadata_document::find_stored_or_described;
use crate::mtls::{CertificateFault, PresentedCertificate};
use crate::parameters::Parameters;
use crate::ports::PortError;
use crate::security_profile;
use crate::server::AuthorizationServer;
use crate::token::ClientRequest;
use crate::write::Write;

/// A client that proved who it is, or a public one that need not.
#[derive(Debug, Clone)]
pub struct AuthenticatedClient {
    /// The client.
    pub client: Arc<Client>,
    /// What must be written together with whatever the client gets, also where that is a refusal: the use of an assertion.
    pub writes: Vec<Write>,
}

/// Why the caller is not an authenticated client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// The request is not of any method's form: two methods at once, or a header that does not parse.
    #[error("{0}")]
    Malformed(&'static str),
    /// Wrong or missing proof. One answer for an unknown client, a wrong secret and a wrong method.
    #[error("client authentication failed")]
    Failed {
        /// Whether HTTP authentication was used, so that the answer must name the scheme.
        basic: bool,
        /// For the log.
        cause: FailedCause,
    },
    /// Ours.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What exactly was wrong; for the log and for tests, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what it is")]
pub enum FailedCause {
    #[error("no credentials were presented")]
    NoCredentials,
    #[error("no such client")]
    UnknownClient,
    #[error("the client is disabled")]
    Disabled,
    #[error("the client is registered for another method")]
    Method,
    #[error("the secret is wrong")]
    Secret,
    #[error("the assertion is malformed, or of the wrong type")]
    AssertionMalformed,
    #[error("the assertion's signature is wrong, or by no key of the client")]
    AssertionSignature,
    #[error("the assertion's claims are not acceptable")]
    AssertionClaims,
    #[error("the assertion was used before")]
    AssertionReplayed,
    #[error("the client's keys could not be fetched, or are none")]
    Keys,
    #[error("the client has no key for {0}")]
    NoKeyFor(Algorithm),
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    #[error("the client contradicts its security profile")]
    Profile,
}

/// Authenticates the caller of a back-channel endpoint.
pub async fn authenticate(
    server: &AuthorizationServer,
    request: &ClientRequest<'_>,
) -> Result<AuthenticatedClient, AuthenticationError> {
    let ClientRequest { authorization, parameters, certificate, .. } = *request;
    if certificate == PresentedCertificate::Malformed {
        // Whoever it is: two readers of the request might look at different certificates.
        return Err(AuthenticationError::Malformed(
            "the client certificate is malformed, or there are several",
        ));
    }
    let basic = authorization.is_some();
    let failed = |cause| AuthenticationError::Failed { basic, cause };
    let (method, id, credential) = match presented(*request)? {
        Some((method, Presented { client, credential })) => (Some(method), client, credential),
        None => (None, named(parameters)?, Credential::Connection(certificate)),
    };
    let client = find(server, &id).await?.map_err(failed)?;
    if client.is_self_made() && server.refused_uses.are_too_many(&client.id, server.now()) {
        return Err(PortError::busy("too many requests of this client were refused").into());
    }
    if method.is_some_and(|method| method != client.authentication) {
        return Err(failed(FailedCause::Method));
    }
    match client.authentication.method().verify(server, &client, credential).await {
        Ok(writes) => Ok(AuthenticatedClient { client, writes }),
        Err(NotProven::Failed(cause)) => Err(failed(cause)),
        Err(NotProven::Port(error)) => Err(error.into()),
    }
}

async fn find(
    server: &AuthorizationServer,
    id: &ClientId,
) -> Result<Result<Arc<Client>, FailedCause>, PortError> {
    let client = find_stored_or_described(server, id).await?;
    Ok(match client {
        None => Err(FailedCause::UnknownClient),
        Some(client) if !client.record.is_usable(server.now()) => Err(FailedCause::Disabled),
        Some(client) if security_profile::contradicts(server, &client).is_some() => Err(FailedCause::Profile),
        Some(client) => Ok(client),
    })
}

/// What a request brings, and for which method; more than one is an error (RFC 6749 section 2.3).
fn presented(
    request: ClientRequest<'_>,
) -> Result<Option<(AuthenticationMethod, Presented<'_>)>, AuthenticationError> {
    let mut found =
        AuthenticationMethod::all().filter_map(|method| Some((method, method.method().find(request)?)));
    let first = found.next();
    let is_taken = first.as_ref().is_some_and(|(method, _)| method.proof() == Proof::Signature);
    let is_left = request.parameters.find("client_assertion").is_some() && !is_taken;
    if first.is_some() && (is_left || found.next().is_some()) {
        let text = "use one method of client authentication, not several";
        return Err(AuthenticationError::Malformed(text));
    }
    if is_left {
        return Err(AuthenticationError::Malformed("client_assertion_type is not supported"));
    }
    first.map(|(method, presented)| presented.map(|presented| (method, presented))).transpose()
}

/// Whom `client_id` names.
fn named(parameters: &Parameters<'_>) -> Result<ClientId, AuthenticationError> {
    let failed = |cause| AuthenticationError::Failed { basic: false, cause };
    let id = parameters.find("client_id").ok_or_else(|| failed(FailedCause::NoCredentials))?;
    id.parse().map_err(|_| failed(FailedCause::UnknownClient))
}
