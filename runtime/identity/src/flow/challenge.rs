//! The proof of an address: a code or a link that is sent to it, and how far that is.
//!
//! Attack: a code of six digits is guessed. It is worth something in one flow only, for a short while and a few tries;
//! every try is counted before its answer is told, by a write that of many at a time one makes; and tries count by the
//! address whatever the flow.
//!
//! Attack: somebody learns who has an account. Whether an address is anybody's shows in nothing: the same look-up is made,
//! a code is drawn, a message is written (which goes to nobody then), and the answer is the same. Whether it is an e-mail
//! address or a phone number says what was typed, and both take the same path.

use primitives::Timestamp;
use serde::{Deserialize, Serialize};

use super::address_choice::{AddressChoice, SaidAddress, asked_anew};
use super::addresses::{TypedAddress, count_message, masked};
use super::sending::{Brings, Recipient, send};
use super::sent_code::Said;
use super::{Caller, Flow, FlowError, FlowKind, Message, Room, SentCode, Step, Submission};
use crate::courier::MailTemplate;
use crate::identifier::Identifier;
use crate::identity::{AddressKind, Identity, IdentityState};
use crate::limiter::{count_address_proof, count_attempt};
use crate::ports::AddressUse;
use crate::session::Method;
use crate::settings::ProofMeans;
use crate::write::Write;

/// How far the proof of an address is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Challenge {
    /// It is asked which address.
    ChooseMethod,
    /// It is asked which of the account's.
    ChooseAddress(AddressChoice),
    /// A code or a link was sent, or would have been.
    SentEmail(SentCode),
    /// The address was proven.
    PassedChallenge,
}

impl Challenge {
    /// As the flow API says it.
    pub const fn state(&self) -> &'static str {
        match self {
            // The specification knows three states.
            Self::ChooseMethod | Self::ChooseAddress(_) => "choose_method",
            Self::SentEmail(_) => "sent_email",
            Self::PassedChallenge => "passed_challenge",
        }
    }

    /// Whether what was sent went to a phone.
    pub(super) fn is_by_phone(&self) -> bool {
        matches!(self, Self::SentEmail(sent) if sent.via == AddressKind::Sms)
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

    /// Under which name a form takes an address. That which lets people back in has a name of its own where the address may
    /// be a number; in the other the specification has both under one name.
    pub(super) const fn field(self, takes_phones: bool) -> &'static str {
        match self {
            Self::Recovery if takes_phones => "recovery_address",
            Self::Recovery | Self::Verification => "email",
        }
    }

    const fn address_use(self) -> AddressUse {
        match self {
            Self::Verification => AddressUse::Verification,
            Self::Recovery => AddressUse::Recovery,
        }
    }

    const fn template(self, means: ProofMeans, is_known: bool) -> MailTemplate {
        match (self, means, is_known) {
            (Self::Verification, ProofMeans::Code, true) => MailTemplate::VerificationCodeValid,
            (Self::Verification, ProofMeans::Code, false) => MailTemplate::VerificationCodeInvalid,
            (Self::Verification, ProofMeans::Link, true) => MailTemplate::VerificationValid,
            (Self::Verification, ProofMeans::Link, false) => MailTemplate::VerificationInvalid,
            (Self::Recovery, ProofMeans::Code, true) => MailTemplate::RecoveryCodeValid,
            (Self::Recovery, ProofMeans::Code, false) => MailTemplate::RecoveryCodeInvalid,
            (Self::Recovery, ProofMeans::Link, true) => MailTemplate::RecoveryValid,
            (Self::Recovery, ProofMeans::Link, false) => MailTemplate::RecoveryInvalid,
        }
    }

    /// The address, as it is written in the account, if it serves this purpose.
    pub(super) fn address_of(self, identity: &Identity, (via, typed): (AddressKind, &str)) -> Option<String> {
        let mut verifiable = identity.verifiable_addresses.iter().map(|a| (a.via, &a.value));
        let mut recovery = identity.recovery_addresses.iter().map(|a| (a.via, &a.value));
        let is_it = |(way, value): &(AddressKind, &String)| *way == via && *value == typed;
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
    /// The form again, or something new was sent: nothing to decide any more.
    Answered(Step),
    /// What was said was right: whose address it proves, which, and by what.
    Proven { identity: Box<Identity>, address: String, means: ProofMeans },
}

/// Sends a code or a link, or looks at what came of it.
pub(super) async fn submitted(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: &Flow,
    submission: &Submission,
    purpose: Purpose,
) -> Result<Submitted, FlowError> {
    let means = flow.means;
    let mut flow = flow.clone().tried(Some(marker(means)));
    flow.values.clear();
    let Some(challenge) = flow.kind.challenge().cloned() else { return Err(FlowError::IdentityMismatch) };
    if let Challenge::ChooseAddress(choice) = &challenge {
        flow = choice.clone().asked_in(flow);
    }
    let answered = |step: Step| Ok(Submitted::Answered(step));
    let form = |flow: Flow| answered(Step::Form(Box::new(flow)));
    let address = SaidAddress::read(&flow, submission);
    let token = submission.token.as_deref().filter(|_| address.is_none());
    let is_other = submission.method.as_deref().is_some_and(|method| method != word(means));
    let code = submission.code.as_deref().map(str::trim).filter(|code| !code.is_empty());
    let said = token.map(Said::Link).or_else(|| code.map(Said::Code));
    match (challenge, address, said) {
        (Challenge::PassedChallenge, _, _) => {
            form(flow.with_message(Message::already_done(purpose.as_str())))
        }
        (Challenge::SentEmail(sent), None, Some(said)) => {
            prove(room, caller, flow, (sent, said), purpose).await
        }
        (_, _, _) if is_other => form(flow.with_message(Message::no_strategy(purpose.as_str()))),
        // A new address, or the same again, makes what was sent before worthless.
        (_, Some(SaidAddress::Typed { address, may_choose }), _) => {
            answered(send_to(room, caller, flow, (&address, may_choose), purpose).await?)
        }
        (Challenge::ChooseAddress(choice), Some(SaidAddress::Chosen(mark)), _) => {
            let Some(address) = choice.in_full(&mark).map(str::to_owned) else {
                return answered(choice.choose(flow, &mark));
            };
            answered(send_to(room, caller, flow, (&address, false), purpose).await?)
        }
        (_, Some(SaidAddress::Back | SaidAddress::Chosen(_)), _) => answered(asked_anew(flow)),
        (Challenge::ChooseAddress(choice), None, _) => {
            flow.refuse_field(choice.field(), Message::missing(choice.field()));
            form(flow)
        }
        (Challenge::SentEmail(_), None, None) if means == ProofMeans::Code => {
            flow.refuse_field("code", Message::missing("code"));
            form(flow)
        }
        (Challenge::SentEmail(_) | Challenge::ChooseMethod, None, _) => {
            let field = purpose.field(flow.phones);
            flow.refuse_field(field, Message::missing(field));
            form(flow)
        }
    }
}

/// As the flow API calls it.
const fn word(means: ProofMeans) -> &'static str {
    match means {
        ProofMeans::Code => "code",
        ProofMeans::Link => "link",
    }
}

/// What a flow names as its active method.
const fn marker(means: ProofMeans) -> Method {
    match means {
        ProofMeans::Code => Method::Code,
        ProofMeans::Link => Method::LinkRecovery,
    }
}

async fn send_to(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    (typed, may_choose): (&str, bool),
    purpose: Purpose,
) -> Result<Step, FlowError> {
    let Some(TypedAddress { via, identifier }) = TypedAddress::read(room, typed, purpose) else {
        let what = if flow.phones { "is not valid" } else { "is not valid \"email\"" };
        let field = match flow.kind.challenge() {
            Some(Challenge::ChooseAddress(choice)) => choice.field(),
            _ => purpose.field(flow.phones),
        };
        flow.refuse_field(field, Message::generic(what));
        return Ok(Step::Form(Box::new(flow)));
    };
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;
    let found =
        room.identities.find_by_address(room.tenant, purpose.address_use(), via, identifier.as_str()).await?;
    // Attack: an address that only folds to somebody's is typed, and their code goes there. So it goes to the address
    // that their account has.
    let known = found.and_then(|identity| {
        let address = purpose.address_of(&identity, (via, identifier.as_str()))?;
        Some((identity, address))
    });
    if let Some((identity, address)) = known.as_ref().filter(|_| may_choose)
        && let Some(choice) = AddressChoice::offer(room, &flow, identity, address)
    {
        return Ok(Step::Challenged { flow: Box::new(choice.asked_in(flow)), writes: Vec::new() });
    }
    // Whoever has the address: a limit tells nobody who has an account.
    count_message(room, caller, &identifier).await?;
    let to = known.as_ref().map_or_else(|| identifier.as_str().to_owned(), |(_, address)| address.clone());
    let is_known = known.is_some();
    let is_sent = is_known || purpose.notifies_unknown(room);
    let whose = known.map(|(identity, _)| (identity.id, identity.organisation));
    let recipient = Recipient { via, to, whose, is_known, is_sent };
    let (flow, write) = sent(room, flow, purpose, recipient);
    Ok(Step::Challenged { flow: Box::new(flow), writes: vec![write] })
}

/// The flow with something new on its way, and the message that brings it.
pub(super) fn sent(room: Room<'_>, mut flow: Flow, purpose: Purpose, recipient: Recipient) -> (Flow, Write) {
    let means = flow.means;
    // What is kept and not sent is no other message than what is, so that it takes no other time to write.
    let is_of_somebody = recipient.is_known || !recipient.is_sent;
    let what = (purpose.template(means, is_of_somebody), Brings::from(means));
    let (sent, write) = send(room, &mut flow, what, recipient);
    flow.active = Some(marker(means));
    let said = match (means, sent.via) {
        (ProofMeans::Code, AddressKind::Email) => Message::code_sent(purpose.as_str()),
        (ProofMeans::Link, AddressKind::Email) => Message::link_sent(purpose.as_str()),
        (ProofMeans::Code, AddressKind::Sms) => {
            Message::code_texted(purpose.as_str(), &masked(&sent.address))
        }
        (ProofMeans::Link, AddressKind::Sms) => {
            Message::link_texted(purpose.as_str(), &masked(&sent.address))
        }
    };
    flow.kind = purpose.kind(Challenge::SentEmail(sent));
    (flow.with_message(said), write)
}

impl Purpose {
    const fn notifies_unknown(self, room: Room<'_>) -> bool {
        match self {
            Self::Verification => room.settings.verification.notify_unknown_recipients,
            Self::Recovery => room.settings.recovery.notify_unknown_recipients,
        }
    }

    const fn kind(self, challenge: Challenge) -> FlowKind {
        match self {
            Self::Verification => FlowKind::Verification { challenge },
            Self::Recovery => FlowKind::Recovery { challenge },
        }
    }
}

async fn prove(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    (mut sent, said): (SentCode, Said<'_>),
    purpose: Purpose,
) -> Result<Submitted, FlowError> {
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;
    if let Some(identifier) = Identifier::parse(&sent.address) {
        count_address_proof(room.attempts, &room.settings.limits, room.tenant, &identifier, room.now).await?;
    }
    sent.count();
    if sent.is_right(room, (flow.id, flow.link.as_ref()), said)
        && let Some(whose) = sent.identity()
        && let Some(identity) = room.identities.find_identity(room.tenant, whose).await?
        && let Some(address) = proven_address(&identity, &sent, purpose)
    {
        let means = match said {
            Said::Code(_) => ProofMeans::Code,
            Said::Link(_) => ProofMeans::Link,
        };
        return Ok(Submitted::Proven { identity: Box::new(identity), address, means });
    }
    flow.kind = purpose.kind(Challenge::SentEmail(sent));
    flow = flow.with_message(match said {
        Said::Code(_) => Message::wrong_code(purpose.as_str()),
        Said::Link(_) => Message::wrong_link(purpose.as_str()),
    });
    Ok(Submitted::Answered(Step::WrongCode(Box::new(flow))))
}

/// The address that a right code proves, if the account still has it; none, in words, where an operator gave the code.
fn proven_address(identity: &Identity, sent: &SentCode, purpose: Purpose) -> Option<String> {
    if sent.address.is_empty() {
        return (identity.state == IdentityState::Active).then(String::new);
    }
    purpose.address_of(identity, (sent.via, &sent.address))
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
