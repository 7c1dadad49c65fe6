//! `private_key_jwt` (RFC 7523 section 3, OpenID Connect Core section 9).
//!
//! Attacks: an assertion made for another server (its `aud` must be us and nobody else), one signed
//! with a public key as a shared secret (no symmetric algorithm is ever tried), one used twice (its
//! `jti` is a row whose insertion is part of the very change that issues the tokens).

use primitives::time::ClockTolerance;
use primitives::{Timestamp, base64url};
use ring::digest::{SHA256, digest};

use jose::{ClaimRules, Expiry, UnverifiedJwt, ValidClaims};

use super::assertion_keys::verify_signature;
use super::{AuthenticatedClient, AuthenticationError, FailedCause, find};
use crate::client::{AuthenticationMethod, Client};
use crate::security_profile;
use crate::server::AuthorizationServer;
use crate::write::Write;

pub(super) async fn verify(
    server: &AuthorizationServer,
    client_id: Option<&str>,
    assertion: &str,
) -> Result<AuthenticatedClient, AuthenticationError> {
    let failed = |cause| AuthenticationError::Failed { basic: false, cause };
    let unverified = UnverifiedJwt::parse(assertion).map_err(|_| failed(FailedCause::AssertionMalformed))?;
    let claimed = unverified.unverified_claim("sub").unwrap_or("");
    if client_id.is_some_and(|id| id != claimed) {
        return Err(failed(FailedCause::AssertionClaims));
    }
    let id = claimed.parse().map_err(|_| failed(FailedCause::UnknownClient))?;
    let client = find(server, &id).await?.map_err(failed)?;
    if client.authentication != AuthenticationMethod::PrivateKeyJwt {
        return Err(failed(FailedCause::Method));
    }
    let registered = client.record.document.token_endpoint_auth_signing_alg.as_deref();
    let signed = verify_signature(server, &client, registered, unverified).await.map_err(failed)?;
    let now = server.clock.now();
    let us = [
        server.issuer.as_str(),
        &server.endpoints.token,
        &server.endpoints.pushed_authorization_request,
        &server.endpoints.device_authorization,
    ];
    let is_strict = security_profile::of(server, &client).is_some();
    let us = if is_strict { us.get(..1).unwrap_or_default() } else { us.as_slice() };
    let claims = signed
        .validate(&rules(server, client.id.as_str(), us), now)
        .map_err(|_| failed(FailedCause::AssertionClaims))?;
    if is_strict && !claims.claim("aud").is_some_and(serde_json::Value::is_string) {
        return Err(failed(FailedCause::AssertionClaims));
    }
    let write = check_claims(&client, &claims).ok_or_else(|| failed(FailedCause::AssertionClaims))?;
    if let Write::UseAssertion { jti, .. } = &write
        && server.ports.tokens.is_assertion_used(&server.tenant, &client.id, jti).await?
    {
        return Err(failed(FailedCause::AssertionReplayed));
    }
    Ok(AuthenticatedClient { client, writes: vec![write] })
}

/// What every assertion is held to (RFC 7523 section 3): its maker, one of our names, and an end that is near.
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

/// What the general rules do not say: the client speaks about itself, to us alone, once.
fn check_claims(client: &Client, claims: &ValidClaims) -> Option<Write> {
    if claims.subject() != Some(client.id.as_str()) || claims.audience().len() != 1 {
        return None;
    }
    let jti = claims.id().filter(|jti| !jti.is_empty())?;
    Some(Write::UseAssertion {
        client: client.id.clone(),
        jti: base64url::encode(digest(&SHA256, jti.as_bytes())),
        expires_at: remembered_until(claims)?,
    })
}
