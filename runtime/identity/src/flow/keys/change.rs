//! Adding passkeys and security keys to an account, and removing them.
//!
//! Attack: somebody with a stolen session, or with the password alone, adds a key of theirs or removes those of the owner.
//! So each change needs a young session, and one that has proven the second factor if there is one.

use primitives::subject::AssuranceLevel;
use primitives::{Actor, Change, SessionClaims};

use super::register::register;
use super::{KeyForm, SettingsKeys, audit, key_name, user_handle};
use crate::flow::proven::proven_in;
use crate::flow::settings::{owner, privileged, unsaved};
use crate::flow::{Caller, Flow, FlowError, FlowKind, Message, Room, Step, Submission};
use crate::session::{AuthenticationMethod, LiveSession, Method};
use crate::ways::Ways;
use crate::webauthn::{KeyKind, StoredKey};
use crate::write::Write;

/// How many keys an account may have: each is offered to every browser that adds one.
const MOST_KEYS: usize = 30;

/// Passkeys: added, or removed.
pub(in crate::flow) async fn change_passkeys(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let (live, flow, ways) = begin(room, caller, flow, Method::Passkey).await?;
    let (add, remove) = (submission.keys.passkey_settings_register, submission.keys.passkey_remove);
    if let Some(id) = remove {
        return removed(room, live, flow, ways, ("passkey", &id)).await;
    }
    let Some(answer) = add else { return Ok(super::not_asked(flow, "settings")) };
    added(room, live, flow, ways, (KeyKind::Passkey, &answer, String::new())).await
}

/// Security keys: added, or removed.
pub(in crate::flow) async fn change_security_keys(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let (live, flow, ways) = begin(room, caller, flow, Method::Webauthn).await?;
    let submission = submission.keys;
    if let Some(id) = submission.webauthn_remove {
        return removed(room, live, flow, ways, ("webauthn", &id)).await;
    }
    let Some(answer) = submission.webauthn_register else { return Ok(super::not_asked(flow, "settings")) };
    let name = key_name(submission.webauthn_register_displayname);
    added(room, live, flow, ways, (room.settings.webauthn.kind(), &answer, name)).await
}

/// Who may change keys, the form without what it said, and the credentials that there are.
async fn begin<'a>(
    room: Room<'_>,
    caller: Caller<'a>,
    flow: Flow,
    method: Method,
) -> Result<(&'a LiveSession, Flow, Ways), FlowError> {
    let live = owner(room, &flow, caller)?;
    privileged(room, live)?;
    if live.session().assurance < live.identity().available.min(AssuranceLevel::Aal2) {
        return Err(FlowError::SecondFactorRequired);
    }
    let ways = Ways::of(room, live.identity().id).await?;
    Ok((live, unsaved(flow).tried(Some(method)), ways))
}

/// The key that a form names, by its id in hexadecimal.
fn find<'a>(keys: &'a [StoredKey], group: &str, id: &str) -> Option<&'a StoredKey> {
    keys.iter().find(|key| key.record.kind.group() == group && key.record.id.hex() == id)
}

async fn added(
    room: Room<'_>,
    live: &LiveSession,
    mut flow: Flow,
    mut ways: Ways,
    (kind, answer, name): (KeyKind, &str, String),
) -> Result<Step, FlowError> {
    let KeyForm::Settings(form) = flow.factors.keys.clone() else {
        return Ok(super::not_asked(flow, "settings"));
    };
    let SettingsKeys { passkey, webauthn, .. } = *form;
    let begun = if kind == KeyKind::Passkey { passkey } else { webauthn };
    let Some(ceremony) = begun.filter(|_| ways.keys.len() < MOST_KEYS) else {
        return Ok(super::not_asked(flow, "settings"));
    };
    let identity = live.identity();
    let new = match register(room, &ceremony, kind, answer) {
        Ok(new) if room.factors.find_key(room.tenant, new.id()).await?.is_none() => Ok(new),
        Ok(_) => Err(Message::key_not_verified()),
        Err(message) => Err(message),
    };
    let new = match new {
        Ok(new) => new,
        Err(message) => {
            flow.factors.keys = KeyForm::of_settings(room, identity, &ways).await?;
            return Ok(Step::Form(Box::new(flow.with_message(message))));
        }
    };
    let record = new.record(kind, user_handle(identity, &ways.keys), name);
    ways.keys.push(StoredKey {
        identity: identity.id,
        record: record.clone(),
        version: 1,
        created_at: room.now,
        updated_at: room.now,
    });
    flow.factors.keys = KeyForm::of_settings(room, identity, &ways).await?;
    let actor = Actor::Subject(identity.id);
    let change = Change::new(room.tenant.clone())
        .write(Write::AddKey { identity: identity.id, record: Box::new(record), at: room.now })
        .audit(audit("identity.credential_added", actor, identity.id, kind));
    // Whoever adds it has proven it.
    let (method, aal) = match kind {
        KeyKind::Passkey => (Method::Passkey, AssuranceLevel::Aal1),
        KeyKind::SecondFactor => (Method::Webauthn, AssuranceLevel::Aal2),
        KeyKind::Passwordless => (Method::Webauthn, AssuranceLevel::Aal1),
    };
    let method = AuthenticationMethod::new(method, aal, room.now);
    let (_, change) = proven_in(live, method, SessionClaims::default(), change);
    Ok(saved(live, flow.showing(&ways), change))
}

async fn removed(
    room: Room<'_>,
    live: &LiveSession,
    mut flow: Flow,
    mut ways: Ways,
    (group, id): (&str, &str),
) -> Result<Step, FlowError> {
    let Some(StoredKey { record, .. }) = find(&ways.keys, group, id).cloned() else {
        return Ok(Step::Form(Box::new(flow.with_message(Message::no_security_key()))));
    };
    let identity = live.identity();
    if record.kind.is_first_factor() && !ways.outlast(1) {
        return Ok(Step::Form(Box::new(flow.with_message(Message::last_key()))));
    }
    ways.keys.retain(|key| key.record.id != record.id);
    flow.factors.keys = KeyForm::of_settings(room, identity, &ways).await?;
    let gone = audit("identity.credential_removed", Actor::Subject(identity.id), identity.id, record.kind);
    let write = Write::RemoveKey { identity: identity.id, id: record.id };
    Ok(saved(live, flow.showing(&ways), Change::new(room.tenant.clone()).write(write).audit(gone)))
}

/// Plugins are not told: what they can be told of has no word for keys.
fn saved(live: &LiveSession, mut flow: Flow, change: Change<Write>) -> Step {
    if let FlowKind::Settings { saved, .. } = &mut flow.kind {
        *saved = true;
    }
    let flow = Box::new(flow.with_message(Message::saved()));
    let identity = Box::new(live.identity().clone());
    Step::Saved { flow, what: None, identity, verifications: Vec::new(), change }
}
