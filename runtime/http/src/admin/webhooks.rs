//! `/admin/portcullis/v1/webhooks`: operators see what is on its way to webhooks and what was given up, and send it again.
//!
//! What a message says is not shown: it tells of people, and whoever may read settings need not read that.

use http::StatusCode;
use primitives::Timestamp;
use serde_json::{Value, json};
use tenancy::webhook::{LOGOUT_PREFIX, WebhookFilter, WebhookMessage, WebhookMessages as _};
use uuid::Uuid;

use super::{actor, page, paging, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, empty, json_no_store};

/// `GET …/webhooks/messages`
pub(crate) async fn list(call: Call) -> Answer {
    match page_of(&call).await {
        Ok(document) => json_no_store(StatusCode::OK, &document),
        Err(failure) => failure.to_problem(call.request),
    }
}

async fn page_of(call: &Call) -> Result<Value, Failure> {
    let asked = page(call);
    let after = asked.after.map(|token| paging::open(call, &token)).transpose();
    let after = after.map_err(|problem| Failure::bad_request(problem.reason()))?;
    let status = call.query_value("status").filter(|status| !status.is_empty());
    let filter = WebhookFilter {
        webhook: call.query_value("webhook").filter(|webhook| !webhook.is_empty()),
        given_up: match status.as_deref() {
            None => None,
            Some("queued") => Some(false),
            Some("given_up") => Some(true),
            Some(_) => return Err(Failure::bad_request("`status` is `queued` or `given_up`.")),
        },
        before: after.as_deref().and_then(place),
    };
    let listed = call.node.storage.list_webhook_messages(&call.tenant.id, &filter, asked.limit).await;
    let listed = listed.map_err(|error| store(call, &error))?;
    let is_full = u32::try_from(listed.len()).is_ok_and(|shown| shown >= asked.limit);
    let last = listed.last().filter(|_| is_full);
    let next = last.map(|message| format!("{}:{}", message.created_at.micros(), message.id));
    Ok(json!({
        "messages": listed.iter().map(document).collect::<Vec<_>>(),
        "next_page_token": next.map(|last| paging::token(call, &last)),
    }))
}

fn place(text: &str) -> Option<(Timestamp, Uuid)> {
    let (at, id) = text.split_once(':')?;
    Some((Timestamp::from_micros(at.parse().ok()?), id.parse().ok()?))
}

/// `POST …/webhooks/{webhook}/messages/{id}/resend`
pub(crate) async fn resend(call: Call) -> Answer {
    match call.place("id").parse::<Uuid>() {
        Ok(id) => resent(&call, Some(id)).await,
        Err(_) => Failure::not_found().to_problem(call.request),
    }
}

/// `POST …/webhooks/{webhook}/resend`
pub(crate) async fn resend_all(call: Call) -> Answer {
    let name = call.place("webhook");
    // A client is found out when something is sent to it.
    if name.starts_with(LOGOUT_PREFIX) || call.tenant.webhooks.iter().any(|webhook| webhook.name == name) {
        resent(&call, None).await
    } else {
        Failure::not_found().to_problem(call.request)
    }
}

async fn resent(call: &Call, id: Option<Uuid>) -> Answer {
    let which = (call.place("webhook"), id);
    let storage = &call.node.storage;
    let resent = storage.resend_webhook_messages(&call.tenant.id, which, (actor(call), call.now())).await;
    match resent.map_err(|error| store(call, &error)) {
        Ok(true) => empty(StatusCode::NO_CONTENT),
        Ok(false) => Failure::not_found().to_problem(call.request),
        Err(failure) => failure.to_problem(call.request),
    }
}

fn document(message: &WebhookMessage) -> Value {
    json!({
        "id": message.id,
        "webhook": message.webhook,
        "topic": message.topic,
        "status": if message.next_attempt_at.is_some() { "queued" } else { "given_up" },
        "attempts": message.attempts,
        "error": message.error,
        "next_attempt_at": message.next_attempt_at,
        "created_at": message.created_at,
        "updated_at": message.updated_at,
    })
}
