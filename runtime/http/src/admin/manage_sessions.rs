//! `POST /admin/sessions`: ends or deletes many sessions, of identities, by their own ids, or all.

use std::collections::BTreeSet;

use http::StatusCode;
use identity::ports::{SessionFilter, Sessions as _};
use identity::session::revoke::{delete, revoke};
use identity::{Problem, Session, Write};
use primitives::{Change, IdentityId, SessionId};
use serde::Deserialize;
use serde_json::json;

use super::actor;
use crate::call::Call;
use crate::response::{Answer, json_no_store};
use crate::self_service::{Applied, apply, failed, respond};

/// Ids in one request.
const MOST_IDS: usize = 500;
/// Sessions that a request for all of them ends; the caller asks again.
const MOST_AT_ONCE: u32 = 500;
/// Sessions in one change.
const CHANGE: usize = 50;

/// `manageSessionsBody`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    action: Action,
    #[serde(default)]
    identities: Option<Vec<String>>,
    #[serde(default)]
    sessions: Option<Vec<String>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Action {
    Disable,
    Delete,
}

/// Whose sessions.
enum Which {
    All,
    Of(BTreeSet<IdentityId>),
    These(BTreeSet<SessionId>),
}

/// `POST /admin/sessions`
pub(crate) async fn manage(call: Call) -> Answer {
    match managed(&call).await {
        Ok((processed, more)) => {
            json_no_store(StatusCode::OK, &json!({ "processed": processed, "more": more }))
        }
        Err(problem) => respond(&call, &problem),
    }
}

async fn managed(call: &Call) -> Result<(usize, bool), Problem> {
    let body: Body = serde_json::from_slice(&call.body).map_err(|_| {
        Problem::BadRequest("The body must have an `action`, and `identities` or `sessions`.".to_owned())
    })?;
    let action = body.action;
    match which(body)? {
        Which::All => {
            let sessions = page(call, action, None, None, MOST_AT_ONCE).await?;
            let more = sessions.len() >= MOST_AT_ONCE as usize;
            Ok((end(call, action, sessions).await?, more))
        }
        Which::Of(identities) => {
            let mut processed = 0;
            for identity in identities {
                let mut after = None;
                loop {
                    let sessions = page(call, action, Some(identity), after, MOST_AT_ONCE).await?;
                    after = sessions.last().map(|session| session.id);
                    let is_last = sessions.len() < MOST_AT_ONCE as usize;
                    processed += end(call, action, sessions).await?;
                    if is_last {
                        break;
                    }
                }
            }
            Ok((processed, false))
        }
        Which::These(ids) => {
            let mut sessions = Vec::with_capacity(ids.len());
            for id in ids {
                let found = call.node.storage.find_session(&call.tenant.id, id).await;
                sessions.extend(found.map_err(|error| failed(call, error))?);
            }
            sessions.retain(|session| action == Action::Delete || session.is_live(call.now()));
            Ok((end(call, action, sessions).await?, false))
        }
    }
}

fn which(body: Body) -> Result<Which, Problem> {
    let bad = |words: &str| Problem::BadRequest(words.to_owned());
    match (body.identities, body.sessions) {
        (Some(identities), None) if identities == ["*"] => Ok(Which::All),
        (Some(identities), None) => Ok(Which::Of(ids(&identities)?)),
        (None, Some(sessions)) => Ok(Which::These(ids(&sessions)?)),
        (Some(_), Some(_)) | (None, None) => Err(bad("Give either `identities` or `sessions`.")),
    }
}

fn ids<T: std::str::FromStr + Ord>(texts: &[String]) -> Result<BTreeSet<T>, Problem> {
    if texts.is_empty() || texts.len() > MOST_IDS {
        return Err(Problem::BadRequest(format!("Give 1 to {MOST_IDS} ids.")));
    }
    let parsed: Result<_, _> = texts.iter().map(|text| text.parse()).collect();
    parsed.map_err(|_| Problem::BadRequest("Every id must be a UUID; `*` stands alone.".to_owned()))
}

async fn page(
    call: &Call,
    action: Action,
    identity: Option<IdentityId>,
    after: Option<SessionId>,
    limit: u32,
) -> Result<Vec<Session>, Problem> {
    let filter = SessionFilter { identity, live: (action == Action::Disable).then_some(true), after };
    let listed = call.node.storage.list_sessions(&call.tenant.id, filter, call.now(), limit).await;
    listed.map_err(|error| failed(call, error))
}

/// Ends sessions and says how many it ended itself.
async fn end(call: &Call, action: Action, sessions: Vec<Session>) -> Result<usize, Problem> {
    let mut processed = 0;
    for several in sessions.chunks(CHANGE) {
        let together = several
            .iter()
            .map(|session| change(call, action, session))
            .fold(Change::new(call.tenant.id.clone()), Change::and);
        match apply(call, together).await? {
            Applied::Whole => processed += several.len(),
            // One of them ended meanwhile: one by one.
            Applied::Missed => {
                for session in several {
                    let applied = apply(call, change(call, action, session)).await?;
                    processed += usize::from(applied == Applied::Whole);
                }
            }
        }
    }
    Ok(processed)
}

fn change(call: &Call, action: Action, session: &Session) -> Change<Write> {
    match action {
        Action::Disable => revoke(&call.tenant.id, session, actor(call), call.now()),
        Action::Delete => delete(&call.tenant.id, session, actor(call)),
    }
}
