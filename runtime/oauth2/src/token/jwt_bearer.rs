//! The JWT bearer grant (RFC 7523 section 2.1): an issuer that the tenant trusts says for whom a client may act.
//!
//! The token stands for whom the issuer names (`sub`), who need be nobody here: there is no session, no ID token and no
//! refresh token. Attacks: an assertion for another server (its `aud` must be us and nobody else, as for clients' assertions),
//! without an end or with a late one, used twice by whichever client (its `jti` is a row of the very change that issues),
//! signed by another issuer's key, of a trust that is over, or for more than the trust gives.

use jose::{UnverifiedJwt, ValidClaims, VerifyingKey, VerifyingKeys};
use primitives::base64url;
use primitives::{Actor, AuditEvent};
use ring::digest::{SHA256, digest};

use super::holder::Holder;
use super::request::{check_audience, check_scope};
use super::{Asked, Granted, InvalidGrant, Refused, TokenError};
use crate::client::GrantType;
use crate::client_authentication::assertion::{remembered_until, rules};
use crate::details;
use crate::server::AuthorizationServer;
use crate::trust::TrustedIssuer;
use crate::write::Write;

/// Trusts that are tried on one assertion, the newest: each costs a signature check.
const MOST_TRIALS: u32 = 4;
/// The longest `sub`, in bytes.
const MAX_SUBJECT: usize = 512;

pub(super) async fn run(server: &AuthorizationServer, asked: &Asked<'_>) -> Result<Granted, Refused> {
    let Asked { client, parameters, holder } = *asked;
    let assertion = parameters
        .find("assertion")
        .ok_or(TokenError::InvalidRequest("parameter assertion is missing".into()))?;
    let wrong = || TokenError::InvalidGrant(InvalidGrant::Assertion);
    let (trust, claims) = verify(server, assertion).await?.ok_or_else(wrong)?;
    let subject = claims.subject().unwrap_or_default().to_owned();
    let used = use_once(&trust, &claims).ok_or_else(wrong)?;
    if let Write::UseBearerAssertion { jti, .. } = &used
        && server.ports.tokens.is_bearer_assertion_used(&server.tenant, jti).await?
    {
        return Err(TokenError::InvalidGrant(InvalidGrant::ReplayedAssertion).into());
    }
    let scope = check_scope(parameters, &client.scope)?;
    if !trust.scope.covers(&scope) {
        let text = "the issuer of the assertion may not give this scope";
        return Err(TokenError::InvalidScope(text.into()).into());
    }
    let actor = Actor::Client(client.id.clone());
    let event = AuditEvent::new("assertion.redeemed", actor, "trust", &trust.id);
    Ok(Granted {
        grant_type: GrantType::JwtBearer,
        grant: None,
        subject: Some(subject),
        scope,
        audience: check_audience(parameters, &server.targets(client))?,
        // The issuer has said nothing of them.
        details: details::check_none(parameters)?,
        refresh_token: None,
        confirmation: holder.map(Holder::confirmation),
        writes: vec![used],
        audit: vec![event],
    })
}

/// The trust under which an assertion is good; none if it is good under none.
async fn verify(
    server: &AuthorizationServer,
    assertion: &str,
) -> Result<Option<(TrustedIssuer, ValidClaims)>, TokenError> {
    let Ok(unverified) = UnverifiedJwt::parse(assertion) else { return Ok(None) };
    let claim = |name| unverified.unverified_claim(name).filter(|text| !text.is_empty());
    let (Some(issuer), Some(subject)) = (claim("iss"), claim("sub")) else { return Ok(None) };
    if subject.len() > MAX_SUBJECT {
        return Ok(None);
    }
    let now = server.now();
    let trusts = server.ports.trusts.find_trusts(&server.tenant, issuer, subject, now, MOST_TRIALS).await?;
    for trust in trusts {
        let Some(keys) = keys(&trust) else { continue };
        let Ok(signed) = unverified.clone().verify(&keys) else { continue };
        let us = [server.issuer.as_str(), &server.endpoints.token];
        let valid = signed.validate(&rules(server, &trust.issuer, &us), now).ok();
        let valid = valid.filter(|claims| claims.audience().len() == 1);
        return Ok(valid.map(|claims| (trust, claims)));
    }
    Ok(None)
}

fn keys(trust: &TrustedIssuer) -> Option<VerifyingKeys> {
    VerifyingKey::new(&trust.jwk, None).and_then(|key| VerifyingKeys::new(vec![key])).ok()
}

/// One issuer's `jti` is not another's.
fn use_once(trust: &TrustedIssuer, claims: &ValidClaims) -> Option<Write> {
    let jti = claims.id().filter(|jti| !jti.is_empty())?;
    let name = format!("{}\0{jti}", trust.issuer);
    Some(Write::UseBearerAssertion {
        jti: base64url::encode(digest(&SHA256, name.as_bytes())),
        expires_at: remembered_until(claims)?,
    })
}
