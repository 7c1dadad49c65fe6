//! Signing up with a passkey: first who, then the passkey.
//!
//! The first submit says who signs up, so that the authenticator can name the account; the form comes again and asks for
//! the passkey. The second one brings it, and makes the account with the id that the authenticator was told.

use primitives::{Actor, Change, IdentityId};

use super::register::register;
use super::{Ceremony, KeyForm, audit, relying_party};
use crate::flow::registration::first_session;
use crate::flow::{
    Caller, Flow, FlowError, Message, PendingChange, Room, Step, Submission, creation, identifier_taken,
    verification,
};
use crate::identity::Identity;
use crate::limiter::count_attempt;
use crate::schema::CheckedTraits;
use crate::session::Method;
use crate::settings::AccountEnumeration;
use crate::webauthn::{KeyKind, NewCredential, UserHandle};
use crate::write::Write;

pub(in crate::flow) async fn with_passkey(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    if !room.settings.registration_enabled {
        return Err(FlowError::RegistrationDisabled);
    }
    let mut flow = flow.tried(Some(Method::Passkey));
    flow.values = submission.traits.unwrap_or_default();
    if flow.factors.keys.is_hidden() || !room.settings.passkey.enabled {
        return Ok(super::not_asked(flow, "registration"));
    }
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;
    let (flow, checked) = match check_traits(room, flow) {
        Ok(checked) => checked,
        Err(flow) => return Ok(Step::Form(flow)),
    };
    let (KeyForm::SignUp { identity, ceremony }, Some(answer)) =
        (flow.factors.keys.clone(), submission.keys.passkey_register)
    else {
        return ask(room, flow, &checked).await;
    };
    let new = match register(room, &ceremony, KeyKind::Passkey, &answer) {
        Ok(new) => new,
        Err(message) => {
            return Ok(Step::Form(Box::new(flow.with_new_challenge(room).with_message(message))));
        }
    };
    let kind = KeyKind::Passkey;
    sign_up(room, caller, flow, checked, Newcomer { id: identity, key: new, kind, name: String::new() }).await
}

/// The traits that were given, or the form with what is wrong with them.
pub(super) fn check_traits(room: Room<'_>, mut flow: Flow) -> Result<(Flow, CheckedTraits), Box<Flow>> {
    match room.schema(&flow.schema).check_traits(flow.values.clone()) {
        Ok(checked) => Ok((flow, checked)),
        Err(violations) => {
            for violation in &violations {
                flow.refuse_field(&violation.field, violation.into());
            }
            Err(Box::new(flow))
        }
    }
}

/// Somebody new with their first key.
pub(super) struct Newcomer {
    /// Whom the authenticator was told of.
    pub(super) id: IdentityId,
    pub(super) key: NewCredential,
    pub(super) kind: KeyKind,
    /// What they call it.
    pub(super) name: String,
}

/// Asks for the passkey of whoever signs up.
async fn ask(room: Room<'_>, mut flow: Flow, checked: &CheckedTraits) -> Result<Step, FlowError> {
    let Some(name) = checked.identifiers().first().map(ToString::to_string) else {
        return Ok(Step::Form(Box::new(flow.with_message(Message::identifier_missing()))));
    };
    // Before somebody has a passkey for nothing; where it may not be told, it is not told now either.
    if room.settings.account_enumeration == AccountEnumeration::Disclose && is_taken(room, checked).await? {
        return Ok(Step::Form(Box::new(identifier_taken(flow, room.settings))));
    }
    let Some(to) = relying_party(room) else { return Ok(super::not_asked(flow, "registration")) };
    let identity = IdentityId::generate_at(room.rng, room.now);
    let handle = UserHandle::of(identity);
    let ceremony = Ceremony::create(room, &to, KeyKind::Passkey, (&handle, name.as_str()), &[]);
    flow.factors.keys = KeyForm::SignUp { identity, ceremony };
    Ok(Step::Form(Box::new(flow)))
}

async fn is_taken(room: Room<'_>, checked: &CheckedTraits) -> Result<bool, FlowError> {
    let mut taken = false;
    for identifier in checked.identifiers() {
        taken |= room.identities.find_look_alike(room.tenant, identifier).await?.is_some();
    }
    Ok(taken)
}

/// The account with its key. The checks are those of signing up with a password.
pub(super) async fn sign_up(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    checked: CheckedTraits,
    Newcomer { id, key, kind, name }: Newcomer,
) -> Result<Step, FlowError> {
    let schema = room.schema(&flow.schema);
    let context = room.hook_context(Actor::Anonymous, None);
    // What the authenticator was told stays true, whatever comes of this.
    let flow = flow.with_new_challenge(room);
    let checked = match room.admit(&context, schema, checked, Some(caller.origin())).await? {
        Ok(checked) => checked,
        Err(refusals) => return Ok(Step::Form(Box::new(flow.refused(refusals, schema)))),
    };
    if checked.identifiers().is_empty() {
        return Ok(Step::Form(Box::new(flow.with_message(Message::identifier_missing()))));
    }
    if is_taken(room, &checked).await? {
        return Ok(Step::Form(Box::new(identifier_taken(flow, room.settings))));
    }
    if room.factors.find_key(room.tenant, key.id()).await?.is_some() {
        return Ok(Step::Form(Box::new(flow.with_message(Message::key_not_verified()))));
    }
    let identity = room.added(&context, Identity::new(id, &checked, room.rng, room.now)).await?;
    let session = if room.settings.flow.session_after_registration {
        first_session(room, caller, &identity, (&checked, method_of(kind))).await?
    } else {
        None
    };
    let record = Box::new(key.record(kind, UserHandle::of(id), name));
    let added = audit("identity.credential_added", Actor::Anonymous, id, kind);
    let change = creation(room, &identity, &checked, Actor::Anonymous)
        .write(Write::AddKey { identity: id, record, at: room.now })
        .audit(added);
    let (verifications, codes) = verification::begun(room, caller, &flow, (&identity, None)).await;
    let change = codes.into_iter().fold(change, Change::write);
    let change = PendingChange::new(change, session.clone());
    Ok(Step::Registered { identity, session, verifications, change })
}

const fn method_of(kind: KeyKind) -> Method {
    match kind {
        KeyKind::Passkey => Method::Passkey,
        KeyKind::SecondFactor | KeyKind::Passwordless => Method::Webauthn,
    }
}
