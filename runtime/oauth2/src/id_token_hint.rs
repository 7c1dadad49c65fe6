//! `id_token_hint`: an ID token of ours comes back to say who somebody was (OpenID Connect Core section
//! 3.1.2.1, RP-Initiated Logout section 2). Its expiry does not matter, its signature does.

use jose::{ClaimRules, Expiry, TokenType, UnverifiedJwt};
use primitives::time::ClockTolerance;
use primitives::{ClientId, IdentityId, SessionId};
use serde_json::Value;

use crate::authorization::external::resolve;
use crate::ports::PortError;
use crate::server::AuthorizationServer;

/// What a verified hint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hint {
    /// Whom it is about.
    pub(crate) subject: IdentityId,
    /// The session in which it was issued.
    pub(crate) session: SessionId,
    /// To whom it was issued.
    pub(crate) client: ClientId,
}

/// Verifies a hint; `None` if it is not an ID token of this issuer.
pub(crate) async fn verify_hint(server: &AuthorizationServer, text: &str) -> Result<Option<Hint>, PortError> {
    let Ok(unverified) = UnverifiedJwt::parse(text) else { return Ok(None) };
    let keys = server.load_keys().await?;
    let Ok(signed) = unverified.verify(keys.verifying()) else { return Ok(None) };
    let rules = ClaimRules {
        // An access token is not a hint.
        token_type: Some(TokenType::Jwt),
        issuer: Some(server.issuer.as_str()),
        audience: &[],
        expiry: Expiry::Ignored,
        max_lifetime: None,
        tolerance: ClockTolerance::default(),
    };
    let Ok(claims) = signed.validate(&rules, server.now()) else { return Ok(None) };
    let session = claims.claim("sid").and_then(Value::as_str).and_then(|sid| sid.parse().ok());
    let subject = match claims.subject() {
        Some(sub) => Some(resolve(server, sub).await?.id),
        None => None,
    };
    let client = match claims.audience() {
        [client] => client.parse().ok(),
        _ => None,
    };
    Ok(subject.zip(session).zip(client).map(|((subject, session), client)| Hint { subject, session, client }))
}
