//! Signing up with a code that is sent to an address of the new account, in the place of a password or after it.
//!
//! Attack: somebody learns who has an account by signing up with their address. So a code is sent to any address, and
//! only whoever has it there learns that the account exists. Where the tenant wants that of passwords, too, the hash of
//! one waits with the form: whether there is an account already, the same look-ups are made, one hash is computed, and
//! one message and the form are written.

use primitives::{Actor, Change, IdentityId};

use super::addresses::count_message;
use super::challenge::with_verified;
use super::registration::{creation, first_session, identifier_taken};
use super::sending::{Brings, Recipient, send};
use super::sent_code::Said;
use super::{
    Caller, Flow, FlowError, Message, PendingChange, Room, SentCode, Step, Submission, verification,
};
use crate::courier::MailTemplate;
use crate::identifier::Identifier;
use crate::identity::{AddressKind, Identity};
use crate::limiter::{count_address_proof, count_attempt};
use crate::password::HashedPassword;
use crate::schema::CheckedTraits;
use crate::session::Method;
use crate::write::Write;

pub(super) async fn with_code(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    if !room.settings.registration_enabled {
        return Err(FlowError::RegistrationDisabled);
    }
    if !room.settings.code.passwordless_enabled && flow.code.password.is_none() {
        return Ok(Step::Form(Box::new(flow.tried(None).with_message(Message::no_strategy("registration")))));
    }
    let mut flow = flow.tried(Some(Method::Code));
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let again = given(submission.resend).is_some();
    match (flow.code.sent.clone(), given(submission.code)) {
        (Some(sent), Some(code)) if !again => {
            // Attack: a code for one's own address, and somebody else's address beside it.
            if submission.traits.is_some_and(|traits| traits != flow.values) {
                return Ok(Step::Form(Box::new(flow.with_message(Message::traits_differ()))));
            }
            prove(room, caller, flow, (sent, &code)).await
        }
        (Some(_), None) if !again && submission.traits.as_ref().is_none_or(|t| *t == flow.values) => {
            flow.refuse_field("code", Message::missing("code"));
            Ok(Step::Form(Box::new(flow)))
        }
        (sent, _) => {
            if sent.is_none() {
                flow.code.password = None;
            }
            // Attack: the password was checked against other traits.
            if let Some(traits) = submission.traits.filter(|_| flow.code.password.is_none()) {
                flow.values = traits;
            }
            ask(room, caller, flow).await
        }
    }
}

/// What was typed, if it can be an account's; else what is wrong with it stands at its fields.
fn checked(room: Room<'_>, flow: &mut Flow) -> Option<CheckedTraits> {
    match room.schema(&flow.schema).check_traits(flow.values.clone()) {
        Ok(checked) => Some(checked),
        Err(violations) => {
            for violation in &violations {
                flow.refuse_field(&violation.field, violation.into());
            }
            None
        }
    }
}

async fn ask(room: Room<'_>, caller: Caller<'_>, mut flow: Flow) -> Result<Step, FlowError> {
    flow.code.sent = None;
    let limits = &room.settings.limits;
    count_attempt(room.attempts, limits, room.tenant, (caller.address, None), room.now).await?;
    let Some(checked) = checked(room, &mut flow) else { return Ok(Step::Form(Box::new(flow))) };
    match address_of(&checked) {
        Some(address) => {
            // Of a password that waits the message said what there was to say, and says it again.
            let is_known = flow.code.password.is_none() || !is_taken(room, &checked).await?;
            send_to(room, caller, flow, (address, is_known)).await
        }
        None => Ok(Step::Form(Box::new(flow.with_message(Message::identifier_missing())))),
    }
}

async fn is_taken(room: Room<'_>, checked: &CheckedTraits) -> Result<bool, FlowError> {
    let mut taken = false;
    for identifier in checked.identifiers() {
        taken |= room.identities.find_look_alike(room.tenant, identifier).await?.is_some();
    }
    Ok(taken)
}

/// Where a new account is reached.
pub(super) fn address_of(checked: &CheckedTraits) -> Option<(AddressKind, String)> {
    checked.codes().first().or_else(|| checked.verifiable().first()).cloned()
}

/// Has the address proven before the account is made with its password; or says there that there is an account.
pub(super) async fn after_proof(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    address: (AddressKind, String),
    (taken, password): (bool, HashedPassword),
) -> Result<Step, FlowError> {
    flow.code.password = Some(password);
    send_to(room, caller, flow, (address, !taken)).await
}

async fn send_to(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    ((via, to), is_known): ((AddressKind, String), bool),
) -> Result<Step, FlowError> {
    if !room.reaches(via, &to) {
        return Ok(Step::Form(Box::new(flow.with_message(Message::generic("is not valid")))));
    }
    if let Some(identifier) = Identifier::parse(&to) {
        count_message(room, caller, &identifier).await?;
    }
    let recipient = Recipient { via, to, whose: None, is_known, is_sent: true };
    let what = (MailTemplate::RegistrationCodeValid, Brings::Code);
    let (sent, write) = send(room, &mut flow, what, recipient);
    (flow.code.sent, flow.code.typed) = (Some(sent), None);
    let flow = Box::new(flow.with_message(Message::code_sent("registration")));
    Ok(Step::Challenged { flow, writes: vec![write] })
}

async fn prove(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    (mut sent, code): (SentCode, &str),
) -> Result<Step, FlowError> {
    let limits = &room.settings.limits;
    count_attempt(room.attempts, limits, room.tenant, (caller.address, None), room.now).await?;
    if let Some(identifier) = Identifier::parse(&sent.address) {
        count_address_proof(room.attempts, limits, room.tenant, &identifier, room.now).await?;
    }
    sent.count();
    if !sent.is_right(room, (flow.id, None), Said::Code(code)) {
        flow.code.sent = Some(sent);
        return Ok(Step::WrongCode(Box::new(flow.with_message(Message::wrong_code("registration")))));
    }
    let Some(checked) = checked(room, &mut flow) else { return Ok(Step::Form(Box::new(flow))) };
    let schema = room.schema(&flow.schema);
    let context = room.hook_context(Actor::Anonymous, None);
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
    let identity = Identity::new(IdentityId::generate_at(room.rng, room.now), &checked, room.rng, room.now);
    let identity = with_verified(&identity, &sent.address, room.now).unwrap_or(identity);
    let identity = room.added(&context, identity).await?;
    let session = if room.settings.flow.session_after_registration {
        let method = if flow.code.password.is_some() { Method::Password } else { Method::Code };
        first_session(room, caller, &identity, (&checked, method)).await?
    } else {
        None
    };
    let mut change = creation(room, &identity, &checked, Actor::Anonymous);
    if let Some(password) = flow.code.password.clone() {
        change = change.write(Write::SetPassword { identity: identity.id, password, at: room.now });
    }
    let (verifications, codes) = verification::begun(room, caller, &flow, (&identity, None)).await;
    let change = codes.into_iter().fold(change, Change::write);
    let change = PendingChange::new(change, session.clone());
    Ok(Step::Registered { identity, session, verifications, change })
}
