//! Verifying an address: whoever has what was sent to it has the address.

use primitives::{Actor, AuditEvent, Change};

use super::challenge::{Purpose, Submitted, sent, submitted, with_verified};
use super::sending::Recipient;
use super::{
    Caller, Challenge, Flow, FlowError, FlowKind, Message, NewFlow, Room, Step, Submission, Transport,
};
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
    let mut flow = flow.tried(active).with_message(Message::address_verified());
    flow.kind = FlowKind::Verification { challenge: Challenge::PassedChallenge };
    flow.values.clear();
    let identity = verified.map_or(identity, Box::new);
    Ok(Step::Verified { flow: Box::new(flow), identity, change })
}

/// What begins for the addresses of an account that nobody has proven yet: a flow for each, and the writes that send its
/// code. The flows themselves are whoever shows them to store.
pub(super) fn begun(
    room: Room<'_>,
    (transport, return_to): (Transport, Option<&String>),
    identity: &Identity,
    known: Option<&Identity>,
) -> (Vec<Flow>, Vec<Write>) {
    if !room.settings.verification.enabled || !room.settings.verification.send_automatically {
        return (Vec::new(), Vec::new());
    }
    let was_there =
        |value: &str| known.is_some_and(|known| known.verifiable_addresses.iter().any(|a| a.value == value));
    let new = identity
        .verifiable_addresses
        .iter()
        .filter(|a| a.via == AddressKind::Email && !a.verified && !was_there(&a.value));
    new.map(|address| {
        let flow = NewFlow {
            kind: FlowKind::Verification { challenge: Challenge::ChooseMethod },
            transport,
            request: match transport {
                Transport::Browser => "/self-service/verification/browser",
                Transport::Api => "/self-service/verification/api",
            }
            .to_owned(),
            return_to: return_to.cloned(),
            schema: identity.schema_id.clone(),
        };
        let flow = Flow::begin(flow, room.rng, room.now, room.settings);
        let whose = Some((identity.id, identity.organisation));
        let (via, to) = (address.via, address.value.clone());
        let recipient = Recipient { via, to, whose, is_known: true, is_sent: true };
        sent(room, flow, Purpose::Verification, recipient)
    })
    .unzip()
}
