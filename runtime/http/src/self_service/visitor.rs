//! Who asks: by the session cookie of a browser, or by the session token of a native application.

use std::sync::Arc;

use identity::Problem;
use identity::flow::Caller;
use identity::session::{CachedSession, LiveSession, SessionToken};

use super::assurance::check_session;
use crate::browser::{self, SESSION_COOKIE, session_of_cookie};
use crate::call::Call;

/// The session of a browser.
pub(crate) async fn session_of_browser(call: &Call) -> Result<Option<LiveSession>, Problem> {
    session_of_cookie(call).await.map_err(|_| Problem::Unavailable)
}

/// The session of a native application: `X-Session-Token`, or a Bearer token.
pub(crate) async fn session_of_headers(call: &Call) -> Result<Option<LiveSession>, Problem> {
    let cached = by_token(call, presented_token(call)).await?;
    Ok(cached.map(|cached| cached.live().clone()))
}

/// The session of whoever asks, however they say it.
pub(crate) async fn cached_session(call: &Call) -> Result<Option<Arc<CachedSession>>, Problem> {
    by_token(call, presented_token(call).or_else(|| call.cookie(SESSION_COOKIE))).await
}

/// The same, where nothing is answered without one that counts.
pub(crate) async fn session_of_anybody(call: &Call) -> Result<LiveSession, Problem> {
    let cached = cached_session(call).await?.ok_or(Problem::SessionInactive)?;
    check_session(call, cached.live())?;
    Ok(cached.live().clone())
}

async fn by_token(call: &Call, token: Option<&str>) -> Result<Option<Arc<CachedSession>>, Problem> {
    match token.and_then(SessionToken::parse) {
        Some(token) => browser::cached_session(call, &token).await.map_err(|_| Problem::Unavailable),
        None => Ok(None),
    }
}

/// The session token in the headers, whatever it is worth.
pub(crate) fn presented_token(call: &Call) -> Option<&str> {
    call.header("x-session-token").or_else(|| {
        let (scheme, token) = call.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    })
}

/// Native flows are without CSRF protection, and so closed to browsers: what a browser sends along by
/// itself is refused.
pub(crate) fn refuse_browsers(call: &Call) -> Result<(), Problem> {
    if call.headers.contains_key("origin") || call.headers.contains_key("cookie") {
        return Err(Problem::BrowserAtNativeEndpoint);
    }
    Ok(())
}

/// Who submits, as the room takes it.
pub(super) fn caller<'a>(call: &'a Call, session: Option<&'a LiveSession>) -> Caller<'a> {
    Caller { address: call.client, user_agent: call.header("user-agent"), session }
}
