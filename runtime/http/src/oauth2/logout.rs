//! Signing out at the request of a client (OpenID Connect RP-Initiated Logout 1.0), and its page.

use http::{Method, StatusCode};
use identity::hooks::Happening;
use identity::session::LiveSession;
use oauth2::authorization::PageError;
use oauth2::authorization::external::LoginSession;
use oauth2::logout::{EndSession, SignedOut};
use oauth2::parameters::Parameters;
use oauth2::ports::PortError;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use primitives::{Actor, AuthenticatedSubject};
use ui::{Hidden, LogoutView};

use super::FORM;
use super::authorize::refuse;
use super::consent::label;
use super::farewell;
use super::together::end_together;
use crate::browser::{check_own_origin, forget_login, login_session_to_end, session_of_cookie};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, page, see_other};
use crate::self_service::{forget_session, tell};

/// `GET` and `POST /oauth2/sessions/logout`
pub(crate) async fn begin(call: Call) -> Answer {
    let visitor = match visitor(&call).await {
        Ok(visitor) => visitor,
        Err(failure) => return failure.to_page(&call),
    };
    let encoded = if call.method == Method::POST && call.has_media_type(FORM) {
        &call.body[..]
    } else {
        call.query.as_bytes()
    };
    if let Some(verifier) = call.query_value("logout_verifier") {
        return match call.tenant.oauth2.continue_logout(&verifier, visitor.subject.as_ref()) {
            Ok(signed_out) => end(&call, signed_out, visitor).await,
            Err(error) => refuse(&call, &error),
        };
    }
    match call.tenant.oauth2.end_session(&Parameters::parse(encoded), visitor.subject.as_ref()).await {
        Ok(EndSession::Ask { challenge }) => {
            let path = format!("/ui/logout?logout_challenge={}", encode(&challenge));
            see_other(&call.tenant.absolute(&path))
        }
        Ok(EndSession::App(url)) => see_other(&url),
        Ok(EndSession::Done(signed_out)) => end(&call, signed_out, visitor).await,
        Err(error) => refuse(&call, &error),
    }
}

/// What a browser is signed in by.
pub(super) struct Visitor {
    /// Its session here.
    pub(super) live: Option<LiveSession>,
    /// Its sign-in at a login app of the tenant's own.
    login: Option<LoginSession>,
    /// Who signs out: whoever is signed in at the login app, where the tenant has one, else whoever is signed in here.
    ///
    /// Attack: a tenant has a login app, and a page somewhere signs people out who have a session here alone, without their being asked.
    pub(super) subject: Option<AuthenticatedSubject>,
}

pub(super) async fn visitor(call: &Call) -> Result<Visitor, Failure> {
    let (tenant, live) = (&call.tenant.id, session_of_cookie(call).await?);
    let login = login_session_to_end(call).await?;
    let has_app = call.tenant.oauth2.settings.urls.login.is_some();
    let at_app = login.as_ref().filter(|_| has_app).map(|login| login.subject(tenant));
    let subject = at_app.or_else(|| live.as_ref().map(|live| live.subject(tenant)));
    Ok(Visitor { live, login, subject })
}

/// `GET /ui/logout?logout_challenge=…`: asks. Nothing of the page is from its address: who is signed out is whose browser it is,
/// and who asks for it is sealed.
pub(crate) async fn show(call: Call) -> Answer {
    let challenge = call.query_value("logout_challenge").filter(|challenge| !challenge.is_empty());
    let Some(challenge) = challenge else {
        // A page of ours leads here: begin as for a client that says nothing of itself.
        return see_other(&call.tenant.absolute("/oauth2/sessions/logout"));
    };
    let Visitor { live, subject, .. } = match visitor(&call).await {
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
    let visitor = match visitor(&call).await {
        Ok(visitor) => visitor,
        Err(failure) => return failure.to_page(&call),
    };
    let form = Parameters::parse(&call.body);
    let challenge = form.find("logout_challenge").unwrap_or_default();
    match call.tenant.oauth2.finish_logout(challenge, visitor.subject.as_ref()) {
        Ok(signed_out) => end(&call, signed_out, visitor).await,
        Err(error) => refuse(&call, &error),
    }
}

/// Ends what the browser is signed in by, with what hangs on it, then sends the browser on. A session whose cookie is
/// forgotten is one that has ended: a copy of the cookie is worth nothing.
async fn end(call: &Call, signed_out: SignedOut, visitor: Visitor) -> Answer {
    let mut sessions = Vec::new();
    if let Some((session, identity)) = signed_out.session {
        let Visitor { live, login, .. } = visitor;
        let here: Vec<_> = live.iter().map(|live| live.session().id).collect();
        match end_together(call, &here, login.as_ref(), &Actor::Subject(identity)).await {
            Ok(ended) => {
                for live in live.iter().filter(|live| ended.contains(&live.session().id)) {
                    tell(call, Happening::Logout, live.identity(), Some(live.session().id)).await;
                }
                sessions.extend(ended);
            }
            Err(problem) => {
                return refuse(call, &PageError::Port(PortError::Unavailable(problem.to_string())));
            }
        }
        // Somebody else may have ended the one that was asked about just now; its apps are opened here.
        sessions.extend([session].into_iter().chain(login.map(|login| login.id)));
        sessions.sort_unstable();
        sessions.dedup();
    }
    let target = if signed_out.is_offered {
        farewell::offer(call, signed_out.redirect)
    } else {
        farewell::target(call, &sessions, signed_out.redirect).await
    };
    let mut answer = see_other(&target);
    forget_session(call, &mut answer);
    forget_login(call, &mut answer);
    answer
}

fn encode(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}
