//! Stage 4: whether the person must be asked, and what is remembered of the answer.

use primitives::AuthenticatedSubject;

use super::error::RedirectError;
use super::redirect::ProvenRedirect;
use super::request::AuthorizationRequest;
use super::subject::has_signed_in_for;
use crate::grant::Consent;
use crate::ports::PortError;
use crate::server::AuthorizationServer;

/// Looks whether the person must be asked, and may be.
pub(super) async fn is_needed(
    server: &AuthorizationServer,
    redirect: &ProvenRedirect,
    request: &AuthorizationRequest,
    subject: &AuthenticatedSubject,
) -> Result<bool, RedirectError> {
    let client = &redirect.client;
    // Any program on the person's machine may have started this in the name of a client that cannot
    // prove itself. Somebody must have seen a page (RFC 8252 section 8.6).
    let is_silent = !has_signed_in_for(request, subject);
    if client.is_public() && redirect.proves_nobody && is_silent {
        let text = "the client cannot prove who it is, and so the person must be asked";
        return if request.prompt.none { Err(RedirectError::InteractionRequired(text)) } else { Ok(true) };
    }
    // Whoever it is, it is not proven by having been allowed once: any program can use its id.
    if client.is_described() {
        return if request.prompt.none { Err(RedirectError::ConsentRequired) } else { Ok(true) };
    }
    if request.prompt.consent {
        return Ok(true);
    }
    if client.record.document.skip_consent {
        return Ok(false);
    }
    let remembered = remembered(server, redirect, subject).await?;
    let is_covered = remembered.is_some_and(|consent| {
        consent.scope.covers(&request.told_scope())
            && request.audience.iter().all(|one| consent.audience.contains(one))
            && consent.details.contains_all(&request.details)
            && !request.details.always_ask(server)
    });
    match is_covered {
        true => Ok(false),
        false if request.prompt.none => Err(RedirectError::ConsentRequired),
        false => Ok(true),
    }
}

/// The consent that holds now.
async fn remembered(
    server: &AuthorizationServer,
    redirect: &ProvenRedirect,
    subject: &AuthenticatedSubject,
) -> Result<Option<Consent>, PortError> {
    let grants = &server.ports.grants;
    let consent = grants.find_consent(&server.tenant, subject.subject, &redirect.client.id).await?;
    let now = server.now();
    // A client that was made anew under an old id inherits nothing.
    let holds = |consent: &Consent| {
        consent.granted_at >= redirect.client.record.created_at
            && consent.expires_at.is_none_or(|until| now < until)
    };
    Ok(consent.filter(holds))
}

/// The consent to remember: what was allowed now, and what still holds of before.
pub(super) async fn merged(
    server: &AuthorizationServer,
    redirect: &ProvenRedirect,
    request: &AuthorizationRequest,
    subject: &AuthenticatedSubject,
) -> Result<Consent, PortError> {
    let before = remembered(server, redirect, subject).await?;
    let (scope, mut audience, details) =
        before.map_or_else(Default::default, |before| (before.scope, before.audience, before.details));
    audience
        .extend(request.audience.iter().filter(|one| !audience.contains(one)).cloned().collect::<Vec<_>>());
    let now = server.now();
    Ok(Consent {
        subject: subject.subject,
        client: redirect.client.id.clone(),
        scope: scope.iter().chain(request.told_scope().iter()).collect(),
        audience,
        details: details.merged(&request.details),
        granted_at: now,
        expires_at: server.settings.consent_lifespan.map(|lifespan| now.after(lifespan.0)),
        grant: None,
        record: None,
    })
}
