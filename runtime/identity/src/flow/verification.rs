//! Verifying an address: whoever has what was sent to it has the address.

use primitives::{Actor, AuditEvent, Change};

use super::addresses::count_message;
use super::challenge::{Purpose, Submitted, sent, submitted, with_verified};
use super::sending::Recipient;
use super::start::takes_phones;
use super::{
    Caller, Challenge, Flow, FlowError, FlowKind, Message, NewFlow, Room, Step, Submission, Transport,
};
use crate::identifier::Identifier;
use crate::identity::{AddressKind, Identity};
use crate::write::Write;

pub(super) async fn with_message(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    if !room.settings.verification.enabled {
        return Err(FlowError::Closed);
    }
    let (identity, address) = match submitted(room, caller, &flow, &submission, Purpose::Verification).await?
    {
        Submitted::Answered(step) => return Ok(step),
        Submitted::Proven { identity, address, .. } => (identity, address),
    };
    let mut change = Change::new(room.tenant.clone()).audit(AuditEvent::new(
        "address.verified",
        Actor::Subject(identity.id),
        "identity",
        &identity.id,
    ));
    let verified = with_verified(&identity, &address, room.now);
    if let Some(verified) = &verified {
        change = change.write(Write::ReplaceIdentity(Box::new(verified.clone())));
    }
    let active = flow.active;
    let by_phone = flow.kind.challenge().is_some_and(Challenge::is_by_phone);
    let mut flow = flow.tried(active).with_message(Message::address_verified(by_phone));
    flow.kind = FlowKind::Verification { challenge: Challenge::PassedChallenge };
    flow.values.clear();
    let identity = verified.map_or(identity, Box::new);
    Ok(Step::Verified { flow: Box::new(flow), identity, change })
}

/// What begins for the addresses of an account that nobody has proven yet: a flow for each, and the writes that send its
/// code. The flows themselves are whoever shows them to store.
///
/// Attack: accounts are made, or changed, for the sake of the text messages. Each counts like one that was asked for; a
/// number of which there were too many gets none now, and its owner asks for one later.
pub(super) async fn begun(
    room: Room<'_>,
    caller: Caller<'_>,
    from: &Flow,
    (identity, known): (&Identity, Option<&Identity>),
) -> (Vec<Flow>, Vec<Write>) {
    if !room.settings.verification.enabled || !room.settings.verification.send_automatically {
        return (Vec::new(), Vec::new());
    }
    let was_there =
        |value: &str| known.is_some_and(|known| known.verifiable_addresses.iter().any(|a| a.value == value));
    let (mut flows, mut writes) = (Vec::new(), Vec::new());
    for address in identity.verifiable_addresses.iter().filter(|a| !a.verified && !was_there(&a.value)) {
        if address.via == AddressKind::Sms && !is_allowed(room, caller, &address.value).await {
            continue;
        }
        let (flow, write) = begun_for(room, from, identity, (address.via, address.value.clone()));
        flows.push(flow);
        writes.push(write);
    }
    (flows, writes)
}

/// Whether a text message may go to a number now.
async fn is_allowed(room: Room<'_>, caller: Caller<'_>, number: &str) -> bool {
    let Some(number) = Identifier::parse(number) else { return false };
    room.settings.sms.reach(number.as_str()) && count_message(room, caller, &number).await.is_ok()
}

fn begun_for(
    room: Room<'_>,
    from: &Flow,
    identity: &Identity,
    (via, to): (AddressKind, String),
) -> (Flow, Write) {
    let transport = from.transport;
    // A change of one's account stays on its page.
    let of_form = || from.return_to.clone().filter(|_| !matches!(from.kind, FlowKind::Settings { .. }));
    let return_to = from.onward.after_verification.clone().or_else(of_form);
    let new = NewFlow {
        kind: FlowKind::Verification { challenge: Challenge::ChooseMethod },
        transport,
        request: match transport {
            Transport::Browser => "/self-service/verification/browser",
            Transport::Api => "/self-service/verification/api",
        }
        .to_owned(),
        return_to,
        schema: identity.schema_id.clone(),
    };
    let flow = Flow::begin(new, room.rng, room.now, room.settings);
    let flow = Flow { phones: takes_phones(room, &flow.kind), ..flow };
    let whose = Some((identity.id, identity.organisation));
    let recipient = Recipient { via, to, whose, is_known: true, is_sent: true };
    sent(room, flow, Purpose::Verification, recipient)
}
