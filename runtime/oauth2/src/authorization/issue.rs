//! Stage 5: the grant, and the code or the tokens of it, in one change.

use primitives::{Actor, AuditEvent, AuthenticatedSubject, Change, RequestId};

use super::acr;
use super::error::RedirectError;
use super::redirect::ProvenRedirect;
use super::request::AuthorizationRequest;
use super::response::UnsecuredResponse;
use super::response_type::ResponseType;
use crate::grant::{AuthorizationCode, Consent, Grant, GrantSubject, GrantedClaims};
use crate::liveness::{Dead, SessionRule, check_grant};
use crate::security_profile::code_lifespan;
use crate::server::AuthorizationServer;
use crate::token::front_channel::{Wanted, issue_to_browser};
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
pub(super) async fn issue(
    server: &AuthorizationServer,
    redirect: &ProvenRedirect,
    request: &AuthorizationRequest,
    (subject, id): (&AuthenticatedSubject, RequestId),
    extras: Extras,
) -> Result<(Change<Write>, UnsecuredResponse), RedirectError> {
    let now = server.now();
    let response_type = request.response_type;
    // Whatever became of the session since the person was asked.
    acr::check(request, subject, true)?;
    let acr::Said { authenticated_at, acr, amr } = acr::said(request, subject);
    let grant = Grant {
        id: request.grant,
        client: redirect.client.id.clone(),
        subject: GrantSubject {
            authenticated_at,
            acr,
            amr,
            ..server.grant_subject(&redirect.client, subject).await?
        },
        scope: request.scope.clone(),
        audience: request.audience.clone(),
        details: request.details.clone(),
        requested: request.claims.clone(),
        nonce: request.nonce.clone(),
        claims: extras.claims,
        created_at: now,
        revoked_at: None,
    };
    let mut event = AuditEvent::new("grant.created", Actor::Subject(subject.subject), "grant", &grant.id)
        .with("client", &grant.client);
    if response_type != ResponseType::Code {
        event = event.with("response_type", &response_type.as_str());
    }
    event.organisation = subject.organisation;
    let mut change = Change::new(server.tenant.clone()).audit(event);
    change.writes.extend(server.insert_grant(&redirect.client, grant.clone()));
    let code = response_type.has_code().then(|| format!("{AUTHORIZATION_CODE}{}", server.rng.token()));
    if let Some(code) = &code {
        let row = AuthorizationCode {
            hash: hash_token(server, code),
            grant: grant.id,
            redirect_uri: request.is_named.then(|| request.redirect_uri.clone()),
            code_challenge: request.code_challenge.clone(),
            code_challenge_method: request.code_challenge_method,
            dpop_jkt: request.dpop_jkt.clone(),
            expires_at: now.after(code_lifespan(server, &redirect.client)),
            consumed_at: None,
        };
        change = change.write(Write::InsertAuthorizationCode(Box::new(row)));
    }
    if let Some(consent) = extras.remember {
        change = change.write(Write::RememberConsent(Box::new(consent.given_with(&grant))));
    }
    let mut granted: Vec<_> = code.iter().map(|code| ("code", code.clone())).collect();
    if response_type.is_front_channel() {
        // The code's holder is asked again when it redeems it; here is nobody else to ask.
        let live = check_grant(server, &redirect.client, grant, SessionRule::MustBeLive).await?;
        let live = live.map_err(|dead| match dead {
            Dead::Session => RedirectError::LoginRequired,
            Dead::Grant | Dead::Subject => RedirectError::AccessDenied,
        })?;
        let wanted = Wanted {
            access_token: response_type.has_token(),
            id_token: response_type.has_id_token(),
            code: code.as_deref(),
        };
        let made = issue_to_browser(server, &redirect.client, live, wanted, id).await?;
        change.writes.extend(made.write);
        granted.extend(made.parameters);
    }
    Ok((change, redirect.grant(server, granted)))
}
