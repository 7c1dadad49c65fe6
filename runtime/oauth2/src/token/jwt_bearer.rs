//! The JWT bearer grant (RFC 7523 section 2.1): an issuer that the tenant trusts says for whom a client may act.
//!
//! The token stands for whom the issuer names (`sub`), who need be nobody here: there is no session, no ID token and no refresh
//! token. Where that is the id of somebody who has an account, the token ends with the account and with whatever ends everything
//! of it (`lineage`). Attacks: an issuer that may name anybody names a client, and the token passes for that client's own, which
//! has its id for `sub` and no grant either (`check_no_client`, `check_not_its_own`); an assertion for another server (its `aud`
//! must be us and nobody else, as for clients' assertions), without an end or with a late one, used twice by whichever client
//! (its `jti` is a row of the very change that issues), signed by another issuer's key, of a trust that is over or for assertions
//! of another kind, or for more than the trust gives. One whose `typ` says that it is an identity assertion is held to more, and
//! stands for somebody of ours: `id_jag`.

use jose::{ClaimRules, TokenType, UnverifiedJwt, ValidClaims, VerifyingKey, VerifyingKeys};
use primitives::base64url;
use primitives::{Actor, AuditEvent, ClientId, IdentityId};
use ring::digest::{SHA256, digest};

use super::holder::Holder;
use super::request::{check_audience, check_scope};
use super::{Asked, Granted, InvalidGrant, NamedSubject, Refused, TokenError, id_jag};
use crate::client::{Client, GrantType};
use crate::client_authentication::assertion::{remembered_until, rules};
use crate::details;
use crate::global_revocation::REVOKING_SCOPE;
use crate::lineage::Lineage;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::trust::{TrustKind, TrustSearch, TrustedIssuer, TrustedSubject};
use crate::write::Write;

/// Trusts that are tried on one assertion, the newest: each costs a signature check. Of those whose key the assertion names there are
/// two at most, that of its subject and that of anybody.
const MOST_TRIALS: u32 = 4;
/// The longest `sub`, in bytes.
const MAX_SUBJECT: usize = 512;

pub(super) async fn run(server: &AuthorizationServer, asked: &Asked<'_>) -> Result<Granted, Refused> {
    let Asked { client, parameters, holder } = *asked;
    let assertion = parameters
        .find("assertion")
        .ok_or(TokenError::InvalidRequest("parameter assertion is missing".into()))?;
    let wrong = TokenError::InvalidGrant(InvalidGrant::Assertion);
    let Ok(unverified) = UnverifiedJwt::parse(assertion) else { return Err(wrong.into()) };
    // What is meant for a client and a person of ours is never taken for what names anybody.
    if is_identity_assertion(&unverified) {
        let us = [server.issuer.as_str()];
        let assertion = verify(server, unverified, TrustKind::IdJag, &us).await?.ok_or(wrong)?;
        return id_jag::run(server, asked, assertion).await;
    }
    let us = [server.issuer.as_str(), &server.endpoints.token];
    let Assertion { trust, claims } =
        verify(server, unverified, TrustKind::JwtBearer, &us).await?.ok_or(wrong)?;
    let subject = named(server, client, &trust.subject, claims.subject().unwrap_or_default()).await?;
    let used = use_once(server, &trust, &claims).await?;
    let scope = check_scope(parameters, &client.scope)?;
    if !trust.scope.covers(&scope) {
        let text = "the issuer of the assertion may not give this scope";
        return Err(TokenError::InvalidScope(text.into()).into());
    }
    check_not_its_own(client, &subject, &scope)?;
    let actor = Actor::Client(client.id.clone());
    let event = AuditEvent::new("assertion.redeemed", actor, "trust", &trust.id);
    Ok(Granted {
        grant_type: GrantType::JwtBearer,
        grant: None,
        subject: Some(subject),
        exchanged: None,
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

/// An assertion of a trusted issuer, for us, and good now.
pub(super) struct Assertion {
    /// Under which it is.
    pub(super) trust: TrustedIssuer,
    pub(super) claims: ValidClaims,
}

/// Whom an issuer names: the account with that id, which must be active, or nobody of ours.
async fn named(
    server: &AuthorizationServer,
    client: &Client,
    trusted: &TrustedSubject,
    subject: &str,
) -> Result<NamedSubject, TokenError> {
    // Where it is the one of the trust, an operator has named it.
    if *trusted == TrustedSubject::Any {
        check_no_client(server, client, subject).await?;
    }
    let name = subject.to_owned();
    let nobody = NamedSubject { name: name.clone(), lineage: Lineage::default() };
    let Ok(id) = subject.parse::<IdentityId>() else { return Ok(nobody) };
    if !server.ports.logins.has_identity(&server.tenant, id).await? {
        return Ok(nobody);
    }
    match server.ports.subjects.find_subject(&server.tenant, id).await? {
        Some(_) => Ok(NamedSubject { name, lineage: Lineage::of_account(id) }),
        None => Err(TokenError::InvalidGrant(InvalidGrant::Subject)),
    }
}

/// Whoever is named is no client of the tenant: neither the one that asks nor any other that is stored. What a client has for
/// itself it has by the grant `client_credentials`, or not at all.
async fn check_no_client(
    server: &AuthorizationServer,
    client: &Client,
    subject: &str,
) -> Result<(), TokenError> {
    let Ok(id) = subject.parse::<ClientId>() else { return Ok(()) };
    let is_client = id == client.id || server.ports.clients.find_client(&server.tenant, &id).await?.is_some();
    if is_client { Err(TokenError::InvalidGrant(InvalidGrant::Assertion)) } else { Ok(()) }
}

/// What a client may by a token of its own alone no issuer gives it, whomever an operator lets the issuer name.
fn check_not_its_own(client: &Client, subject: &NamedSubject, scope: &Scopes) -> Result<(), TokenError> {
    if subject.name == client.id.as_str() && scope.contains(REVOKING_SCOPE) {
        let text = "this scope is for tokens of a client's own, which no assertion gives";
        return Err(TokenError::InvalidScope(text.into()));
    }
    Ok(())
}

/// Media types compare without case, with or without `application/` (RFC 7515 section 4.1.9).
fn is_identity_assertion(unverified: &UnverifiedJwt<'_>) -> bool {
    let typ = unverified.header().typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == TokenType::IdentityAssertionGrant.as_str()
}

/// The trust under which an assertion is good; none if it is good under none.
async fn verify(
    server: &AuthorizationServer,
    unverified: UnverifiedJwt<'_>,
    kind: TrustKind,
    us: &[&str],
) -> Result<Option<Assertion>, TokenError> {
    let claim = |name| unverified.unverified_claim(name).filter(|text| !text.is_empty());
    let (Some(issuer), Some(subject)) = (claim("iss"), claim("sub")) else { return Ok(None) };
    if subject.len() > MAX_SUBJECT {
        return Ok(None);
    }
    let now = server.now();
    let search = TrustSearch { kind, issuer, subject, kid: unverified.header().kid.as_deref() };
    let token_type = match kind {
        TrustKind::JwtBearer => None,
        TrustKind::IdJag => Some(TokenType::IdentityAssertionGrant),
    };
    let trusts = server.ports.trusts.find_trusts(&server.tenant, search, now, MOST_TRIALS).await?;
    for trust in trusts {
        let Some(keys) = keys(&trust) else { continue };
        let Ok(signed) = unverified.clone().verify(&keys) else { continue };
        let rules = ClaimRules { token_type, ..rules(server, &trust.issuer, us) };
        let valid = signed.validate(&rules, now).ok();
        let valid = valid.filter(|claims| claims.audience().len() == 1);
        return Ok(valid.map(|claims| Assertion { trust, claims }));
    }
    Ok(None)
}

fn keys(trust: &TrustedIssuer) -> Option<VerifyingKeys> {
    VerifyingKey::new(&trust.jwk, None).and_then(|key| VerifyingKeys::new(vec![key])).ok()
}

/// Uses an assertion up.
pub(super) async fn use_once(
    server: &AuthorizationServer,
    trust: &TrustedIssuer,
    claims: &ValidClaims,
) -> Result<Write, TokenError> {
    let used = use_of(trust, claims).ok_or(TokenError::InvalidGrant(InvalidGrant::Assertion))?;
    if let Write::UseBearerAssertion { jti, .. } = &used
        && server.ports.tokens.is_bearer_assertion_used(&server.tenant, jti).await?
    {
        return Err(TokenError::InvalidGrant(InvalidGrant::ReplayedAssertion));
    }
    Ok(used)
}

/// One issuer's `jti` is not another's.
fn use_of(trust: &TrustedIssuer, claims: &ValidClaims) -> Option<Write> {
    let jti = claims.id().filter(|jti| !jti.is_empty())?;
    let name = format!("{}\0{jti}", trust.issuer);
    Some(Write::UseBearerAssertion {
        jti: base64url::encode(digest(&SHA256, name.as_bytes())),
        expires_at: remembered_until(claims)?,
    })
}
