//! Signing out at the request of a client (OpenID Connect RP-Initiated Logout 1.0), and its page.

use http::{Method, StatusCode};
use identity::hooks::Happening;
use identity::session::LiveSession;
use oauth2::authorization::PageError;
use oauth2::logout::{EndSession, SignedOut};
use oauth2::parameters::Parameters;
use oauth2::ports::PortError;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use primitives::{Actor, AuditEvent, AuthenticatedSubject, Change};
use storage::ApplyError;
use ui::{Hidden, LogoutView};

use super::FORM;
use super::authorize::refuse;
use super::consent::label;
use super::external::end_provider_session;
use super::farewell;
use crate::browser::{check_own_origin, forget_login, login_session_to_end, session_of_cookie};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, page, see_other};
use crate::self_service::{Applied, forget_session, tell};

/// `GET` and `POST /oauth2/sessions/logout`
pub(crate) async fn begin(call: Call) -> Answer {
    let (live, subject) = match visitor(&call).await {
        Ok(visitor) => visitor,
        Err(failure) => return failure.to_page(&call),
    };
    let encoded = if call.method == Method::POST && call.has_media_type(FORM) {
        &call.body[..]
    } else {
        call.query.as_bytes()
    };
    if let Some(verifier) = call.query_value("logout_verifier") {
        return match call.tenant.oauth2.continue_logout(&verifier, subject.as_ref()) {
            Ok(signed_out) => end(&call, signed_out, live).await,
            Err(error) => refuse(&call, &error),
        };
    }
    match call.tenant.oauth2.end_session(&Parameters::parse(encoded), subject.as_ref()).await {
        Ok(EndSession::Ask { challenge }) => {
            let path = format!("/ui/logout?logout_challenge={}", encode(&challenge));
            see_other(&call.tenant.absolute(&path))
        }
        Ok(EndSession::App(url)) => see_other(&url),
        Ok(EndSession::Done(signed_out)) => end(&call, signed_out, live).await,
        Err(error) => refuse(&call, &error),
    }
}

/// The session of ours that the browser has, and who is signed in: at a login app of the tenant's own, where it has one.
pub(super) async fn visitor(
    call: &Call,
) -> Result<(Option<LiveSession>, Option<AuthenticatedSubject>), Failure> {
    let (tenant, live) = (&call.tenant.id, session_of_cookie(call).await?);
    let subject = if call.tenant.oauth2.settings.urls.login.is_some() {
        login_session_to_end(call).await?.map(|session| session.subject(tenant))
    } else {
        live.as_ref().map(|live| live.subject(tenant))
    };
    Ok((live, subject))
}

/// `GET /ui/logout?logout_challenge=…`: asks. Nothing of the page is from its address: who is signed out is whose browser it is,
/// and who asks for it is sealed.
pub(crate) async fn show(call: Call) -> Answer {
    let challenge = call.query_value("logout_challenge").filter(|challenge| !challenge.is_empty());
    let Some(challenge) = challenge else {
        // A page of ours leads here: begin as for a client that says nothing of itself.
        return see_other(&call.tenant.absolute("/oauth2/sessions/logout"));
    };
    let (live, subject) = match visitor(&call).await {
        Ok(visitor) => visitor,
        Err(failure) => return failure.to_page(&call),
    };
    let request = match call.tenant.oauth2.logout_request(&challenge, subject.as_ref()).await {
        Ok(Some(request)) => request,
        // They are signed out already, as they wanted.
        Ok(None) => return see_other(&call.tenant.absolute("/ui/signed-out")),
        Err(error) => return refuse(&call, &error),
    };
    let external = subject.filter(|subject| subject.external.is_some()).map(|subject| subject.sub());
    let view = LogoutView {
        action: call.tenant.absolute("/ui/logout"),
        method: "post".to_owned(),
        hidden: vec![Hidden { name: "logout_challenge".to_owned(), value: challenge }],
        subject: external.or_else(|| live.as_ref().map(|live: &LiveSession| label(live.identity()))),
        client_name: request.client_name.map(|name| name.chars().take(80).collect()),
        cancel_url: call.tenant.absolute("/"),
    };
    let here = call.page_path();
    let context = call.page_context(&here, call.locale(&[]));
    let html = call.node.pages.logout(&view, &context);
    page(StatusCode::OK, html, &ui::page_headers(&call.tenant.branding, None))
}

/// `POST /ui/logout`: the person has agreed.
pub(crate) async fn decide(call: Call) -> Answer {
    if let Err(failure) = check_own_origin(&call) {
        return failure.to_page(&call);
    }
    let (live, subject) = match visitor(&call).await {
        Ok(visitor) => visitor,
        Err(failure) => return failure.to_page(&call),
    };
    let form = Parameters::parse(&call.body);
    let challenge = form.find("logout_challenge").unwrap_or_default();
    match call.tenant.oauth2.finish_logout(challenge, subject.as_ref()) {
        Ok(signed_out) => end(&call, signed_out, live).await,
        Err(error) => refuse(&call, &error),
    }
}

/// Ends the session and what hangs on it, then sends the browser on.
async fn end(call: &Call, signed_out: SignedOut, live: Option<LiveSession>) -> Answer {
    match apply(call, &signed_out).await {
        Ok(Applied::Missed) => {}
        Ok(Applied::Whole) => {
            let ended = signed_out.session.map(|(session, _)| session);
            if let Some(live) = live.filter(|live| Some(live.session().id) == ended) {
                tell(call, Happening::Logout, live.identity(), ended).await;
            }
        }
        Err(error) => return refuse(call, &error),
    }
    let session = signed_out.session.map(|(session, _)| session);
    let target = farewell::target(call, session, signed_out.redirect).await;
    let mut answer = see_other(&target);
    forget_session(call, &mut answer);
    forget_login(call, &mut answer);
    answer
}

/// Session and grants end in one change. A session that somebody else has just ended is no error: then
/// only its grants are left to end. Whether the session ended here.
async fn apply(call: &Call, signed_out: &SignedOut) -> Result<Applied, PageError> {
    let failed = |error: &dyn std::fmt::Display| PageError::Port(PortError::Unavailable(error.to_string()));
    let storage = &call.node.storage;
    let grants = || storage.prepare(signed_out.change.clone()).map_err(|error| failed(&error));
    let Some((session, identity)) = signed_out.session else {
        let ended = storage.apply_prepared(grants()?).await;
        return ended.map(|()| Applied::Missed).map_err(|error| failed(&error));
    };
    end_provider_session(call, session, identity).await?;
    let actor = Actor::Subject(identity);
    let ended = Change::new(call.tenant.id.clone())
        .write(identity::Write::RevokeSession { session, identity, at: call.now() })
        .audit(AuditEvent::new("session.revoked", actor, "session", &session));
    let ended = storage.prepare(ended).map_err(|error| failed(&error))?;
    let both = ended.and(grants()?).map_err(|error| failed(&error))?;
    match storage.apply_prepared(both).await {
        Ok(()) => Ok(Applied::Whole),
        Err(ApplyError::Missed { .. }) => {
            let ended = storage.apply_prepared(grants()?).await;
            ended.map(|()| Applied::Missed).map_err(|error| failed(&error))
        }
        Err(ApplyError::Storage(error)) => Err(failed(&error)),
    }
}

fn encode(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}
