//! The proof of an address: a code that is sent to it, and how far that is.
//!
//! Attack: a code of six digits is guessed. It is worth something in one flow only, for a short while and a few tries;
//! every try is counted before its answer is told, by a write that of many at a time one makes; and tries count by the
//! address whatever the flow.
//!
//! Attack: somebody learns who has an account. Whether an address is anybody's shows in nothing: the same look-up is made,
//! a code is drawn, a message is written (which goes to nobody then), and the answer is the same.

use primitives::{
    FlowId, IdentityId, KeyedHash, OrganisationId, Rng, Sealer, Secret, TenantId, Timestamp, base64url,
};
use serde::{Deserialize, Serialize};

use super::{Caller, Flow, FlowError, FlowKind, Message, Room, Step, Submission, Transport};
use crate::courier::{MailTemplate, MailValues, NewMessage};
use crate::identifier::Identifier;
use crate::identity::{AddressKind, Identity, IdentityState};
use crate::limiter::{count_address_proof, count_attempt, count_mail};
use crate::ports::AddressUse;
use crate::session::Method;
use crate::write::Write;

const CODE_PURPOSE: &str = "one_time_code";

/// How far the proof of an address is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Challenge {
    /// It is asked which address.
    ChooseMethod,
    /// A code was sent, or would have been.
    SentEmail(SentCode),
    /// The address was proven.
    PassedChallenge,
}

/// A code that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCode {
    /// The address; none where an operator gave the code.
    pub address: String,
    /// Whose it is; nobody's, and no code is right.
    identity: Option<IdentityId>,
    /// The keyed hash of the code, in base64url.
    code: String,
    /// Until when it is worth something.
    expires_at: Timestamp,
    /// How often a code was tried.
    tries: u32,
}

impl Challenge {
    /// As the flow API says it.
    pub const fn state(&self) -> &'static str {
        match self {
            Self::ChooseMethod => "choose_method",
            Self::SentEmail(_) => "sent_email",
            Self::PassedChallenge => "passed_challenge",
        }
    }
}

/// Six digits.
pub(crate) struct OneTimeCode(Secret<String>);

impl OneTimeCode {
    /// Draws a code. Each of the million is as likely as the others.
    pub(crate) fn generate(rng: &dyn Rng) -> Self {
        const FAIR: u32 = u32::MAX - u32::MAX % 1_000_000;
        loop {
            let mut bytes = [0; 4];
            rng.fill(&mut bytes);
            let number = u32::from_be_bytes(bytes);
            if number < FAIR {
                return Self(Secret::new(format!("{:06}", number % 1_000_000)));
            }
        }
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }

    fn hash(&self, sealer: &Sealer, tenant: &TenantId, flow: FlowId) -> String {
        base64url::encode(sealer.hash(tenant, CODE_PURPOSE, &bound(flow, self.expose())).0)
    }
}

/// A code is one flow's.
fn bound(flow: FlowId, code: &str) -> Vec<u8> {
    [flow.0.as_bytes().as_slice(), code.as_bytes()].concat()
}

impl SentCode {
    /// A code for whoever has an address.
    pub(crate) fn new(
        room: Room<'_>,
        flow: FlowId,
        (address, identity): (&str, Option<IdentityId>),
        code: &OneTimeCode,
        expires_at: Timestamp,
    ) -> Self {
        let code = code.hash(room.sealer, room.tenant, flow);
        Self { address: address.to_owned(), identity, code, expires_at, tries: 0 }
    }

    /// Whose address a code proves.
    fn check(&self, room: Room<'_>, flow: FlowId, typed: &str) -> Option<IdentityId> {
        let digits: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(32).collect();
        let hash = KeyedHash(base64url::decode(&self.code)?);
        let right = room.sealer.verify_hash(room.tenant, CODE_PURPOSE, &bound(flow, &digits), &hash);
        let alive = room.now < self.expires_at && self.tries <= room.settings.code.max_submissions;
        self.identity.filter(|_| right && alive)
    }
}

/// What differs between the flows that prove an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Verification,
    Recovery,
}

impl Purpose {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Recovery => "recovery",
        }
    }

    const fn address_use(self) -> AddressUse {
        match self {
            Self::Verification => AddressUse::Verification,
            Self::Recovery => AddressUse::Recovery,
        }
    }

    const fn template(self, is_known: bool) -> MailTemplate {
        match (self, is_known) {
            (Self::Verification, true) => MailTemplate::VerificationCodeValid,
            (Self::Verification, false) => MailTemplate::VerificationCodeInvalid,
            (Self::Recovery, true) => MailTemplate::RecoveryCodeValid,
            (Self::Recovery, false) => MailTemplate::RecoveryCodeInvalid,
        }
    }

    /// The address, as it is written in the account, if it serves this purpose.
    fn address_of(self, identity: &Identity, typed: &str) -> Option<String> {
        let mut verifiable = identity.verifiable_addresses.iter().map(|a| (a.via, &a.value));
        let mut recovery = identity.recovery_addresses.iter().map(|a| (a.via, &a.value));
        let is_it = |(via, value): &(AddressKind, &String)| *via == AddressKind::Email && *value == typed;
        let found = match self {
            Self::Verification => verifiable.find(is_it),
            Self::Recovery => recovery.find(is_it).filter(|_| identity.state == IdentityState::Active),
        };
        found.map(|(_, value)| value.clone())
    }
}

/// What somebody submitted to a flow that proves an address.
#[expect(clippy::large_enum_variant, reason = "one lives at a time, for one request")]
pub(super) enum Submitted {
    /// The form again, or a new code was sent: nothing to decide any more.
    Answered(Step),
    /// The code was right: whose address it proves, and which.
    Proven { identity: Box<Identity>, address: String },
}

/// Sends a code, or looks at one that was typed.
pub(super) async fn submitted(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: &Flow,
    submission: &Submission,
    purpose: Purpose,
) -> Result<Submitted, FlowError> {
    let mut flow = flow.clone().tried(Some(Method::Code));
    flow.values.clear();
    let Some(challenge) = flow.kind.challenge().cloned() else { return Err(FlowError::IdentityMismatch) };
    let given =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
    match (challenge, given(&submission.email), given(&submission.code)) {
        (Challenge::PassedChallenge, _, _) => {
            let message = Message::already_done(purpose.as_str());
            Ok(Submitted::Answered(Step::Form(Box::new(flow.with_message(message)))))
        }
        // A new address, or the same again, makes the code before it worthless.
        (_, Some(email), _) => send(room, caller, flow, &email, purpose).await.map(Submitted::Answered),
        (Challenge::SentEmail(sent), None, Some(code)) => {
            prove(room, caller, flow, (sent, &code), purpose).await
        }
        (Challenge::SentEmail(_), None, None) => {
            flow.refuse_field("code", Message::missing("code"));
            Ok(Submitted::Answered(Step::Form(Box::new(flow))))
        }
        (Challenge::ChooseMethod, None, _) => {
            flow.refuse_field("email", Message::missing("email"));
            Ok(Submitted::Answered(Step::Form(Box::new(flow))))
        }
    }
}

async fn send(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    typed: &str,
    purpose: Purpose,
) -> Result<Step, FlowError> {
    let Some(identifier) = Identifier::parse(typed).filter(|identifier| identifier.as_str().contains('@'))
    else {
        flow.refuse_field("email", Message::generic("is not valid \"email\""));
        return Ok(Step::Form(Box::new(flow)));
    };
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;
    count_mail(room.attempts, &room.settings.limits, room.tenant, &identifier, room.now).await?;
    let found = room
        .identities
        .find_by_address(room.tenant, purpose.address_use(), AddressKind::Email, identifier.as_str())
        .await?;
    // Attack: an address that only folds to somebody's is typed, and their code goes there. So it goes to the address
    // that their account has.
    let known = found.and_then(|identity| {
        let address = purpose.address_of(&identity, identifier.as_str())?;
        Some((identity, address))
    });
    let to = known.as_ref().map_or_else(|| identifier.as_str().to_owned(), |(_, address)| address.clone());
    let is_sent = known.is_some() || purpose.notifies_unknown(room);
    let whose = known.map(|(identity, _)| (identity.id, identity.organisation));
    let (flow, write) = code_sent(room, flow, purpose, Recipient { to, whose, is_sent });
    Ok(Step::Challenged { flow: Box::new(flow), writes: vec![write] })
}

/// To whom a code goes.
pub(super) struct Recipient {
    pub(super) to: String,
    /// Whose address it is.
    pub(super) whose: Option<(IdentityId, Option<OrganisationId>)>,
    /// Whether anything goes there.
    pub(super) is_sent: bool,
}

/// The flow with a new code, and the message that brings it.
pub(super) fn code_sent(room: Room<'_>, flow: Flow, purpose: Purpose, recipient: Recipient) -> (Flow, Write) {
    let Recipient { to, whose, is_sent } = recipient;
    let code = OneTimeCode::generate(room.rng);
    let expires_at = room.now.after(room.settings.code.lifespan()).min(flow.expires_at);
    let sent = SentCode::new(room, flow.id, (&to, whose.map(|(id, _)| id)), &code, expires_at);
    let url = match flow.transport {
        Transport::Browser => {
            let base = room.base.as_str().trim_end_matches('/');
            Some(format!("{base}/self-service/{}?flow={}&code={}", purpose.as_str(), flow.id, code.expose()))
        }
        Transport::Api => None,
    };
    let values = MailValues {
        to: &to,
        code: whose.map(|_| code.expose()),
        url: url.as_deref().filter(|_| whose.is_some()),
        minutes: expires_at.since(room.now).as_secs() / 60,
    };
    let template = purpose.template(whose.is_some());
    let message = NewMessage {
        id: room.rng.uuid(),
        template,
        via: AddressKind::Email,
        mail: room.composer.compose(template, values),
        recipient: to,
        organisation: whose.and_then(|(_, organisation)| organisation),
        at: room.now,
        is_sent,
    };
    let mut flow = flow.with_message(Message::code_sent(purpose.as_str()));
    flow.active = Some(Method::Code);
    flow.kind = match purpose {
        Purpose::Verification => FlowKind::Verification { challenge: Challenge::SentEmail(sent) },
        Purpose::Recovery => FlowKind::Recovery { challenge: Challenge::SentEmail(sent) },
    };
    (flow, Write::QueueMessage(Box::new(message)))
}

impl Purpose {
    const fn notifies_unknown(self, room: Room<'_>) -> bool {
        match self {
            Self::Verification => room.settings.verification.notify_unknown_recipients,
            Self::Recovery => room.settings.recovery.notify_unknown_recipients,
        }
    }
}

async fn prove(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    (mut sent, typed): (SentCode, &str),
    purpose: Purpose,
) -> Result<Submitted, FlowError> {
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;
    if let Some(identifier) = Identifier::parse(&sent.address) {
        count_address_proof(room.attempts, &room.settings.limits, room.tenant, &identifier, room.now).await?;
    }
    sent.tries = sent.tries.saturating_add(1);
    if let Some(whose) = sent.check(room, flow.id, typed)
        && let Some(identity) = room.identities.find_identity(room.tenant, whose).await?
        && let Some(address) = proven_address(&identity, &sent.address, purpose)
    {
        return Ok(Submitted::Proven { identity: Box::new(identity), address });
    }
    let challenge = Challenge::SentEmail(sent);
    flow.kind = match purpose {
        Purpose::Verification => FlowKind::Verification { challenge },
        Purpose::Recovery => FlowKind::Recovery { challenge },
    };
    flow = flow.with_message(Message::wrong_code(purpose.as_str()));
    Ok(Submitted::Answered(Step::WrongCode(Box::new(flow))))
}

/// The address that a right code proves, if the account still has it; none, in words, where an operator gave the code.
fn proven_address(identity: &Identity, address: &str, purpose: Purpose) -> Option<String> {
    if address.is_empty() {
        return (identity.state == IdentityState::Active).then(String::new);
    }
    purpose.address_of(identity, address)
}

/// The account, with an address that its owner proved; `None` where that is known already.
pub(crate) fn with_verified(identity: &Identity, address: &str, now: Timestamp) -> Option<Identity> {
    use crate::identity::AddressStatus;
    let mut verified = identity.clone();
    let found = verified.verifiable_addresses.iter_mut().find(|a| a.value == address && !a.verified)?;
    found.verified = true;
    found.status = AddressStatus::Completed;
    found.verified_at = Some(now);
    found.updated_at = now;
    verified.updated_at = now;
    Some(verified)
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;

    use super::*;

    #[test]
    fn codes_are_six_digits_and_differ() {
        let rng = SeededRng::new(1);
        let codes: std::collections::BTreeSet<String> =
            (0..100).map(|_| OneTimeCode::generate(&rng).expose().to_owned()).collect();
        assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())));
        assert!(codes.len() > 95);
    }
}
