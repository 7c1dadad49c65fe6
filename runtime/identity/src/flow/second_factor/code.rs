//! A code that is sent to an address as a second factor.
//!
//! Attack: whoever reads somebody's mail gets in with it once, and has it count twice. So a code is a second factor only of
//! a session that was proven by something other than a message.
//!
//! Attack: whoever has the password alone learns the addresses of the account. So they are masked until the code is there.

use primitives::{Change, SessionClaims};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::prove::{allowed, owner};
use super::{audit, proven};
use crate::courier::MailTemplate;
use crate::flow::addresses::{count_message, masked};
use crate::flow::document::Input;
use crate::flow::sending::{Brings, Recipient, send};
use crate::flow::sent_code::Said;
use crate::flow::{Caller, Flow, FlowError, Message, Room, SentCode, Step, Submission, code_form};
use crate::hooks::LoginOutcome;
use crate::identifier::Identifier;
use crate::identity::{AddressKind, Identity};
use crate::limiter::{count_attempt, count_second_factor, forgive_attempt, forgive_second_factor};
use crate::session::{LiveSession, Method};
use crate::settings::RequiredAssurance;

/// An address to which a code can be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeAddress {
    via: AddressKind,
    address: String,
}

impl CodeAddress {
    /// Whether this is it.
    pub(in crate::flow) fn is(&self, text: &str) -> bool {
        self.masked() == text || Identifier::parse(text).is_some_and(|typed| typed.as_str() == self.address)
    }

    /// So much of it that its owner knows it again.
    fn masked(&self) -> String {
        masked(&self.address)
    }
}

impl Room<'_> {
    /// Where a code can be sent that proves a second factor to whoever proved the first in these ways.
    pub(super) fn code_factor(
        &self,
        identity: &Identity,
        mut first: impl Iterator<Item = Method>,
    ) -> Vec<CodeAddress> {
        if !self.settings.code.mfa_enabled || first.all(Method::is_of_message) {
            return Vec::new();
        }
        let addresses = self.schema(&identity.schema_id).code_addresses(&identity.traits);
        let is_reached = |(via, address): &(AddressKind, String)| self.reaches(*via, address);
        addresses.into_iter().filter(is_reached).map(|(via, address)| CodeAddress { via, address }).collect()
    }

    pub(in crate::flow) fn code_factor_of(&self, live: &LiveSession) -> Vec<CodeAddress> {
        self.code_factor(live.identity(), live.session().methods.iter().map(|proof| proof.method))
    }

    /// Whether a session is worth what a tenant asks of sessions, of those too whose second factor is a code.
    pub fn satisfies(&self, live: &LiveSession, required: RequiredAssurance) -> bool {
        use primitives::subject::AssuranceLevel::Aal2;
        live.satisfies(required)
            && (required == RequiredAssurance::Aal1
                || live.session().actor.is_some()
                || live.session().assurance >= Aal2
                || self.code_factor_of(live).is_empty())
    }
}

/// Has a code sent, or takes the one that was.
pub(in crate::flow) async fn prove_by_code(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let live = owner(&flow, caller)?;
    let mut flow = flow.tried(Some(Method::Code));
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let again = given(submission.resend).is_some();
    let address = given(submission.address);
    let sent = flow.code.sent.clone();
    match (sent, given(submission.code)) {
        (Some(sent), Some(code)) if !again => prove(room, caller, flow, (sent, &code)).await,
        (Some(_), None) if !again && address.is_none() => {
            flow.refuse_field("code", Message::missing("code"));
            Ok(Step::Form(Box::new(flow)))
        }
        (sent, _) => {
            let addresses =
                flow.factors.step_up.as_ref().map_or(&[][..], |step_up| step_up.addresses.as_slice());
            let former = sent.map(|sent| sent.address);
            let chosen = match (&address, &former) {
                (Some(asked), _) => addresses.iter().find(|a| a.is(asked)),
                (None, Some(former)) => addresses.iter().find(|a| a.address == *former),
                (None, None) => addresses.first().filter(|_| addresses.len() == 1),
            };
            match chosen.cloned() {
                Some(chosen) => ask(room, caller, flow, (live, chosen)).await,
                None => Ok(Step::Form(Box::new(flow.with_message(Message::unknown_address())))),
            }
        }
    }
}

async fn ask(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    (live, chosen): (&LiveSession, CodeAddress),
) -> Result<Step, FlowError> {
    let limits = &room.settings.limits;
    count_attempt(room.attempts, limits, room.tenant, (caller.address, None), room.now).await?;
    if let Some(identifier) = Identifier::parse(&chosen.address) {
        count_message(room, caller, &identifier).await?;
    }
    let whose = Some((live.identity().id, live.identity().organisation));
    let recipient = Recipient { via: chosen.via, to: chosen.address, whose, is_known: true, is_sent: true };
    let (sent, write) = send(room, &mut flow, (MailTemplate::LoginCodeValid, Brings::Code), recipient);
    (flow.code.sent, flow.code.typed) = (Some(sent), None);
    let flow = Box::new(flow.with_message(Message::code_sent("login")));
    Ok(Step::Challenged { flow, writes: vec![write] })
}

async fn prove(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    (mut sent, code): (SentCode, &str),
) -> Result<Step, FlowError> {
    let live = owner(&flow, caller)?;
    let limits = &room.settings.limits;
    let who = (caller.address, None);
    count_attempt(room.attempts, limits, room.tenant, who, room.now).await?;
    count_second_factor(room.attempts, limits, room.tenant, live.identity().id, room.now).await?;
    sent.count();
    let is_theirs = sent.identity() == Some(live.identity().id)
        && room.code_factor_of(live).iter().any(|address| address.address == sent.address);
    if !is_theirs || !sent.is_right(room, (flow.id, None), Said::Code(code)) {
        flow.code.sent = Some(sent);
        return Ok(Step::WrongCode(Box::new(flow.with_message(Message::wrong_code("login")))));
    }
    let claims = match allowed(room, caller, &flow, Method::Code).await? {
        LoginOutcome::Allow { claims } => claims,
        LoginOutcome::RequireSecondFactor => SessionClaims::default(),
        LoginOutcome::Deny { message } => {
            return Ok(Step::Form(Box::new(flow.with_message(Message::generic(&message)))));
        }
    };
    forgive_attempt(room.attempts, limits, room.tenant, who, room.now).await;
    forgive_second_factor(room.attempts, limits, room.tenant, live.identity().id, room.now).await;
    let change = Change::new(room.tenant.clone()).audit(audit("session.second_factor", live, Method::Code));
    let (session, change) = proven(room, live, Method::Code, claims, change);
    Ok(Step::Once(Box::new(Step::Refreshed { session, change })))
}

/// Where the code can be sent, or what asks for the one that was.
pub(super) fn nodes(addresses: &[CodeAddress], flow: &Flow) -> Vec<Value> {
    if flow.code.sent.is_some() {
        return code_form::asked(flow);
    }
    let button = |address: &CodeAddress| {
        let masked = address.masked();
        let label = Message::send_code_to(&masked);
        Input::new("address", "submit").value(masked).node("code", Some(label), flow)
    };
    addresses.iter().map(button).collect()
}
