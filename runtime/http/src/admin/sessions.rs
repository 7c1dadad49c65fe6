//! `/admin/sessions` and `/admin/identities/{id}/sessions`: operators see and end sessions.

use http::StatusCode;
use identity::flow::schema_url;
use identity::ports::{Identities as _, SessionFilter, Sessions as _};
use identity::session::revoke::{delete_all, extend, revoke};
use identity::session::session_document;
use identity::{Identity, Problem, Session};
use primitives::SessionId;
use serde_json::Value;

use super::{actor, identities, paging};
use crate::call::Call;
use crate::response::{Answer, empty, json_no_store};
use crate::self_service::{Applied, apply, failed, respond};

const LARGEST_PAGE: u32 = 1000;

/// `GET /admin/sessions`
pub(crate) async fn list(call: Call) -> Answer {
    match page_of(&call, None).await {
        Ok(answer) => answer,
        Err(problem) => respond(&call, &problem),
    }
}

/// `GET /admin/identities/{id}/sessions`
pub(crate) async fn list_of_identity(call: Call) -> Answer {
    let listed = async {
        let identity = identities::load(&call).await?;
        page_of(&call, Some(&identity)).await
    };
    match listed.await {
        Ok(answer) => answer,
        Err(problem) => respond(&call, &problem),
    }
}

async fn page_of(call: &Call, identity: Option<&Identity>) -> Result<Answer, Problem> {
    let page = paging::asked(call, LARGEST_PAGE)?;
    let live = call.query_value("active").filter(|active| !active.is_empty());
    let live = live.map(|active| active.parse::<bool>()).transpose();
    let filter = SessionFilter {
        identity: identity.map(|identity| identity.id),
        live: live.map_err(|_| Problem::BadRequest("`active` is `true` or `false`.".to_owned()))?,
        after: page.after.as_deref().and_then(|id| id.parse().ok()),
    };
    let listed = call.node.storage.list_sessions(&call.tenant.id, filter, call.now(), page.size).await;
    let listed = listed.map_err(|error| failed(call, error))?;
    let with_identity = expands_identity(call)? && identity.is_none();
    let mut documents = Vec::with_capacity(listed.len());
    for session in &listed {
        documents.push(document(call, session, with_identity).await?);
    }
    let mut answer = json_no_store(StatusCode::OK, &documents);
    paging::link(call, &mut answer, &page, listed.len(), listed.last().map(|session| session.id.to_string()));
    Ok(answer)
}

/// `GET /admin/sessions/{id}`
pub(crate) async fn get(call: Call) -> Answer {
    let shown = async {
        let session = load(&call).await?;
        document(&call, &session, expands_identity(&call)?).await
    };
    match shown.await {
        Ok(document) => json_no_store(StatusCode::OK, &document),
        Err(problem) => respond(&call, &problem),
    }
}

/// `DELETE /admin/sessions/{id}`: ends it; its record stays.
pub(crate) async fn end(call: Call) -> Answer {
    let ended = async {
        let session = load(&call).await?;
        apply(&call, revoke(&call.tenant.id, &session, actor(&call), call.now())).await
    };
    match ended.await {
        // Ended before is ended.
        Ok(Applied::Whole | Applied::Missed) => empty(StatusCode::NO_CONTENT),
        Err(problem) => respond(&call, &problem),
    }
}

/// `DELETE /admin/identities/{id}/sessions`: ends and forgets them all.
pub(crate) async fn delete_of_identity(call: Call) -> Answer {
    let deleted = async {
        let identity = identities::load(&call).await?;
        apply(&call, delete_all(&call.tenant.id, identity.id, actor(&call))).await
    };
    match deleted.await {
        Ok(Applied::Whole | Applied::Missed) => empty(StatusCode::NO_CONTENT),
        Err(problem) => respond(&call, &problem),
    }
}

/// `PATCH /admin/sessions/{id}/extend`
pub(crate) async fn prolong(call: Call) -> Answer {
    let prolonged = async {
        let session = load(&call).await?;
        let settings = &call.tenant.identity.session;
        let (extended, change) = extend(&call.tenant.id, &session, actor(&call), settings, call.now());
        match apply(&call, change).await? {
            Applied::Whole => document(&call, &extended, true).await,
            Applied::Missed => Err(Problem::NotFound),
        }
    };
    match prolonged.await {
        Ok(document) => json_no_store(StatusCode::OK, &document),
        Err(problem) => respond(&call, &problem),
    }
}

async fn load(call: &Call) -> Result<Session, Problem> {
    let id: SessionId = call.place("id").parse().map_err(|_| Problem::NotFound)?;
    let found = call.node.storage.find_session(&call.tenant.id, id).await;
    found.map_err(|error| failed(call, error))?.ok_or(Problem::NotFound)
}

/// Whether `expand` asks for the identity. The devices are there in any case.
fn expands_identity(call: &Call) -> Result<bool, Problem> {
    let parts = call.query_values("expand");
    let is = |part: &str, name: &str| part.eq_ignore_ascii_case(name);
    if parts.iter().any(|part| !is(part, "identity") && !is(part, "devices")) {
        return Err(Problem::BadRequest("`expand` is `identity` or `devices`.".to_owned()));
    }
    Ok(parts.iter().any(|part| is(part, "identity")))
}

async fn document(call: &Call, session: &Session, with_identity: bool) -> Result<Value, Problem> {
    if !with_identity {
        return Ok(session_document(session, call.now(), None));
    }
    let found = call.node.storage.find_identity(&call.tenant.id, session.identity).await;
    let identity = found.map_err(|error| failed(call, error))?;
    let with = identity.as_ref().map(|identity| {
        let url = schema_url(&call.tenant.base_url, &identity.schema_id);
        (identity, url)
    });
    let with = with.as_ref().map(|(identity, url)| (*identity, url.as_str()));
    Ok(session_document(session, call.now(), with))
}
