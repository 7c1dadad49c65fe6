//! What people granted to clients, and the sessions behind it, as operators see and end them by the Hydra API.

use http::StatusCode;
use identity::session::revoke::delete_all;
use oauth2::access::ListedGrant;
use oauth2::authorization::external::LoginSessionRepository as _;
use oauth2::ports::GrantFilter;
use primitives::{ClientId, GrantId, IdentityId, SessionId, Timestamp};

use super::{actor, paging, store};
use crate::call::Call;
use crate::commit::commit;
use crate::failure::Failure;
use crate::oauth2::together::end_together;
use crate::response::{Answer, empty, json_no_store};
use crate::self_service::apply_with;

const LARGEST_PAGE: u32 = 500;

/// `GET /admin/oauth2/auth/sessions/consent?subject=…`
pub(crate) async fn list(call: Call) -> Answer {
    match listed(&call).await {
        Ok(answer) => answer,
        Err(failure) => failure.to_oauth(),
    }
}

async fn listed(call: &Call) -> Result<Answer, Failure> {
    let page =
        paging::asked(call, LARGEST_PAGE).map_err(|problem| Failure::bad_request(problem.to_string()))?;
    let subject = call.query_value("subject").ok_or_else(|| Failure::bad_request("Name the `subject`."))?;
    let session = call.query_value("login_session_id").filter(|session| !session.is_empty());
    let subject = subject_id(call, &subject).await?;
    // A session that is unknown has granted nothing.
    let Some(session) = session.map_or(Some(None), |session| session.parse().ok().map(Some)) else {
        return Ok(json_no_store(StatusCode::OK, &[(); 0]));
    };
    let filter = GrantFilter { session, after: page.after.as_deref().and_then(place) };
    let listed = call.tenant.oauth2.list_access(subject, filter, page.size).await;
    let listed = listed.map_err(|error| store(call, &error))?;
    let documents: Vec<_> = listed.iter().map(ListedGrant::document).collect();
    let mut answer = json_no_store(StatusCode::OK, &documents);
    let last = listed.last().map(|last| last.granted.place());
    let last = last.map(|(at, id)| format!("{}.{id}", at.micros()));
    paging::link(call, &mut answer, &page, listed.len(), last);
    Ok(answer)
}

/// Whom a text names: an identity of the tenant, or somebody whom only its login app knows.
async fn subject_id(call: &Call, subject: &str) -> Result<IdentityId, Failure> {
    call.tenant.oauth2.subject_id(subject).await.map_err(|error| store(call, &error))
}

/// Where the page before ended.
fn place(token: &str) -> Option<(Timestamp, GrantId)> {
    let (at, id) = token.split_once('.')?;
    Some((Timestamp::from_micros(at.parse().ok()?), id.parse().ok()?))
}

/// `DELETE /admin/oauth2/auth/sessions/consent`: by `consent_request_id`, or by `subject` with `client` or `all=true`.
pub(crate) async fn revoke_consent(call: Call) -> Answer {
    let value = |name: &str| call.query_value(name).filter(|value| !value.is_empty());
    let server = &call.tenant.oauth2;
    let failed = |error| store(&call, &error);
    let revoked = match (value("consent_request_id"), value("subject"), value("client"), value("all")) {
        (Some(id), None, None, None) => match id.parse::<GrantId>() {
            Ok(grant) => {
                commit(&call.node, || server.revoke_grant(grant, actor(&call))).await.map_err(failed)
            }
            Err(_) => Ok(()),
        },
        (None, Some(subject), client, all) if client.is_some() != (all.as_deref() == Some("true")) => {
            let client = client.map(|client| client.parse::<ClientId>()).transpose();
            match (subject_id(&call, &subject).await, client) {
                (Ok(subject), Ok(client)) => {
                    let decide = || async { server.revoke_access(subject, client.clone(), actor(&call)) };
                    commit(&call.node, decide).await.map_err(failed)
                }
                (Err(failure), _) => Err(failure),
                // Nothing of this name was ever granted anything.
                (Ok(_), Err(_)) => Ok(()),
            }
        }
        _ => Err(Failure::bad_request(
            "Give `consent_request_id`, or `subject` with either `client` or `all=true`.",
        )),
    };
    nothing_more(revoked)
}

/// `DELETE /admin/oauth2/auth/sessions/login`: by `subject`, or by `sid`.
pub(crate) async fn revoke_login(call: Call) -> Answer {
    let value = |name: &str| call.query_value(name).filter(|value| !value.is_empty());
    let revoked = match (value("subject"), value("sid")) {
        (Some(subject), None) => end_all(&call, &subject).await,
        (None, Some(sid)) => match sid.parse::<SessionId>() {
            Ok(id) => end_one(&call, id).await,
            Err(_) => Ok(()),
        },
        _ => Err(Failure::bad_request("Give either `subject` or `sid`.")),
    };
    nothing_more(revoked)
}

/// Ends every session of somebody, here and at the tenant's login app.
async fn end_all(call: &Call, subject: &str) -> Result<(), Failure> {
    let subject = subject_id(call, subject).await?;
    let sign_ins = call.tenant.oauth2.end_login_sessions(subject, actor(call));
    let ended = apply_with(call, delete_all(&call.tenant.id, subject, actor(call)), Some(sign_ins)).await;
    ended.map(|_| ()).map_err(|_| Failure::unavailable())
}

/// Ends one, and what hangs on it or it on. Ended before is ended.
async fn end_one(call: &Call, id: SessionId) -> Result<(), Failure> {
    let (storage, tenant) = (&call.node.storage, &call.tenant.id);
    let login = storage.find_login_session(tenant, id).await.map_err(|error| store(call, &error))?;
    let ended = end_together(call, &[id], login.as_ref(), &actor(call)).await;
    ended.map(|_| ()).map_err(|_| Failure::unavailable())
}

/// `DELETE /admin/oauth2/tokens?client_id=…`
pub(crate) async fn revoke_tokens(call: Call) -> Answer {
    let Some(client) = call.query_value("client_id").filter(|client| !client.is_empty()) else {
        return Failure::bad_request("Name the client by `client_id`.").to_oauth();
    };
    let revoked = match client.parse::<ClientId>() {
        Ok(client) => {
            let decide = || call.tenant.oauth2.revoke_tokens_of(&client, actor(&call));
            commit(&call.node, decide).await.map_err(|error| store(&call, &error))
        }
        Err(_) => Ok(()),
    };
    nothing_more(revoked)
}

fn nothing_more(done: Result<(), Failure>) -> Answer {
    match done {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(failure) => failure.to_oauth(),
    }
}
