//! What every assertion is held to, whoever makes it (RFC 7523 section 3).

use jose::{ClaimRules, Expiry, ValidClaims};
use primitives::Timestamp;
use primitives::time::ClockTolerance;

use crate::server::AuthorizationServer;

/// What every assertion is held to: its maker, one of our names, and an end that is near.
pub(crate) fn rules<'a>(
    server: &AuthorizationServer,
    issuer: &'a str,
    audience: &'a [&'a str],
) -> ClaimRules<'a> {
    ClaimRules {
        token_type: None,
        issuer: Some(issuer),
        audience,
        expiry: Expiry::Enforced,
        max_lifetime: Some(server.settings.client_assertion_lifespan.0),
        tolerance: ClockTolerance::default(),
    }
}

/// Until when an assertion is remembered that was used: as long as it could still be taken, and a little more.
pub(crate) fn remembered_until(claims: &ValidClaims) -> Option<Timestamp> {
    Some(claims.expires_at()?.after(ClockTolerance::default().0 * 2))
}
