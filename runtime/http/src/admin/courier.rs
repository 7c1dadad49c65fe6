//! `/admin/courier/messages`: operators see messages to people, and send them once more.
//!
//! What a message says is shown one at a time, to whoever may write identities: it brings codes by which its reader gets
//! in, and whoever may only read must not.

use http::StatusCode;
use identity::Problem;
use identity::courier::{CourierMessage, CourierMessages as _, Dispatch, MessageFilter};
use primitives::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::audit::since;
use super::{actor, paging, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, empty, json_no_store};
use crate::self_service::{failed, respond};

const LARGEST_PAGE: u32 = 1000;

/// `GET /admin/courier/messages`
pub(crate) async fn list(call: Call) -> Answer {
    match page_of(&call).await {
        Ok(answer) => answer,
        Err(problem) => respond(&call, &problem),
    }
}

async fn page_of(call: &Call) -> Result<Answer, Problem> {
    let page = paging::asked(call, LARGEST_PAGE)?;
    let value = |name: &str| call.query_value(name).filter(|value| !value.is_empty());
    let status = value("status").map(|status| status.parse()).transpose();
    let filter = MessageFilter {
        status: status.map_err(|_| Problem::BadRequest("`status` is none that a message has.".to_owned()))?,
        recipient: value("recipient"),
        before: page.after.as_deref().and_then(place),
    };
    let listed = call.node.storage.list_messages(&call.tenant.id, &filter, page.size).await;
    let listed = listed.map_err(|error| failed(call, error))?;
    let documents: Vec<Value> = listed.iter().map(|message| document(message, false)).collect();
    let mut answer = json_no_store(StatusCode::OK, &documents);
    let last = listed.last().map(|message| format!("{}:{}", message.created_at.micros(), message.id));
    paging::link(call, &mut answer, &page, listed.len(), last);
    Ok(answer)
}

fn place(text: &str) -> Option<(Timestamp, Uuid)> {
    let (at, id) = text.split_once(':')?;
    Some((Timestamp::from_micros(at.parse().ok()?), id.parse().ok()?))
}

/// `GET /admin/courier/messages/{id}`
pub(crate) async fn get(call: Call) -> Answer {
    let found = async {
        let id = call.place("id").parse().map_err(|_| Problem::NotFound)?;
        let found = call.node.storage.find_message(&call.tenant.id, id).await;
        found.map_err(|error| failed(&call, error))?.ok_or(Problem::NotFound)
    };
    match found.await {
        Ok(message) => json_no_store(StatusCode::OK, &document(&message, true)),
        Err(problem) => respond(&call, &problem),
    }
}

/// `POST /admin/portcullis/v1/courier/messages/{id}/resend`
pub(crate) async fn resend(call: Call) -> Answer {
    let resent = async {
        let id: Uuid = call.place("id").parse().map_err(|_| Failure::not_found())?;
        let storage = &call.node.storage;
        let resent = storage.resend_courier_message(&call.tenant.id, id, actor(&call), call.now()).await;
        if resent.map_err(|error| store(&call, &error))? {
            return Ok(());
        }
        let known = storage.find_message(&call.tenant.id, id).await.map_err(|error| store(&call, &error))?;
        Err(match known {
            Some(_) => Failure::new(StatusCode::CONFLICT, "conflict", "The message is on its way already."),
            None => Failure::not_found(),
        })
    };
    match resent.await {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(failure) => failure.to_problem(call.request),
    }
}

/// Messages that one call sends once more.
const RESENT_AT_ONCE: u32 = 1000;

/// `POST /admin/portcullis/v1/courier/messages/resend`: those that were given up, the oldest first. Who is told as many as one call
/// sends asks again.
pub(crate) async fn resend_abandoned(call: Call) -> Answer {
    let resent = async {
        let since = since(&call)?.unwrap_or(Timestamp::from_micros(0));
        let (which, by) = ((since, RESENT_AT_ONCE), (actor(&call), call.now()));
        let resent = call.node.storage.resend_abandoned_messages(&call.tenant.id, which, by).await;
        resent.map_err(|error| store(&call, &error))
    };
    match resent.await {
        Ok(resent) => json_no_store(StatusCode::OK, &json!({ "resent": resent, "at_most": RESENT_AT_ONCE })),
        Err(failure) => failure.to_problem(call.request),
    }
}

/// The `message` document of the courier API.
fn document(message: &CourierMessage, with_body: bool) -> Value {
    let dispatch = |dispatch: &Dispatch| {
        let status = if dispatch.error.is_some() { "failed" } else { "success" };
        let mut document = json!({
            "id": dispatch.id,
            "message_id": message.id,
            "status": status,
            "created_at": dispatch.at,
            "updated_at": dispatch.at,
        });
        if let (Some(error), Some(fields)) = (&dispatch.error, document.as_object_mut()) {
            fields.insert("error".to_owned(), json!({ "reason": error }));
        }
        document
    };
    json!({
        "id": message.id,
        "status": message.status,
        "type": match message.via {
            identity::identity::AddressKind::Email => "email",
            identity::identity::AddressKind::Sms => "phone",
        },
        "channel": message.via,
        "template_type": message.template.api_name(),
        "recipient": message.recipient,
        // A subject may bring the code too.
        "subject": if with_body { message.mail.subject.as_str() } else { "" },
        "body": if with_body { message.mail.text.as_str() } else { "" },
        "send_count": message.send_count,
        "dispatches": message.dispatches.iter().map(dispatch).collect::<Vec<_>>(),
        "created_at": message.created_at,
        "updated_at": message.updated_at,
    })
}
