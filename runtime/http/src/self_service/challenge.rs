//! What the proof of an address led to, written down and told in the client's own way.

use http::StatusCode;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{OwnFlow, Recovered};
use identity::hooks::Happening;
use identity::{Flow, Identity, Problem, Write};
use primitives::{Change, KeyedHash};
use serde_json::{Value, json};

use super::flows::document;
use super::outcome::{Client, begin_session};
use super::{Applied, Kind, apply, link, respond, tell};
use crate::response::{Answer, json_no_store, see_other};

/// The forms that come next, to be stored and told with what led to them.
pub(super) struct Next {
    inserts: Vec<Write>,
    steps: Vec<Value>,
}

/// The forms that verify new addresses, for the browser that they belong to.
pub(super) fn begun(client: Client<'_>, flows: Vec<Flow>, browser: Option<&KeyedHash>) -> Next {
    let mut next = Next { inserts: Vec::new(), steps: Vec::new() };
    for mut flow in flows {
        flow.transient_payload.clone_from(&client.own.flow.transient_payload);
        let (id, address) = (flow.id, address_of(&flow).to_owned());
        next.inserts.push(insert(client, flow, browser));
        let mut shown = json!({ "id": id, "verifiable_address": address });
        if let (Some(fields), false) = (shown.as_object_mut(), client.is_native()) {
            fields.insert("url".to_owned(), Kind::Verification.page_url(client.call, id).into());
        }
        next.steps.push(json!({ "action": "show_verification_ui", "flow": shown }));
    }
    next
}

fn address_of(flow: &Flow) -> &str {
    match flow.kind.challenge() {
        Some(identity::flow::Challenge::SentEmail(sent)) => &sent.address,
        _ => "",
    }
}

fn insert(client: Client<'_>, flow: Flow, browser: Option<&KeyedHash>) -> Write {
    let call = client.call;
    let own = OwnFlow::begun(flow, browser.cloned());
    own.insert(call.node.rng.as_ref(), &call.tenant.identity.flow, call.now())
}

impl Next {
    /// Joins what stores them to a change.
    pub(super) fn join(&self, change: Change<Write>) -> Change<Write> {
        self.inserts.iter().cloned().fold(change, Change::write)
    }

    /// Says so in `continue_with`, where there is any.
    pub(super) fn tell(&self, body: &mut Value) {
        if let (Some(fields), false) = (body.as_object_mut(), self.steps.is_empty()) {
            fields.insert("continue_with".to_owned(), json!(self.steps));
        }
    }
}

/// A code was sent, as far as anybody is told.
pub(super) async fn sent(
    client: Client<'_>,
    flow: Flow,
    writes: Vec<Write>,
) -> Result<Option<Answer>, Problem> {
    let change = writes.into_iter().fold(Change::new(client.call.tenant.id.clone()), Change::write);
    let status = match client.kind {
        // As these flows answer whatever leaves them open.
        Kind::Login | Kind::Registration => StatusCode::BAD_REQUEST,
        Kind::Settings | Kind::Verification | Kind::Recovery => StatusCode::OK,
    };
    kept(client, flow, change, status).await
}

/// A wrong code, once it is counted.
pub(super) async fn wrong(client: Client<'_>, flow: Flow) -> Result<Option<Answer>, Problem> {
    kept(client, flow, Change::new(client.call.tenant.id.clone()), StatusCode::BAD_REQUEST).await
}

/// A proof that was refused, once what is to be known of it is written.
pub(super) async fn refused(
    client: Client<'_>,
    flow: Flow,
    change: Change<Write>,
) -> Result<Option<Answer>, Problem> {
    kept(client, flow, change, StatusCode::BAD_REQUEST).await
}

/// An address was proven.
pub(super) async fn verified(
    client: Client<'_>,
    flow: Flow,
    identity: &Identity,
    change: Change<Write>,
) -> Result<Option<Answer>, Problem> {
    let answer = kept(client, flow, change, StatusCode::OK).await?;
    if answer.is_some() {
        let session = client.session.map(|live| live.session().id);
        tell(client.call, Happening::Verification, identity, session).await;
    }
    Ok(answer)
}

/// Applies a change together with what became of the form. Nothing is told before both are durable, and of several who
/// submit the form at a time one is answered; the others are decided again on what it left.
async fn kept(
    client: Client<'_>,
    flow: Flow,
    change: Change<Write>,
    status: StatusCode,
) -> Result<Option<Answer>, Problem> {
    let call = client.call;
    if apply(call, change.write(client.own.update(flow.clone()))).await? == Applied::Missed {
        return Ok(None);
    }
    if client.wants_json() {
        let document = document(call, &flow, client.cookie, client.session);
        return Ok(Some(json_no_store(status, &document)));
    }
    Ok(Some(see_other(&link::page(call, client.kind, client.own))))
}

/// Somebody is back in: with a session, and the form in which they set a new password, unless they go on without it.
pub(super) async fn recovered(client: Client<'_>, recovered: Recovered) -> Result<Option<Answer>, Problem> {
    let call = client.call;
    let Recovered { flow, settings, identity, session, token, change } = recovered;
    let cookie = CsrfCookie::generate(call.node.rng.as_ref());
    let browser = cookie.hash(call.node.sealer(), &call.tenant.id);
    let next = settings.as_ref().map(|settings| settings.id);
    let inserts =
        settings.map(|settings| insert(client, settings, (!client.is_native()).then_some(&browser)));
    let change = change.seal(call.node.sealer()).write(client.own.update(flow.clone()));
    let change = inserts.into_iter().fold(change, Change::write);
    if apply(call, change).await? == Applied::Missed {
        return Ok(None);
    }
    tell(call, Happening::Recovery, &identity, Some(session.id)).await;
    let page = || next.map_or_else(|| client.destination(), |id| Kind::Settings.page_url(call, id));
    let answer = if client.is_native() {
        let mut document = document(call, &flow, None, None);
        if let Some(fields) = document.as_object_mut() {
            let kept = json!({ "action": "set_ory_session_token", "ory_session_token": token.expose() });
            let shown = next.map(|id| json!({ "action": "show_settings_ui", "flow": { "id": id } }));
            let steps: Vec<Value> = std::iter::once(kept).chain(shown).collect();
            fields.insert("continue_with".to_owned(), json!(steps));
        }
        json_no_store(StatusCode::OK, &document)
    } else if client.wants_json() {
        respond(call, &Problem::LocationChangeRequired { redirect_browser_to: page() })
    } else {
        see_other(&page())
    };
    Ok(Some(begin_session(client, answer, &token, &cookie).await))
}
