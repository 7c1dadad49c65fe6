//! `/sessions`: who is signed in, and where else.

use std::cmp::Reverse;

use bytes::Bytes;
use http::StatusCode;
use identity::flow::schema_url;
use identity::ports::Sessions as _;
use identity::session::revoke::{RevokeError, revoke_mine, revoke_my_others};
use identity::session::tokenize::{TokenizeError, Tokenizer, tokenize};
use identity::session::{LiveSession, session_document};
use identity::{Problem, Session};
use primitives::{SessionId, Timestamp};
use serde_json::{Value, json};

use crate::admin::paging;
use crate::call::Call;
use crate::response::{Answer, empty, json_no_store, no_store, respond, set};
use crate::self_service::{self, Applied, apply, failed};

/// How many sessions of one person are listed and counted.
const MOST_LISTED: u32 = 1000;

/// `GET /sessions/whoami`: the answer that apps ask for most; it is serialised once per session.
pub(crate) async fn whoami(call: Call) -> Answer {
    let cached = match self_service::cached_session(&call).await {
        Ok(Some(cached)) => cached,
        Ok(None) => return self_service::respond(&call, &Problem::SessionInactive),
        Err(problem) => return self_service::respond(&call, &problem),
    };
    if let Err(problem) = self_service::check_session(&call, cached.live()) {
        return self_service::respond(&call, &problem);
    }
    let template = call.query_value("tokenize_as").filter(|template| !template.is_empty());
    let mut answer = match template {
        None => {
            let body = Bytes::from_owner(cached.document(call.now(), &call.tenant.base_url));
            no_store(respond(StatusCode::OK, "application/json", body))
        }
        Some(template) => match tokenized(&call, cached.live(), &template).await {
            Ok(document) => json_no_store(StatusCode::OK, &document),
            Err(problem) => return self_service::respond(&call, &problem),
        },
    };
    set(&mut answer, "x-kratos-authenticated-identity-id", &cached.live().identity().id.to_string());
    answer
}

/// The session's document with its token by a template.
async fn tokenized(call: &Call, live: &LiveSession, template: &str) -> Result<Value, Problem> {
    let (tenant, room) = (&call.tenant, self_service::room(call));
    let keys =
        tenant.oauth2.load_keys().await.map_err(|error| failed_with(call, &error, Problem::Unavailable))?;
    let signer = tenant.oauth2.id_token_signer(&keys);
    let signer = signer.map_err(|error| failed_with(call, &error, Problem::Unavailable))?;
    let tokenizer = Tokenizer { issuer: &tenant.issuer, signer, hook: call.node.transform.as_ref() };
    let token = tokenize(room, tokenizer, live, template).await.map_err(|error| match error {
        TokenizeError::UnknownTemplate | TokenizeError::NoExternalId => {
            Problem::BadRequest(error.to_string())
        }
        // Whoever runs plugins has logged why one failed.
        TokenizeError::Hook(failure) if !failure.plugin.is_empty() => Problem::Internal,
        TokenizeError::Hook(_) | TokenizeError::TooLarge(_) | TokenizeError::Sign(_) => {
            failed_with(call, &error, Problem::Internal)
        }
    })?;
    let mut document = live.document(call.now(), &schema_url(&tenant.base_url, &live.identity().schema_id));
    if let Value::Object(fields) = &mut document {
        fields.insert("tokenized".to_owned(), token.into());
    }
    Ok(document)
}

fn failed_with(call: &Call, error: &dyn std::fmt::Display, problem: Problem) -> Problem {
    tracing::error!(request = %call.request, tenant = %call.tenant.id, %error, "a session has no token");
    problem
}

/// `GET /sessions`: one's other live sessions, the newest first.
pub(crate) async fn list_mine(call: Call) -> Answer {
    match page_of_mine(&call).await {
        Ok(answer) => answer,
        Err(problem) => self_service::respond(&call, &problem),
    }
}

async fn page_of_mine(call: &Call) -> Result<Answer, Problem> {
    let mut others = others(call).await?;
    let page = paging::asked(call, MOST_LISTED)?;
    let place = |session: &Session| (Reverse(session.issued_at), session.id.to_string());
    others.sort_by_key(place);
    // The session that a page ended with may have ended itself: the next begins behind its place.
    let after = page.after.as_deref().and_then(|text| text.split_once(':'));
    let after =
        after.and_then(|(at, id)| Some((Reverse(Timestamp::from_micros(at.parse().ok()?)), id.to_owned())));
    let behind = others.iter().filter(|session| after.as_ref().is_none_or(|after| place(session) > *after));
    let shown: Vec<&Session> = behind.take(page.size as usize).collect();
    let documents: Vec<Value> =
        shown.iter().map(|session| session_document(session, call.now(), None)).collect();
    let last = shown.last().map(|session| format!("{}:{}", session.issued_at.micros(), session.id));
    let mut answer = json_no_store(StatusCode::OK, &documents);
    paging::link(call, &mut answer, &page, shown.len(), last);
    Ok(answer)
}

async fn others(call: &Call) -> Result<Vec<Session>, Problem> {
    let live = self_service::session_of_anybody(call).await?;
    let mine = live.session();
    let listed = call.node.storage.list_live(&call.tenant.id, mine.identity, call.now(), MOST_LISTED).await;
    let mut listed = listed.map_err(|error| failed(call, error))?;
    listed.retain(|session| session.id != mine.id);
    Ok(listed)
}

/// `DELETE /sessions`: ends one's other sessions.
pub(crate) async fn revoke_others(call: Call) -> Answer {
    let revoked = async {
        let count = others(&call).await?.len();
        let live = self_service::session_of_anybody(&call).await?;
        apply(&call, revoke_my_others(&call.tenant.id, &live, call.now())).await?;
        Ok::<_, Problem>(count)
    };
    match revoked.await {
        Ok(count) => json_no_store(StatusCode::OK, &json!({ "count": count })),
        Err(problem) => self_service::respond(&call, &problem),
    }
}

/// `DELETE /sessions/{id}`: ends another of one's sessions.
pub(crate) async fn revoke_one(call: Call) -> Answer {
    match revoke(&call, call.place("id")).await {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(problem) => self_service::respond(&call, &problem),
    }
}

/// Ends a session of whoever asks, by its id.
pub(crate) async fn revoke(call: &Call, id: &str) -> Result<(), Problem> {
    let live = self_service::session_of_anybody(call).await?;
    let id: SessionId = id.parse().map_err(|_| Problem::NotFound)?;
    let found = call.node.storage.find_session(&call.tenant.id, id).await;
    let found = found.map_err(|error| failed(call, error))?;
    let change =
        revoke_mine(&call.tenant.id, &live, found.as_ref(), call.now()).map_err(|error| match error {
            RevokeError::Current => Problem::CurrentSession,
            RevokeError::NotFound => Problem::NotFound,
        })?;
    match apply(call, change).await? {
        // Ended by somebody else meanwhile: it is ended.
        Applied::Whole | Applied::Missed => Ok(()),
    }
}
