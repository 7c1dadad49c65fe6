//! An organisation's connection: the provider with which its people alone sign in, and what its word is worth.
//!
//! Attack: whoever runs the provider of one organisation has it say whatever they wish: that somebody has an address of
//! another organisation, or one of nobody's. So it speaks for the domains that its own organisation has proven and for no
//! others: an address elsewhere is not verified by its word, one of another organisation ends the sign-up, and whoever it
//! sends is let in as a member or not at all.
//!
//! Attack: somebody whom the provider does not let in any more signs in by a password. So where an organisation insists on
//! its connection (`enforce_connection`), the people of its domains come by it; so do those whom it let in before, whatever
//! their address is by now. Owners may come otherwise (a provider may fail), and the audit log says that they did.

use std::collections::BTreeSet;

use primitives::subject::AssuranceLevel;
use primitives::{AuditEvent, Change, IdentityId, OrganisationId};

use super::change::{By, audit};
use super::discovery::Discovered;
use super::member::{Member, Role};
use super::policy::is_second;
use super::{Domain, Organisation, OrganisationState, OrganisationWrite, Provenance};
use crate::flow::{Flow, Message, Room};
use crate::identifier::Identifier;
use crate::identity::{AddressKind, Identity};
use crate::ports::StoreUnavailable;
use crate::providers::ProvenElsewhere;
use crate::schema::CheckedTraits;
use crate::session::{AuthenticationMethod, Method, Session};
use crate::write::Write;

/// What the word of a provider is worth for somebody's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// It is nobody's connection, or that of an organisation that is not kept here.
    Unbound,
    /// One of the addresses is of a domain that its organisation has proven: they become a member.
    Own(OrganisationId),
    /// None is, and none is another organisation's.
    Nobodys,
    /// One is another organisation's.
    Anothers,
}

/// Holds what a connection says against the domains that its organisation has proven. Only addresses of these stay in
/// `verified`.
pub(crate) async fn weigh(
    room: Room<'_>,
    who: &ProvenElsewhere,
    addresses: &[Identifier],
    verified: &mut Vec<(AddressKind, String)>,
) -> Result<Word, StoreUnavailable> {
    let Some(own) = known(room, who.organisation).await? else { return Ok(Word::Unbound) };
    let mut word = Word::Nobodys;
    for address in addresses {
        match holder(room, address).await? {
            Some(organisation) if organisation.id == own.id => word = Word::Own(own.id),
            Some(_) => return Ok(Word::Anothers),
            None => {}
        }
    }
    let mut proven = Vec::new();
    for (kind, address) in verified.drain(..) {
        let Some(identifier) = Identifier::parse(&address) else { continue };
        if holder(room, &identifier).await?.is_some_and(|organisation| organisation.id == own.id) {
            proven.push((kind, address));
        }
    }
    *verified = proven;
    Ok(word)
}

/// The organisation behind a connection, if it is one that is kept here: settings may name any id.
async fn known(
    room: Room<'_>,
    organisation: Option<OrganisationId>,
) -> Result<Option<Organisation>, StoreUnavailable> {
    match organisation {
        Some(id) => room.organisations.find_organisation(room.tenant, id).await,
        None => Ok(None),
    }
}

/// The organisation that has proven an address's domain.
async fn holder(room: Room<'_>, address: &Identifier) -> Result<Option<Organisation>, StoreUnavailable> {
    match Domain::of(address) {
        Some(domain) => room.organisations.find_by_domain(room.tenant, &domain).await,
        None => Ok(None),
    }
}

/// Somebody whom a connection makes a member.
pub(crate) fn joiner(room: Room<'_>, organisation: OrganisationId, identity: IdentityId) -> Member {
    Member {
        organisation,
        identity,
        role: Role::Member,
        provenance: Provenance::Connection,
        created_at: room.now,
        updated_at: room.now,
    }
}

/// Somebody whom a connection makes a member, with the groups that it names, where it names any.
#[derive(Debug)]
pub(crate) struct Joiner {
    pub(crate) member: Member,
    pub(crate) groups: Option<BTreeSet<String>>,
}

/// The change in which a connection makes somebody a member.
pub(crate) fn joined(change: Change<Write>, member: Member) -> Change<Write> {
    let by = By::person(member.identity, Role::Member);
    let event = audit("organisation.member_added", &by, member.organisation, ("identity", &member.identity))
        .with("provenance", &member.provenance.as_str());
    change.write(Write::Organisation(OrganisationWrite::AddMember(member))).audit(event)
}

/// Whether somebody is a member of a connection's organisation. Where that is not kept here, nobody is asked.
pub(crate) async fn admits(
    room: Room<'_>,
    who: &ProvenElsewhere,
    identity: IdentityId,
) -> Result<bool, StoreUnavailable> {
    let Some(own) = known(room, who.organisation).await? else { return Ok(true) };
    Ok(room.organisations.find_member(room.tenant, own.id, identity).await?.is_some())
}

/// The organisation whose connection the last first factor of a session was.
pub(super) fn arrived_by(session: &Session) -> Option<OrganisationId> {
    let proof = first_factor(session)?;
    proof.upstream.as_ref().and_then(|upstream| upstream.organization)
}

fn first_factor(session: &Session) -> Option<&AuthenticationMethod> {
    session.methods.last().filter(|proof| proof.aal <= AssuranceLevel::Aal1 && !is_second(proof.method))
}

/// What an organisation that insists on its connection says to a sign-in.
#[derive(Debug)]
pub(super) enum Insistence {
    /// Nothing.
    None,
    /// That an owner came by another way.
    Bypassed(Box<AuditEvent>),
    /// No.
    Refused(Box<Discovered>),
}

/// Whether a session's last proof is one that every organisation takes which insists on its connection: those that have
/// proven the domain of an address of theirs, and the one in whose name they sign in if it was it that let them in.
///
/// `proves_account_for`: whoever came by that organisation's connection, and proves now that an account is theirs, has come
/// by it.
pub(super) async fn insistence(
    room: Room<'_>,
    (identity, session): (&Identity, &Session),
    signs_in_for: Option<&Organisation>,
    proves_account_for: Option<OrganisationId>,
) -> Result<Insistence, StoreUnavailable> {
    // A second factor, or a session without any proof yet, is no way in.
    let Some(proof) = first_factor(session) else { return Ok(Insistence::None) };
    let mut insisting: Vec<(Organisation, bool)> =
        signs_in_for.filter(|found| insists(found)).map(|found| (found.clone(), false)).into_iter().collect();
    for address in emails(identity) {
        let Some(found) = holder(room, &address).await?.filter(insists) else { continue };
        insisting.retain(|(other, _)| other.id != found.id);
        insisting.push((found, true));
    }
    let mut bypassed = Insistence::None;
    for (organisation, is_of_domain) in insisting {
        let came = [arrived_by(session), proves_account_for];
        if came.contains(&Some(organisation.id)) {
            continue;
        }
        let member = room.organisations.find_member(room.tenant, organisation.id, identity.id).await?;
        let was_let_in = member.as_ref().is_some_and(|member| {
            matches!(member.provenance, Provenance::Connection | Provenance::Domain | Provenance::Scim)
        });
        if !is_of_domain && !was_let_in {
            continue;
        }
        if member.is_some_and(|member| member.role == Role::Owner) {
            let by = By::person(identity.id, Role::Owner);
            let action = "organisation.connection_bypassed";
            let event = audit(action, &by, organisation.id, ("identity", &identity.id))
                .with("method", &proof.method.as_str());
            bypassed = Insistence::Bypassed(Box::new(event));
            continue;
        }
        return Ok(Insistence::Refused(Box::new(Discovered::of(room, organisation).await?)));
    }
    Ok(bypassed)
}

fn insists(organisation: &Organisation) -> bool {
    organisation.state == OrganisationState::Active && organisation.policy.enforce_connection
}

/// The addresses of somebody by which an organisation may claim them, proven or not.
fn emails(identity: &Identity) -> Vec<Identifier> {
    let verifiable = identity.verifiable_addresses.iter().map(|address| (address.via, &address.value));
    let recovery = identity.recovery_addresses.iter().map(|address| (address.via, &address.value));
    let mut found: Vec<Identifier> = Vec::new();
    for (_, value) in verifiable.chain(recovery).filter(|(via, _)| *via == AddressKind::Email) {
        if let Some(address) = Identifier::parse(value).filter(|address| !found.contains(address)) {
            found.push(address);
        }
    }
    found
}

/// The organisation that insists on its connection and whose domain one of these addresses has: nobody signs up with it in
/// another way. It is asked before anything is looked up, so that the answer depends on the domain alone.
pub(crate) async fn closes_sign_up(
    room: Room<'_>,
    checked: &CheckedTraits,
    by: Option<OrganisationId>,
) -> Result<Option<Discovered>, StoreUnavailable> {
    for address in addresses(checked) {
        let Some(found) = holder(room, &address).await?.filter(insists) else { continue };
        if by != Some(found.id) {
            return Discovered::of(room, found).await.map(Some);
        }
    }
    Ok(None)
}

/// The addresses among somebody's traits, by whatever the schema makes them.
pub(crate) fn addresses(checked: &CheckedTraits) -> Vec<Identifier> {
    let named = checked.verifiable().iter().chain(checked.recovery()).chain(checked.codes());
    let emails = named.filter(|(kind, _)| *kind == AddressKind::Email);
    let emails = emails.filter_map(|(_, address)| Identifier::parse(address));
    let mut found: Vec<Identifier> = checked.identifiers().to_vec();
    found.extend(emails);
    found.sort();
    found.dedup();
    found
}

/// The form again, which says by which provider they come, and offers it.
pub(crate) fn sent_there(flow: Flow, discovered: Discovered) -> Flow {
    let message = match &discovered.connection {
        Some(offer) => Message::connection_required(&offer.label, &offer.id),
        None => Message::generic("Your organisation asks for another way to sign in."),
    };
    Flow { discovered: Some(discovered), ..flow }.tried(Some(Method::Oidc)).with_message(message)
}
