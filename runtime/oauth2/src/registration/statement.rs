//! Software statements (RFC 7591 section 2.3): what somebody whom the tenant trusts says of a piece of software.

use jose::{ClaimRules, Expiry, JwkSet, UnverifiedJwt, VerifyingKeys};
use primitives::time::ClockTolerance;
use serde_json::{Map, Value};

use super::RegistrationError;
use crate::server::AuthorizationServer;

/// The claims about the statement itself; the others are about the software.
const OF_THE_STATEMENT: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// A statement of a publisher that the tenant trusts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    /// As it came.
    pub(super) text: String,
    /// All that it says, of itself too.
    pub(crate) claims: Map<String, Value>,
}

/// Puts what the request's statement says in the place of what the request says; gives the statement too.
pub(super) fn apply(
    server: &AuthorizationServer,
    mut request: Map<String, Value>,
) -> Result<(Map<String, Value>, Option<Statement>), RegistrationError> {
    let text = match request.remove("software_statement") {
        // Attack: a client that its publisher vouched for takes back what was said of it, by a request without the statement.
        None if server.settings.registration.require_software_statement => {
            return Err(RegistrationError::MissingStatement);
        }
        None => return Ok((request, None)),
        Some(Value::String(text)) => text,
        Some(_) => return Err(RegistrationError::InvalidStatement),
    };
    let invalid = || RegistrationError::InvalidStatement;
    let unverified = UnverifiedJwt::parse(&text).map_err(|_| invalid())?;
    let issuer = unverified.unverified_claim("iss").map(str::to_owned);
    let publishers = &server.settings.registration.software_publishers;
    let publisher = publishers.iter().find(|publisher| Some(&publisher.issuer) == issuer.as_ref());
    let publisher = publisher.ok_or(RegistrationError::UnapprovedStatement)?;
    let keys = JwkSet::from_map(&publisher.jwks).and_then(|set| VerifyingKeys::from_set(&set, None));
    let signed = unverified.verify(&keys.map_err(|_| invalid())?).map_err(|_| invalid())?;
    let rules = ClaimRules {
        token_type: None,
        issuer: Some(&publisher.issuer),
        audience: &[],
        // Most statements have no end; one that names it is held to it below.
        expiry: Expiry::Ignored,
        max_lifetime: None,
        tolerance: ClockTolerance::default(),
    };
    let claims = signed.validate(&rules, server.now()).map_err(|_| invalid())?;
    if claims.expires_at().is_some_and(|until| server.now() >= until) {
        return Err(invalid());
    }
    let about = claims.all().iter().filter(|(name, _)| !OF_THE_STATEMENT.contains(&name.as_str()));
    request.extend(about.map(|(name, value)| (name.clone(), value.clone())));
    let claims = claims.all().clone();
    Ok((request, Some(Statement { text, claims })))
}
