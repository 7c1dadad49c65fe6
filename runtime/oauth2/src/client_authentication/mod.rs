//! Who calls: from presented credentials to an [`AuthenticatedClient`] (RFC 6749 section 2.3).
//!
//! A client has exactly one method, and only that one is taken: a client registered for assertions
//! cannot be impersonated with a secret that leaked years ago.

pub(crate) mod assertion;
mod assertion_keys;
mod basic;
mod certificate;
mod origin;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use primitives::{ClientId, Secret};

pub use assertion_keys::AssertionKeys;
pub(crate) use assertion_keys::verify_signature;

use crate::client::secret::SecretCheck;
use crate::client::{AuthenticationMethod, Client};
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
    /// What must be written together with whatever the client gets, e.g. the use of an assertion.
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
    #[error("the client's keys could not be fetched")]
    Keys,
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    #[error("the client contradicts its security profile")]
    Profile,
}

/// Credentials as they were presented.
enum Presented<'a> {
    Secret { id: ClientId, secret: Secret<String>, method: AuthenticationMethod },
    Assertion { id: Option<&'a str>, assertion: &'a str },
    Nothing { id: ClientId },
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

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
    match presented(authorization, parameters)? {
        Presented::Secret { id, secret, method } => {
            let client = find(server, &id).await?.map_err(failed)?;
            if client.authentication != method {
                return Err(failed(FailedCause::Method));
            }
            let check = SecretCheck {
                sealer: &server.sealer,
                hasher: server.ports.hasher.as_ref(),
                verified: &server.verified_secrets,
                tenant: &server.tenant,
            };
            if !check.matches(&id, &client.record.secrets, &secret).await? {
                return Err(failed(FailedCause::Secret));
            }
            Ok(AuthenticatedClient { client, writes: Vec::new() })
        }
        Presented::Assertion { id, assertion } => assertion::verify(server, id, assertion).await,
        Presented::Nothing { id } => {
            let client = find(server, &id).await?.map_err(failed)?;
            match client.authentication {
                AuthenticationMethod::None => Ok(AuthenticatedClient { client, writes: Vec::new() }),
                method if method.uses_certificate() => certificate::verify(server, client, certificate).await,
                _ => Err(failed(FailedCause::Method)),
            }
        }
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

/// Sorts out which method is used; more than one is an error (RFC 6749 section 2.3).
fn presented<'a>(
    authorization: Option<&str>,
    parameters: &'a Parameters<'_>,
) -> Result<Presented<'a>, AuthenticationError> {
    let malformed = AuthenticationError::Malformed;
    let failed = |basic, cause| AuthenticationError::Failed { basic, cause };
    let (id, secret) = (parameters.find("client_id"), parameters.find("client_secret"));
    let assertion = parameters.find("client_assertion");
    let methods = [authorization.is_some(), secret.is_some(), assertion.is_some()];
    if methods.into_iter().filter(|used| *used).count() > 1 {
        return Err(malformed("use one method of client authentication, not several"));
    }
    if let Some(authorization) = authorization {
        let (basic_id, secret) =
            basic::parse(authorization).ok_or_else(|| failed(true, FailedCause::NoCredentials))?;
        if id.is_some_and(|id| id != basic_id) {
            return Err(malformed("client_id is not that of the Authorization header"));
        }
        let id = basic_id.parse().map_err(|_| failed(true, FailedCause::UnknownClient))?;
        return Ok(Presented::Secret { id, secret, method: AuthenticationMethod::ClientSecretBasic });
    }
    if let Some(assertion) = assertion {
        if parameters.find("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(malformed("client_assertion_type is not supported"));
        }
        return Ok(Presented::Assertion { id, assertion });
    }
    let id = id.ok_or_else(|| failed(false, FailedCause::NoCredentials))?;
    let id: ClientId = id.parse().map_err(|_| failed(false, FailedCause::UnknownClient))?;
    Ok(match secret {
        None => Presented::Nothing { id },
        Some(secret) => Presented::Secret {
            id,
            secret: Secret::new(secret.to_owned()),
            method: AuthenticationMethod::ClientSecretPost,
        },
    })
}
