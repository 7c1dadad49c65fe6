//! Stage 5: the grant and its code, in one change.

use primitives::{Actor, AuditEvent, AuthenticatedSubject, Change};

use super::redirect::ProvenRedirect;
use super::request::AuthorizationRequest;
use super::response::AuthorizationResponse;
use crate::grant::{AuthorizationCode, Consent, Grant, GrantSubject, GrantedClaims};
use crate::server::AuthorizationServer;
use crate::token_format::{AUTHORIZATION_CODE, hash_token};
use crate::write::Write;

/// What goes with a grant that the request did not ask for.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// The consent to remember.
    pub(super) remember: Option<Consent>,
    /// What a consent app wants said.
    pub(super) claims: GrantedClaims,
}

/// Grants what the request asks for. The insertion of the grant is guarded by its id, which the
/// request carries: of two answers to one request, one is written.
pub(super) fn issue(
    server: &AuthorizationServer,
    redirect: &ProvenRedirect,
    request: &AuthorizationRequest,
    subject: &AuthenticatedSubject,
    extras: Extras,
) -> (Change<Write>, AuthorizationResponse) {
    let now = server.now();
    let code = format!("{AUTHORIZATION_CODE}{}", server.rng.token());
    let grant = Grant {
        id: request.grant,
        client: redirect.client.id.clone(),
        subject: GrantSubject::from(subject),
        scope: request.scope.clone(),
        audience: request.audience.clone(),
        nonce: request.nonce.clone(),
        claims: extras.claims,
        created_at: now,
        revoked_at: None,
    };
    let row = AuthorizationCode {
        hash: hash_token(server, &code),
        grant: grant.id,
        redirect_uri: request.is_named.then(|| request.redirect_uri.clone()),
        code_challenge: request.code_challenge.clone(),
        dpop_jkt: request.dpop_jkt.clone(),
        expires_at: now.after(server.settings.authorization_code_lifespan.0),
        consumed_at: None,
    };
    let mut event = AuditEvent::new("grant.created", Actor::Subject(subject.subject), "grant", &grant.id)
        .with("client", &grant.client);
    event.organisation = subject.organisation;
    let mut change = Change::new(server.tenant.clone())
        .write(Write::InsertGrant(Box::new(grant)))
        .write(Write::InsertAuthorizationCode(Box::new(row)))
        .audit(event);
    if let Some(consent) = extras.remember {
        change = change.write(Write::RememberConsent(Box::new(consent)));
    }
    (change, redirect.grant(server, code))
}
