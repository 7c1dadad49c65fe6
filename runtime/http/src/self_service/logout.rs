//! Signing out: a browser in two steps with a token, a native application with its session token.

use http::StatusCode;
use identity::hooks::Happening;
use identity::ports::Sessions as _;
use identity::session::SessionToken;
use identity::session::revoke;
use identity::{Problem, return_to};
use primitives::Actor;
use serde::Deserialize;
use serde_json::json;

use super::cookies::forget_session;
use super::visitor::session_of_browser;
use super::{Applied, apply, failed, respond, respond_to_browser, tell, with_query};
use crate::browser::{forget_login, login_session_to_end};
use crate::call::Call;
use crate::oauth2::farewell;
use crate::oauth2::together::end_together;
use crate::response::{Answer, empty, json_no_store, see_other};

/// `GET /self-service/logout/browser`: where the browser must go to sign out.
pub(crate) async fn begin(call: Call) -> Answer {
    let live = match session_of_browser(&call).await {
        Ok(Some(live)) => live,
        Ok(None) => return respond(&call, &Problem::SessionInactive),
        Err(problem) => return respond(&call, &problem),
    };
    let token = live.session().logout_token(call.node.sealer(), &call.tenant.id);
    let mut url = with_query(&call.tenant.absolute("/self-service/logout"), "token", &token);
    if let Some(target) = call.query_value("return_to").filter(|target| !target.is_empty()) {
        if return_to::check(&target, &call.tenant.url, &call.tenant.identity.flow).is_err() {
            return respond(&call, &Problem::ReturnToForbidden);
        }
        url = with_query(&url, "return_to", &target);
    }
    json_no_store(StatusCode::OK, &json!({ "logout_url": url, "logout_token": token }))
}

/// `GET /self-service/logout?token=`: signs out. Who is signed out already only moves on.
pub(crate) async fn finish(call: Call) -> Answer {
    match end(&call).await {
        Ok((target, is_out_there)) => {
            let mut answer =
                if call.wants_json() { empty(StatusCode::NO_CONTENT) } else { see_other(&target) };
            forget_session(&call, &mut answer);
            // Of somebody else it stays: nobody has asked them.
            if is_out_there {
                forget_login(&call, &mut answer);
            }
            answer
        }
        Err(problem) => respond_to_browser(&call, problem),
    }
}

/// Where the browser goes, and whether it has signed out of the tenant's login app as well.
async fn end(call: &Call) -> Result<(String, bool), Problem> {
    let target = match call.query_value("return_to").filter(|target| !target.is_empty()) {
        Some(target) => {
            let checked = return_to::check(&target, &call.tenant.url, &call.tenant.identity.flow)?;
            Some(checked.as_str().to_owned())
        }
        None => None,
    };
    let Some(live) = session_of_browser(call).await? else {
        return Ok((farewell::target(call, &[], target).await, false));
    };
    let token = call.query_value("token").unwrap_or_default();
    if !live.session().check_logout_token(call.node.sealer(), &call.tenant.id, &token) {
        return Err(Problem::CsrfViolation);
    }
    let (session, identity) = (live.session().id, live.session().identity);
    // Whoever is signed in at the tenant's login app too, in this browser, signs out there as well.
    let login = login_session_to_end(call).await.map_err(|_| Problem::Unavailable)?;
    let login = login.filter(|login| login.subject == identity);
    let ended = end_together(call, &[session], login.as_ref(), &Actor::Subject(identity)).await?;
    if ended.contains(&session) {
        tell(call, Happening::Logout, live.identity(), Some(session)).await;
    }
    let is_out_there = login.is_some();
    let sessions: Vec<_> = [session].into_iter().chain(login.map(|login| login.id)).collect();
    Ok((farewell::target(call, &sessions, target).await, is_out_there))
}

/// `performNativeLogoutBody`
#[derive(Deserialize)]
struct NativeLogout {
    session_token: String,
}

/// `DELETE /self-service/logout/api`: ends the session of a token; ended before is ended.
pub(crate) async fn native(call: Call) -> Answer {
    match end_native(&call).await {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(problem) => respond(&call, &problem),
    }
}

async fn end_native(call: &Call) -> Result<(), Problem> {
    let body: NativeLogout = serde_json::from_slice(&call.body)
        .map_err(|_| Problem::BadRequest("The body must be JSON with a `session_token`.".to_owned()))?;
    let token = SessionToken::parse(&body.session_token).ok_or(Problem::UnknownToken)?;
    let hashes = token.hashes(call.node.sealer(), &call.tenant.id);
    let found = call.node.storage.find_by_token(&call.tenant.id, &hashes).await;
    let (session, identity) = found.map_err(|error| failed(call, error))?.ok_or(Problem::UnknownToken)?;
    if session.is_live(call.now()) {
        let actor = Actor::Subject(session.identity);
        let ended = revoke::revoke(&call.tenant.id, &session, actor, call.now());
        if apply(call, ended).await? == Applied::Whole {
            tell(call, Happening::Logout, &identity, Some(session.id)).await;
        }
    }
    Ok(())
}
