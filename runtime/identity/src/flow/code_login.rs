//! Signing in with a code that is sent to an address of the account, or with the link of the message that brings it.
//!
//! | check | otherwise |
//! |---|---|
//! | 1 the tenant has it | the form again |
//! | 2 neither the client's nor the address's attempts are used up | 429 |
//! | 3 the tenant's plugins let them try | the form again, elsewhere |
//! | 4 the code or the token is right, young and this form's | the form again, once the try is counted |
//! | 5 the account is there, may sign in and still has the address | the same |
//! | 6 the tenant's plugins let them in | the form again |
//! | 7 nobody was faster with it | decided again |
//!
//! Attack: somebody learns who has an account. What is typed is looked up, a code is drawn and a message is written
//! whoever it is; one to nobody is not sent, and no code is right then.
//!
//! Attack: somebody sends a victim the link of a form of their own, or has a victim's link confirm theirs. A link signs
//! in where it is opened and nowhere else; in another browser than its form's it asks first, and what waits for the form
//! stays behind.

use std::hint::black_box;

use primitives::subject::AssuranceLevel;
use primitives::{Actor, AuditEvent, Change, SessionClaims};
use serde_json::{Map, json};

use super::addresses::{count_message, is_phone};
use super::admission::{Admitted, admit, check_attempt};
use super::challenge::with_verified;
use super::proven::proven_in;
use super::sending::{Brings, Recipient, send};
use super::sent_code::Said;
use super::unproven::proven_by_stranger;
use super::{
    Caller, Flow, FlowError, FlowKind, Message, PendingChange, Room, SentCode, SignedIn, Step, Submission,
};
use crate::courier::MailTemplate;
use crate::hooks::LoginAttempt;
use crate::identifier::Identifier;
use crate::identity::{AddressKind, Identity, IdentityState};
use crate::limiter::{count_address_proof, count_attempt, forgive_attempt};
use crate::session::revoke::sign_out;
use crate::session::{AuthenticationMethod, LiveSession, Method, Session, SessionToken};
use crate::write::Write;

pub(super) async fn with_code(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    if !room.settings.code.passwordless_enabled {
        return Ok(Step::Form(Box::new(flow.tried(None).with_message(Message::no_strategy("login")))));
    }
    let mut flow = flow.tried(Some(Method::Code));
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let typed = given(submission.identifier);
    let (code, token) = (given(submission.code), given(submission.token));
    let said = token.as_deref().map(Said::Link).or_else(|| code.as_deref().map(Said::Code));
    let again = given(submission.resend).is_some();
    match (flow.code.sent.clone(), said) {
        (Some(sent), Some(said)) if !again => prove(room, caller, flow, (sent, said)).await,
        (Some(_), None) if !again && is_same(&flow, typed.as_deref()) => {
            flow.refuse_field("code", Message::missing("code"));
            Ok(Step::Form(Box::new(flow)))
        }
        (sent, _) => {
            let known = sent.is_some().then(|| identifier_of(&flow).to_owned());
            let Some(typed) = typed.or(known) else {
                flow.refuse_field("identifier", Message::missing("identifier"));
                return Ok(Step::Form(Box::new(flow)));
            };
            ask(room, caller, flow, &typed).await
        }
    }
}

fn identifier_of(flow: &Flow) -> &str {
    match &flow.kind {
        FlowKind::Login { identifier, .. } => identifier,
        _ => "",
    }
}

fn is_same(flow: &Flow, typed: Option<&str>) -> bool {
    typed.is_none_or(|typed| typed == identifier_of(flow))
}

fn attempt(flow: &Flow, caller: Caller<'_>, identifier: &str) -> LoginAttempt {
    LoginAttempt {
        identifier: identifier.chars().take(320).collect(),
        method: Method::Code,
        refresh: matches!(flow.kind, FlowKind::Login { refresh: Some(_), .. }),
        origin: caller.origin(),
    }
}

/// Has a code sent to whoever signs in with what was typed.
async fn ask(room: Room<'_>, caller: Caller<'_>, mut flow: Flow, typed: &str) -> Result<Step, FlowError> {
    if let FlowKind::Login { identifier, .. } = &mut flow.kind {
        *identifier = typed.chars().take(320).collect();
    }
    let Some(identifier) = Identifier::parse(typed) else {
        flow.refuse_field("identifier", Message::generic("is not valid"));
        return Ok(Step::Form(Box::new(flow)));
    };
    if is_phone(&identifier) && !room.settings.sms.reach(identifier.as_str()) {
        flow.refuse_field("identifier", Message::generic("is not valid"));
        return Ok(Step::Form(Box::new(flow)));
    }
    let limits = &room.settings.limits;
    count_attempt(room.attempts, limits, room.tenant, (caller.address, None), room.now).await?;
    count_message(room, caller, &identifier).await?;
    if let Some(stopped) = check_attempt(room, &attempt(&flow, caller, typed)).await? {
        return Ok(stopped.step(flow));
    }
    let found = room.identities.find_by_identifier(room.tenant, &identifier).await?;
    if found.is_none() {
        look_as_for_somebody(room, identifier.as_str());
    }
    let known = found.and_then(|(identity, _)| {
        let via = way_to(room, &identity, identifier.as_str())?;
        (identity.state == IdentityState::Active).then_some((identity, via))
    });
    let via = known.as_ref().map_or_else(|| usual_way(&identifier), |(_, via)| *via);
    let is_known = known.is_some();
    let whose = known.map(|(identity, _)| (identity.id, identity.organisation));
    let to = identifier.as_str().to_owned();
    let recipient = Recipient { via, to, whose, is_known, is_sent: is_known };
    let brings = if room.settings.code.magic_link { Brings::Either } else { Brings::Code };
    let (sent, write) = send(room, &mut flow, (MailTemplate::LoginCodeValid, brings), recipient);
    flow.values.clear();
    (flow.code.sent, flow.code.typed) = (Some(sent), None);
    let flow = Box::new(flow.with_message(Message::code_sent("login")));
    Ok(Step::Challenged { flow, writes: vec![write] })
}

/// How codes reach an account at one of its identifiers, if its schema says that they do.
fn way_to(room: Room<'_>, identity: &Identity, address: &str) -> Option<AddressKind> {
    let addresses = room.schema(&identity.schema_id).code_addresses(&identity.traits);
    addresses.into_iter().find(|(_, value)| value == address).map(|(via, _)| via)
}

/// Attack: where somebody's traits are gone through for the way to them, and nobody's are not, an answer to nobody takes a
/// seventieth less time.
fn look_as_for_somebody(room: Room<'_>, address: &str) {
    let name = json!({ "first": "Nobody", "last": "Known" });
    let traits = Map::from_iter([("email".to_owned(), json!(address)), ("name".to_owned(), name)]);
    black_box(room.schemas.default_schema().code_addresses(black_box(&traits)));
}

fn usual_way(identifier: &Identifier) -> AddressKind {
    if identifier.as_str().contains('@') { AddressKind::Email } else { AddressKind::Sms }
}

async fn prove(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    (mut sent, said): (SentCode, Said<'_>),
) -> Result<Step, FlowError> {
    let limits = &room.settings.limits;
    let who = (caller.address, None);
    count_attempt(room.attempts, limits, room.tenant, who, room.now).await?;
    if let Some(identifier) = Identifier::parse(&sent.address) {
        count_address_proof(room.attempts, limits, room.tenant, &identifier, room.now).await?;
    }
    sent.count();
    let Some(identity) = proven(room, &flow, &sent, said).await? else {
        flow.code.sent = Some(sent);
        return Ok(Step::WrongCode(Box::new(flow.with_message(Message::wrong_code("login")))));
    };
    forgive_attempt(room.attempts, limits, room.tenant, who, room.now).await;
    let (known, change) = settled(room, &flow, caller, &identity, &sent.address).await?;
    let attempt = attempt(&flow, caller, &sent.address);
    let admitted = match admit(room, &attempt, (&identity, &known)).await? {
        Ok(admitted) => admitted,
        Err(message) => return Ok(Step::Form(Box::new(flow.with_message(message)))),
    };
    let identity = known;
    let step = match flow.kind {
        FlowKind::Login { refresh: Some(required), .. } => {
            let current = caller.session.filter(|live| live.identity().id == required);
            match current.filter(|_| identity.id == required) {
                Some(live) => refreshed(room, live, admitted.claims, change),
                // Another person's code proves nothing about this session.
                None => {
                    return Ok(Step::Form(Box::new(flow.with_message(Message::invalid_credentials()))));
                }
            }
        }
        FlowKind::Login { select_account, .. } => {
            let former = caller.session.filter(|_| select_account);
            signed_in(room, caller, (identity, former), admitted, change)
        }
        _ => return Err(FlowError::IdentityMismatch),
    };
    Ok(Step::Once(Box::new(step)))
}

/// The account as the proof leaves it: whoever has the message has the address.
async fn settled(
    room: Room<'_>,
    flow: &Flow,
    caller: Caller<'_>,
    identity: &Identity,
    address: &str,
) -> Result<(Identity, Change<Write>), FlowError> {
    let signs_in_anew = !matches!(flow.kind, FlowKind::Login { refresh: Some(_), .. });
    let is_in = caller.session.is_some_and(|live| live.identity().id == identity.id);
    if signs_in_anew && !is_in {
        return Ok(proven_by_stranger(room, identity.clone(), address).await?);
    }
    let change = Change::new(room.tenant.clone());
    Ok(match with_verified(identity, address, room.now) {
        Some(verified) => {
            let write = Write::ReplaceIdentity(Box::new(verified.clone()));
            (verified, change.write(write))
        }
        None => (identity.clone(), change),
    })
}

/// Who it is, if what was said is right and the account may still sign in with the address.
async fn proven(
    room: Room<'_>,
    flow: &Flow,
    sent: &SentCode,
    said: Said<'_>,
) -> Result<Option<Identity>, FlowError> {
    let Some(whose) = sent.identity().filter(|_| sent.is_right(room, (flow.id, flow.link.as_ref()), said))
    else {
        return Ok(None);
    };
    let found = room.identities.find_identity(room.tenant, whose).await?;
    Ok(found.filter(|identity| {
        identity.state == IdentityState::Active && way_to(room, identity, &sent.address).is_some()
    }))
}

fn proof(room: Room<'_>) -> AuthenticationMethod {
    AuthenticationMethod::new(Method::Code, AssuranceLevel::Aal1, room.now)
}

/// Somebody signed in has proven again who they are.
fn refreshed(room: Room<'_>, live: &LiveSession, claims: SessionClaims, change: Change<Write>) -> Step {
    let (session, change) = proven_in(live, proof(room), claims, change);
    let actor = Actor::Subject(session.identity);
    let audit = AuditEvent::new("session.refreshed", actor, "session", &session.id);
    Step::Refreshed { session, change: change.audit(audit) }
}

/// A new session, which takes the place of the caller's where somebody else signs in.
fn signed_in(
    room: Room<'_>,
    caller: Caller<'_>,
    (identity, former): (Identity, Option<&LiveSession>),
    Admitted { claims, demands_second_factor }: Admitted,
    change: Change<Write>,
) -> Step {
    let device = caller.device(room.rng);
    let begun = Session::begin(room.rng, &identity, proof(room), device, &room.settings.session);
    let session = Session { claims, ..begun };
    let token = SessionToken::generate(room.rng);
    let audit = AuditEvent::new("session.created", Actor::Subject(session.identity), "session", &session.id)
        .with("method", &Method::Code.as_str());
    let mut change = change.audit(audit);
    if let Some(former) = former {
        change = change.and(sign_out(room.tenant, former, room.now));
    }
    let change = PendingChange::new(change, Some((session.clone(), token.clone())));
    Step::SignedIn(Box::new(SignedIn {
        identity,
        session,
        token,
        change,
        rehash: None,
        demands_second_factor,
    }))
}
