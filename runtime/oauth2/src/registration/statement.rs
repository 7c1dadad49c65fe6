//! Software statements (RFC 7591 section 2.3): what somebody whom the tenant trusts says of a piece of software.
//!
//! Attack: something else that the publisher has signed by the same key, an ID token or an assertion, passes for its statement.
//! The RFC has no `typ` for statements, and publishers have none or one of their own; so what calls itself another thing is
//! refused, what says what only other things say, and what is addressed to somebody else.

use jose::{ClaimRules, Expiry, JwkSet, UnverifiedJwt, ValidClaims, VerifyingKeys};
use primitives::time::ClockTolerance;
use serde_json::{Map, Value};

use super::RegistrationError;
use crate::server::AuthorizationServer;

/// The claims about the statement itself; the others are about the software.
const OF_THE_STATEMENT: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// What other kinds of tokens call themselves (RFC 8725 section 3.11).
const OTHER_KINDS: [&str; 14] = [
    "at+jwt",
    "client-authentication+jwt",
    "dc+sd-jwt",
    "dpop+jwt",
    "entity-statement+jwt",
    "kb+jwt",
    "logout+jwt",
    "oauth-authz-req+jwt",
    "oauth-id-jag+jwt",
    "openid4vci-proof+jwt",
    "secevent+jwt",
    "token-introspection+jwt",
    "vc+jwt",
    "vc+sd-jwt",
];

/// Claims of ID tokens (OpenID Connect Core section 2), and of security events and logout tokens (RFC 8417 section 2.2).
const OF_OTHER_KINDS: [&str; 2] = ["nonce", "events"];

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
    if is_of_another_kind(signed.header().typ.as_deref()) {
        return Err(invalid());
    }
    let rules = ClaimRules {
        token_type: None,
        issuer: Some(&publisher.issuer),
        // Most statements are for whoever reads them; one that names somebody is held to it below.
        audience: &[],
        // Most statements have no end; one that names it is held to it below.
        expiry: Expiry::Ignored,
        max_lifetime: None,
        tolerance: ClockTolerance::default(),
    };
    let claims = signed.validate(&rules, server.now()).map_err(|_| invalid())?;
    let is_over = claims.expires_at().is_some_and(|until| server.now() >= until);
    let says_other_things = OF_OTHER_KINDS.iter().any(|name| claims.claim(name).is_some());
    if is_over || says_other_things || !is_for(server, &claims) {
        return Err(invalid());
    }
    let about = claims.all().iter().filter(|(name, _)| !OF_THE_STATEMENT.contains(&name.as_str()));
    request.extend(about.map(|(name, value)| (name.clone(), value.clone())));
    let claims = claims.all().clone();
    Ok((request, Some(Statement { text, claims })))
}

/// Media types compare without case, with or without `application/` (RFC 7515 section 4.1.9).
pub(super) fn is_of_another_kind(typ: Option<&str>) -> bool {
    let typ = typ.unwrap_or_default().to_ascii_lowercase();
    OTHER_KINDS.contains(&typ.strip_prefix("application/").unwrap_or(&typ))
}

/// Whether a statement is for nobody in particular, or for this server.
fn is_for(server: &AuthorizationServer, claims: &ValidClaims) -> bool {
    let ours = [server.issuer.as_str(), server.endpoints.registration.as_str()];
    let audience = claims.audience();
    audience.is_empty() || audience.iter().any(|one| ours.contains(&one.as_str()))
}
