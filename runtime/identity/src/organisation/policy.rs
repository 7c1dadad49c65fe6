//! What an organisation asks of a sign-in, and the one place where that is enforced: [`governed`], through which every
//! step passes that begins a session or proves something in one, whatever the proof was.
//!
//! | check | otherwise |
//! |---|---|
//! | 1 whoever signed in belongs to the organisation that the form names; else theirs is taken, if they have one | the form again |
//! | 2 the organisation is active | the form again |
//! | 3 it takes this method | the form again |
//! | 4 they came by its connection, where it insists on that (`connection.rs`) | the form again, with its button |
//! | 5 the session ends when the organisation says | it is shortened |
//! | 6 the session has proven what the organisation asks | it counts for nothing until then |
//!
//! Attack: somebody signs in by a way that their organisation has closed: gets back in by mail, signs up anew, proves an
//! address. So those steps pass here too.

use std::time::Duration;

use primitives::subject::AssuranceLevel;
use primitives::{AuditEvent, Change, IdentityId, OrganisationId};
use serde::{Deserialize, Serialize};

use super::change::{By, audit};
use super::connection::{Insistence, arrived_by, insistence, sent_there};
use super::discovery::Discovered;
use super::invitation::{acceptance, accepted, is_verifiable};
use super::member::{Member, Role};
use super::{Domain, Organisation, OrganisationError, OrganisationState, OrganisationWrite, Provenance};
use crate::flow::{Flow, FlowError, Message, Room, SignedIn, Step, with_verified};
use crate::identifier::Identifier;
use crate::identity::{AddressKind, Identity};
use crate::ports::StoreUnavailable;
use crate::session::{Method, Session};
use crate::write::Write;

/// What an organisation asks of a sign-in. What is left out is as the tenant has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// How much a session must have proven. Whoever has no second factor sets one up first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_aal: Option<AssuranceLevel>,
    /// The methods by which people sign in; where `password` is among them, getting back in by mail is too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_methods: Option<Vec<Method>>,
    /// How long a session lasts at most, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_lifespan_seconds: Option<u64>,
    /// Whether whoever has proven an address of a proven domain becomes a member.
    pub join_by_domain: bool,
    /// Whether the people of its domains sign in with its connection alone. Owners may sign in otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub enforce_connection: bool,
}

impl Policy {
    /// Whether it lets anybody in at all.
    pub(super) fn check(&self) -> Result<(), OrganisationError> {
        if self.allowed_methods.as_ref().is_some_and(Vec::is_empty) {
            return Err(OrganisationError::Malformed("`allowed_methods` names one method at least"));
        }
        if self.required_aal == Some(AssuranceLevel::Aal0) {
            return Err(OrganisationError::Malformed("`required_aal` is `aal1` or `aal2`"));
        }
        if self.session_lifespan_seconds.is_some_and(|seconds| !(60..=YEAR).contains(&seconds)) {
            return Err(OrganisationError::Malformed("a session lasts from a minute to a year"));
        }
        Ok(())
    }

    /// Whether a first factor is one of those that it takes. Second factors are nobody's to forbid.
    fn takes(&self, method: Method) -> bool {
        let Some(allowed) = &self.allowed_methods else { return true };
        let recovers = matches!(method, Method::CodeRecovery | Method::LinkRecovery);
        let leads_to = if recovers { Method::Password } else { method };
        allowed.contains(&method) || allowed.contains(&leads_to)
    }

    /// The session as the organisation lets it begin.
    fn bound(&self, mut session: Session) -> Session {
        if let Some(seconds) = self.session_lifespan_seconds {
            let end = session.issued_at.after(Duration::from_secs(seconds));
            session.expires_at = session.expires_at.min(end);
        }
        session.required = self.required_aal;
        session
    }
}

const YEAR: u64 = 366 * 24 * 3600;

/// What an organisation says to somebody who has proven who they are.
enum Admission {
    /// They belong to none that has a say.
    Free,
    /// They sign in in this one's name; with it they may become a member.
    In(Box<Organisation>, Vec<Member>),
    /// They do not sign in.
    Refused(&'static str),
    /// They sign in with their organisation's connection.
    Redirected(Box<Discovered>),
}

/// What an admission changes of a step.
struct Begun {
    identity: Identity,
    session: Session,
    writes: Vec<Write>,
    audit: Vec<AuditEvent>,
}

/// The step as the organisation in whose name somebody signs in lets it be. Whoever makes a step elsewhere than in
/// [`crate::next_step`], when a provider sends somebody back, say, passes it here.
pub async fn governed(room: Room<'_>, flow: Flow, step: Step) -> Result<Step, FlowError> {
    match step {
        Step::SignedIn(signed_in) => {
            let SignedIn { identity, session, token, change, rehash, demands_second_factor } = *signed_in;
            let begun = match let_begin(room, flow, (identity, session)).await? {
                Ok(begun) => begun,
                Err(form) => return Ok(form),
            };
            let change = change.governed(Some(begun.session.clone()), begun.writes, begun.audit);
            let Begun { identity, session, .. } = begun;
            Ok(Step::SignedIn(Box::new(SignedIn {
                identity,
                session,
                token,
                change,
                rehash,
                demands_second_factor,
            })))
        }
        Step::Recovered(mut recovered) => {
            // Whoever gets back in names no organisation: theirs has its say.
            let flow = Flow { organisation: None, ..flow };
            let begun = match let_begin(room, flow, (recovered.identity, recovered.session)).await? {
                Ok(begun) => begun,
                Err(form) => return Ok(form),
            };
            recovered.change =
                recovered.change.governed(Some(begun.session.clone()), begun.writes, begun.audit);
            (recovered.identity, recovered.session) = (begun.identity, begun.session);
            Ok(Step::Recovered(recovered))
        }
        Step::Registered { .. } => registered(room, flow, step).await,
        Step::Refreshed { session, change } => refreshed(room, flow, session, change).await,
        Step::Verified { flow, identity, mut change } => {
            let (writes, audit) = joining(joinable(room, &identity).await?);
            change.writes.extend(writes);
            change.audit.extend(audit);
            Ok(Step::Verified { flow, identity, change })
        }
        Step::Once(step) => Ok(Step::Once(Box::new(Box::pin(governed(room, flow, *step)).await?))),
        Step::Trusted { step, token } => {
            let step = Box::new(Box::pin(governed(room, flow, *step)).await?);
            Ok(Step::Trusted { step, token })
        }
        // None of these begins a session, or proves anything in one.
        step @ (Step::Form(_)
        | Step::Refused(..)
        | Step::Shown(..)
        | Step::Elsewhere(_)
        | Step::ToProvider(_)
        | Step::SentOn(..)
        | Step::Saved { .. }
        | Step::Challenged { .. }
        | Step::WrongCode(_)) => Ok(step),
    }
}

/// The session of somebody who signed in, as the organisation lets it begin; else the form again.
async fn let_begin(
    room: Room<'_>,
    flow: Flow,
    (identity, session): (Identity, Session),
) -> Result<Result<Begun, Step>, StoreUnavailable> {
    Ok(match admit(room, &flow, &identity, &session).await? {
        (Admission::Refused(why), _) => Err(refused(flow, why)),
        (Admission::Redirected(there), _) => Err(Step::Form(Box::new(sent_there(flow, *there)))),
        (admission @ (Admission::Free | Admission::In(..)), told) => {
            let mut begun = begun(admission, identity, session);
            begun.audit.extend(told);
            Ok(begun)
        }
    })
}

/// A session in which something was proven once more.
async fn refreshed(
    room: Room<'_>,
    flow: Flow,
    session: Session,
    change: Change<Write>,
) -> Result<Step, FlowError> {
    let organisation = match session.organisation {
        Some(organisation) => room.organisations.find_organisation(room.tenant, organisation).await?,
        None => None,
    };
    if let Some(Err(why)) = organisation.as_ref().map(|found| found.check(&session)) {
        return Ok(refused(flow, why));
    }
    let Some(identity) = room.identities.find_identity(room.tenant, session.identity).await? else {
        return Ok(Step::Refreshed { session, change });
    };
    Ok(match insistence(room, (&identity, &session), organisation.as_ref(), None).await? {
        Insistence::None => Step::Refreshed { session, change },
        Insistence::Bypassed(event) => Step::Refreshed { session, change: change.audit(*event) },
        Insistence::Refused(there) => Step::Form(Box::new(sent_there(flow, *there))),
    })
}

/// Somebody signs up: with an invitation they join, if they have the invited address, which is proven by that.
async fn registered(room: Room<'_>, flow: Flow, step: Step) -> Result<Step, FlowError> {
    let Step::Registered { mut identity, session, mut verifications, mut change } = step else {
        return Ok(step);
    };
    let (mut writes, mut events) = (Vec::new(), Vec::new());
    let mut organisation = None;
    if let (Some(id), Some(invitation)) = (flow.organisation, flow.invitation) {
        let found = room.organisations.find_invitation(room.tenant, id, invitation).await?;
        let Some(invitation) = found.filter(|found| found.is_open(room.now)) else {
            return Ok(refused(flow, "This invitation is not valid any more."));
        };
        organisation = room.organisations.find_organisation(room.tenant, id).await?;
        if !is_verifiable(&identity, &invitation.address) {
            return Ok(refused(flow, "This invitation is for another address."));
        }
        if let Some(verified) = with_verified(&identity, &invitation.address, room.now) {
            identity = verified;
        }
        let address = &invitation.address;
        verifications.retain(|flow| !proves(flow, address));
        for write in change.writes_mut() {
            if let Write::InsertIdentity(inserted) = write {
                **inserted = identity.clone();
            }
        }
        change
            .writes_mut()
            .retain(|write| !matches!(write, Write::QueueMessage(message) if message.recipient == *address));
        writes = accepted(room, &invitation, identity.id, None);
        events = vec![acceptance(&invitation, identity.id)];
    }
    // Attack: a provider's people begin in its organisation, and the first session knows nothing of what that asks.
    let organisation = match (organisation, identity.organisation) {
        (None, Some(id)) => room.organisations.find_organisation(room.tenant, id).await?,
        (organisation, _) => organisation,
    };
    let session = match (session, organisation) {
        (Some((session, token)), Some(organisation)) => {
            // Whom it lets in by no such way has the account, and signs in by another.
            let admitted = organisation.check(&session).is_ok();
            let session = Session { organisation: Some(organisation.id), ..session };
            admitted.then(|| (organisation.policy.bound(session), token))
        }
        (session, _) => session,
    };
    let begun = session.as_ref().map(|(session, _)| session.clone());
    let change = change.governed(begun, writes, events);
    if flow.invitation.is_some() {
        identity.organisation = flow.organisation;
    }
    Ok(Step::Registered { identity, session, verifications, change })
}

/// Whether a form asks for the proof of this address.
fn proves(flow: &Flow, address: &str) -> bool {
    match flow.kind.challenge() {
        Some(crate::flow::Challenge::SentEmail(sent)) => sent.address == address,
        Some(_) | None => false,
    }
}

fn refused(flow: Flow, why: &str) -> Step {
    Step::Form(Box::new(flow.with_message(Message::generic(why))))
}

/// What of a sign-in changes with its organisation.
fn begun(admission: Admission, mut identity: Identity, mut session: Session) -> Begun {
    let Admission::In(organisation, joins) = admission else {
        return Begun { identity, session, writes: Vec::new(), audit: Vec::new() };
    };
    session.organisation = Some(organisation.id);
    let session = organisation.policy.bound(session);
    if identity.organisation.is_none() {
        identity.organisation = joins.first().map(|member| member.organisation);
    }
    let (writes, audit) = joining(joins);
    Begun { identity, session, writes, audit }
}

async fn admit(
    room: Room<'_>,
    flow: &Flow,
    identity: &Identity,
    session: &Session,
) -> Result<(Admission, Option<AuditEvent>), StoreUnavailable> {
    // Attack: the provider of one organisation lets somebody in in the name of another. Who comes by a connection signs in
    // in the name of its organisation, where that is kept here.
    let came = match arrived_by(session) {
        Some(id) => room.organisations.find_organisation(room.tenant, id).await?.map(|found| found.id),
        None => None,
    };
    if came.is_some() && flow.organisation.is_some() && came != flow.organisation {
        return Ok((Admission::Refused(NO_MEMBER), None));
    }
    let asked = came.or(flow.organisation);
    // Who has an organisation and asks for no other one is there; only others are looked for by their domains.
    let is_home = identity.organisation.is_some() && asked.is_none_or(|id| identity.organisation == Some(id));
    let joins = if is_home { Vec::new() } else { joinable(room, identity).await? };
    let id = asked.or(identity.organisation).or_else(|| joins.first().map(|member| member.organisation));
    // An id that an operator gave and that names nothing here has no say.
    let organisation = match id {
        Some(id) => room.organisations.find_organisation(room.tenant, id).await?,
        None => None,
    };
    let proves_account = flow.federation.proves_account_for();
    let told = match insistence(room, (identity, session), organisation.as_ref(), proves_account).await? {
        Insistence::None => None,
        Insistence::Bypassed(event) => Some(*event),
        Insistence::Refused(there) => return Ok((Admission::Redirected(there), None)),
    };
    let Some(organisation) = organisation else {
        let admission = if asked.is_some() { Admission::Refused(NO_MEMBER) } else { Admission::Free };
        return Ok((admission, told));
    };
    let id = organisation.id;
    let belongs = (identity.organisation == Some(id) && came.is_none())
        || joins.iter().any(|member| member.organisation == id)
        || room.organisations.find_member(room.tenant, id, identity.id).await?.is_some();
    if !belongs {
        return Ok((Admission::Refused(NO_MEMBER), None));
    }
    Ok(match organisation.check(session) {
        Ok(()) => (Admission::In(Box::new(organisation), joins), told),
        Err(why) => (Admission::Refused(why), None),
    })
}

const NO_MEMBER: &str = "You are not a member of this organisation.";

impl Organisation {
    /// Whether it lets a session with these proofs begin or go on.
    fn check(&self, session: &Session) -> Result<(), &'static str> {
        if self.state == OrganisationState::Inactive {
            return Err("Your organisation is suspended. Ask its administrator.");
        }
        let last = session.methods.last();
        let first_factor = last.filter(|proof| proof.aal <= AssuranceLevel::Aal1);
        if first_factor.is_some_and(|proof| !is_second(proof.method) && !self.policy.takes(proof.method)) {
            return Err("Your organisation asks for another way to sign in.");
        }
        Ok(())
    }
}

pub(super) const fn is_second(method: Method) -> bool {
    matches!(method, Method::Totp | Method::LookupSecret)
}

/// Where somebody may become a member: the organisations that have proven the domains of addresses that they have proven,
/// and that wish so.
async fn joinable(room: Room<'_>, identity: &Identity) -> Result<Vec<Member>, StoreUnavailable> {
    let mut joins: Vec<Member> = Vec::new();
    let proven = identity.verifiable_addresses.iter().filter(|a| a.verified && a.via == AddressKind::Email);
    let domains = proven.filter_map(|address| Domain::of(&Identifier::parse(&address.value)?));
    for domain in domains {
        let Some(found) = room.organisations.find_by_domain(room.tenant, &domain).await? else { continue };
        let wishes = found.state == OrganisationState::Active && found.policy.join_by_domain;
        if !wishes || joins.iter().any(|member| member.organisation == found.id) {
            continue;
        }
        if room.organisations.find_member(room.tenant, found.id, identity.id).await?.is_none() {
            joins.push(of_domain(room, found.id, identity.id));
        }
    }
    Ok(joins)
}

fn of_domain(room: Room<'_>, organisation: OrganisationId, identity: IdentityId) -> Member {
    Member {
        organisation,
        identity,
        role: Role::Member,
        provenance: Provenance::Domain,
        created_at: room.now,
        updated_at: room.now,
    }
}

fn joining(joins: Vec<Member>) -> (Vec<Write>, Vec<AuditEvent>) {
    let event = |member: &Member| {
        let by = By::person(member.identity, Role::Member);
        audit("organisation.member_added", &by, member.organisation, ("identity", &member.identity))
            .with("provenance", &member.provenance.as_str())
    };
    let events = joins.iter().map(event).collect();
    let add = |member| Write::Organisation(OrganisationWrite::AddMember(member));
    (joins.into_iter().map(add).collect(), events)
}
