//! Sessions here and sign-ins at a login app of the tenant's own end together, in one change, by whichever of them it begins.
//!
//! The session on which a sign-in hangs is the one that its app has named (`identity_provider_session_id`). The other way is in
//! [`apply_with`]: whatever ends a session here ends what hangs on it.
//!
//! Attacks: an app names somebody else's session, and they are signed out by whoever signs out there (it must be of the same
//! identity); a node ends between the two, and the half that is left goes on (one change).

use identity::ports::Sessions as _;
use identity::session::revoke::revoke;
use identity::{Problem, Session};
use oauth2::authorization::external::LoginSession;
use oauth2::decision::MOST_ATTEMPTS;
use primitives::{Actor, Change, SessionId};

use crate::call::Call;
use crate::self_service::{Applied, apply_with, failed};

/// Ends sessions here, a sign-in at the login app, and the session on which that hangs. Which sessions here it ended; those that
/// had ended before are none of them.
pub(crate) async fn end_together(
    call: &Call,
    sessions: &[SessionId],
    login: Option<&LoginSession>,
    actor: &Actor,
) -> Result<Vec<SessionId>, Problem> {
    for _ in 0..MOST_ATTEMPTS {
        let live = live(call, sessions, login).await?;
        let ended: Vec<_> = live.iter().map(|session| session.id).collect();
        if live.is_empty() && login.is_none() {
            return Ok(ended);
        }
        let change = live
            .iter()
            .map(|session| revoke(&call.tenant.id, session, actor.clone(), call.now()))
            .fold(Change::new(call.tenant.id.clone()), Change::and);
        let sign_in = login.map(|login| call.tenant.oauth2.end_login_session(login.id, actor.clone()));
        if apply_with(call, change, sign_in).await? == Applied::Whole {
            return Ok(ended);
        }
        // One of them has ended meanwhile: the others are left to end.
    }
    Err(Problem::Unavailable)
}

/// The sessions that there are to end, each once.
async fn live(
    call: &Call,
    sessions: &[SessionId],
    login: Option<&LoginSession>,
) -> Result<Vec<Session>, Problem> {
    let mut live: Vec<Session> = Vec::new();
    for id in sessions {
        live.extend(find(call, *id).await?.filter(|found| live.iter().all(|known| known.id != found.id)));
    }
    if let Some(login) = login
        && let Some(id) = login.hangs_on()
    {
        let found = find(call, id).await?.filter(|found| found.identity == login.subject);
        live.extend(found.filter(|found| live.iter().all(|known| known.id != found.id)));
    }
    Ok(live)
}

async fn find(call: &Call, id: SessionId) -> Result<Option<Session>, Problem> {
    let found = call.node.storage.find_session(&call.tenant.id, id).await;
    let found = found.map_err(|error| failed(call, error))?;
    Ok(found.filter(|found| found.is_live(call.now())))
}
