//! What operators, and the owners and administrators of an organisation, do to it: decisions that return their change.
//!
//! Attack: an administrator makes themselves an owner, takes the owner out, or does in one organisation what they may do
//! in another. Who asks arrives as [`By`], which holds what they are in this very organisation; every decision on members
//! checks it against the role that is touched, before and after.

use primitives::{Actor, AuditEvent, Change, GroupId, IdentityId, OrganisationId};
use serde::Deserialize;

use super::domain::{Domain, DomainClaim};
use super::group::{Group, GroupMember};
use super::member::{Member, Role};
use super::policy::Policy;
use super::ports::TextRecords;
use super::{Organisation, OrganisationError, OrganisationState, OrganisationWrite, Provenance, check_label};
use crate::flow::Room;
use crate::write::Write;

/// Who asks.
#[derive(Debug, Clone)]
pub struct By {
    /// As audit records say it.
    pub actor: Actor,
    /// What they are in the organisation; nothing for operators, who may do everything.
    role: Option<Role>,
}

impl By {
    /// An operator.
    pub const fn operator(actor: Actor) -> Self {
        Self { actor, role: None }
    }

    /// Whoever may do what an owner of the organisation may, and is no person.
    pub const fn owner(actor: Actor) -> Self {
        Self { actor, role: Some(Role::Owner) }
    }

    /// A person with a role in the organisation.
    pub const fn person(identity: IdentityId, role: Role) -> Self {
        Self { actor: Actor::Subject(identity), role: Some(role) }
    }

    /// Whether they decide what the organisation is: which domains are its own, and who vouches for its people.
    ///
    /// Attack: an administrator, who manages everybody but owners, proves a domain or sets a connection, and comes in as one
    /// of the owners by that.
    pub fn owning(&self) -> Result<Owning<'_>, OrganisationError> {
        match &self.role {
            None | Some(Role::Owner) => Ok(Owning(&self.actor)),
            Some(Role::Admin | Role::Member | Role::Other(_)) => Err(OrganisationError::OwnersOnly),
        }
    }
}

/// Whoever decides what an organisation is: an operator, or one of its owners. Only [`By::owning`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct Owning<'a>(&'a Actor);

impl<'a> Owning<'a> {
    /// As audit records say it.
    pub const fn actor(self) -> &'a Actor {
        self.0
    }
}

/// Whether they may give or take these roles.
pub(super) fn check_administers<'a>(
    by: &By,
    touched: impl IntoIterator<Item = &'a Role>,
) -> Result<(), OrganisationError> {
    match &by.role {
        None | Some(Role::Owner) => Ok(()),
        Some(Role::Admin) if touched.into_iter().all(|role| *role != Role::Owner) => Ok(()),
        Some(Role::Admin) => Err(OrganisationError::OwnersOnly),
        Some(Role::Member | Role::Other(_)) => Err(OrganisationError::AdministratorsOnly),
    }
}

pub(super) fn audit(
    action: &'static str,
    by: &By,
    organisation: OrganisationId,
    (kind, id): (&'static str, &dyn std::fmt::Display),
) -> AuditEvent {
    let event = AuditEvent::new(action, by.actor.clone(), kind, id);
    AuditEvent { organisation: Some(organisation), ..event }
}

fn change(room: Room<'_>, write: OrganisationWrite, event: AuditEvent) -> Change<Write> {
    Change::new(room.tenant.clone()).write(Write::Organisation(write)).audit(event)
}

/// Finds an organisation that must be there.
pub async fn load(room: Room<'_>, id: OrganisationId) -> Result<Organisation, OrganisationError> {
    let found = room.organisations.find_organisation(room.tenant, id).await?;
    found.ok_or(OrganisationError::NotFound)
}

pub(super) async fn load_active(
    room: Room<'_>,
    id: OrganisationId,
) -> Result<Organisation, OrganisationError> {
    let found = load(room, id).await?;
    if found.state == OrganisationState::Active { Ok(found) } else { Err(OrganisationError::NotFound) }
}

/// A new organisation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    /// Its id, where it comes from elsewhere with one.
    #[serde(default)]
    pub id: Option<OrganisationId>,
    /// What people call it.
    pub label: String,
    /// What it asks of a sign-in.
    #[serde(default)]
    pub policy: Policy,
}

/// What of an organisation is to change; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganisationPatch {
    /// What people call it.
    #[serde(default)]
    pub label: Option<String>,
    /// Whether anybody signs in in its name.
    #[serde(default)]
    pub state: Option<OrganisationState>,
    /// What it asks of a sign-in, whole.
    #[serde(default)]
    pub policy: Option<Policy>,
}

const NO_CONNECTION: OrganisationError = OrganisationError::Malformed(
    "`enforce_connection` needs a connection: make the organisation, then set its connection, then this",
);

/// Makes an organisation.
pub fn create(
    room: Room<'_>,
    by: &By,
    new: NewOrganisation,
) -> Result<(Organisation, Change<Write>), OrganisationError> {
    new.policy.check()?;
    if new.policy.enforce_connection {
        return Err(NO_CONNECTION);
    }
    let organisation = Organisation {
        id: new.id.unwrap_or_else(|| OrganisationId::generate(room.rng)),
        label: check_label(&new.label)?,
        state: OrganisationState::Active,
        policy: new.policy,
        created_at: room.now,
        updated_at: room.now,
        version: 1,
    };
    let event = audit("organisation.created", by, organisation.id, ("organisation", &organisation.id));
    let write = OrganisationWrite::Insert(Box::new(organisation.clone()));
    Ok((organisation, change(room, write, event)))
}

/// Changes an organisation.
pub async fn update(
    room: Room<'_>,
    by: &By,
    id: OrganisationId,
    patch: OrganisationPatch,
) -> Result<(Organisation, Change<Write>), OrganisationError> {
    let mut organisation = load(room, id).await?;
    if let Some(label) = patch.label {
        organisation.label = check_label(&label)?;
    }
    if let Some(policy) = patch.policy {
        policy.check()?;
        // Attack, or mistake: nobody but owners would come in at all.
        if policy.enforce_connection && room.providers.find_connection(id).await?.is_none() {
            return Err(NO_CONNECTION);
        }
        organisation.policy = policy;
    }
    organisation.state = patch.state.unwrap_or(organisation.state);
    organisation.updated_at = room.now;
    let event = audit("organisation.updated", by, id, ("organisation", &id))
        .with("state", &organisation.state.as_str());
    let write = OrganisationWrite::Replace(Box::new(organisation.clone()));
    Ok((organisation, change(room, write, event)))
}

/// Deletes an organisation. Its people stay, and belong to none.
pub async fn delete(room: Room<'_>, by: &By, id: OrganisationId) -> Result<Change<Write>, OrganisationError> {
    load(room, id).await?;
    let event = audit("organisation.deleted", by, id, ("organisation", &id));
    Ok(change(room, OrganisationWrite::Delete { organisation: id, at: room.now }, event))
}

/// Says that a domain is an organisation's. Saying it again gives the same claim.
pub async fn claim_domain(
    room: Room<'_>,
    by: &By,
    id: OrganisationId,
    domain: &str,
) -> Result<(DomainClaim, Option<Change<Write>>), OrganisationError> {
    by.owning()?;
    load(room, id).await?;
    let malformed =
        OrganisationError::Malformed("a domain is a name of two labels at least, e.g. `acme.example`");
    let domain = Domain::parse(domain).ok_or(malformed)?;
    if let Some(known) = room.organisations.find_claim(room.tenant, id, &domain).await? {
        return Ok((known, None));
    }
    let claim = DomainClaim::new(domain, room.rng, room.now);
    let event = audit("organisation.domain_claimed", by, id, ("domain", &claim.domain));
    let write = OrganisationWrite::ClaimDomain { organisation: id, claim: claim.clone() };
    Ok((claim, Some(change(room, write, event))))
}

/// Looks for the record that proves a claim. What was proven before stays proven.
pub async fn verify_domain(
    room: Room<'_>,
    by: &By,
    id: OrganisationId,
    domain: &str,
    records: &dyn TextRecords,
) -> Result<(DomainClaim, Option<Change<Write>>), OrganisationError> {
    by.owning()?;
    let mut claim = load_claim(room, id, domain).await?;
    if claim.verified_at.is_some() {
        return Ok((claim, None));
    }
    // Before anybody is asked: the record may still be there after another organisation proved it.
    if room.organisations.find_by_domain(room.tenant, &claim.domain).await?.is_some() {
        return Err(OrganisationError::DomainTaken);
    }
    let domain = claim.prove(records).await?;
    let event = audit("organisation.domain_verified", by, id, ("domain", domain.domain()));
    let token = claim.token.clone();
    let write = OrganisationWrite::VerifyDomain { organisation: id, domain, token, at: room.now };
    claim.verified_at = Some(room.now);
    Ok((claim, Some(change(room, write, event))))
}

/// Takes a domain away, proven or not.
pub async fn release_domain(
    room: Room<'_>,
    by: &By,
    id: OrganisationId,
    domain: &str,
) -> Result<Change<Write>, OrganisationError> {
    by.owning()?;
    let domain = load_claim(room, id, domain).await?.domain;
    let event = audit("organisation.domain_released", by, id, ("domain", &domain));
    Ok(change(room, OrganisationWrite::ReleaseDomain { organisation: id, domain }, event))
}

async fn load_claim(
    room: Room<'_>,
    id: OrganisationId,
    domain: &str,
) -> Result<DomainClaim, OrganisationError> {
    let absent = || OrganisationError::NothingInIt("domain");
    let domain = Domain::parse(domain).ok_or_else(absent)?;
    room.organisations.find_claim(room.tenant, id, &domain).await?.ok_or_else(absent)
}

/// Makes somebody a member with a role, or gives them another.
pub async fn set_member(
    room: Room<'_>,
    by: &By,
    organisation: OrganisationId,
    (identity, role): (IdentityId, Role),
) -> Result<(Member, Change<Write>), OrganisationError> {
    let known = room.organisations.find_member(room.tenant, organisation, identity).await?;
    let Some(was) = known else {
        load_active(room, organisation).await?;
        // Nobody is put into an organisation by its own people without being asked: they invite.
        if by.role.is_some() {
            return Err(OrganisationError::NothingInIt("member"));
        }
        room.identities
            .find_identity(room.tenant, identity)
            .await?
            .ok_or(OrganisationError::NothingInIt("identity"))?;
        let member = Member {
            organisation,
            identity,
            role,
            provenance: Provenance::Manual,
            created_at: room.now,
            updated_at: room.now,
        };
        let event = audit("organisation.member_added", by, organisation, ("identity", &identity))
            .with("role", &member.role);
        let write = OrganisationWrite::AddMember(member.clone());
        return Ok((member, change(room, write, event)));
    };
    check_administers(by, [&was.role, &role])?;
    check_not_of_directory(&was)?;
    if role != Role::Owner {
        check_owner_left(room, by, &was).await?;
    }
    let member = Member { role, updated_at: room.now, ..was.clone() };
    let event = audit("organisation.role_changed", by, organisation, ("identity", &identity))
        .with("role", &member.role);
    let write = OrganisationWrite::ChangeRole { member: member.clone(), was, keeps_owner: by.role.is_some() };
    Ok((member, change(room, write, event)))
}

/// Takes somebody out. All their sessions end: one of them may be in the organisation's name.
pub async fn remove_member(
    room: Room<'_>,
    by: &By,
    organisation: OrganisationId,
    identity: IdentityId,
) -> Result<Change<Write>, OrganisationError> {
    let was = room.organisations.find_member(room.tenant, organisation, identity).await?;
    let was = was.ok_or(OrganisationError::NothingInIt("member"))?;
    check_administers(by, [&was.role])?;
    check_not_of_directory(&was)?;
    check_owner_left(room, by, &was).await?;
    let event = audit("organisation.member_removed", by, organisation, ("identity", &identity));
    let write = OrganisationWrite::RemoveMember { was, at: room.now, keeps_owner: by.role.is_some() };
    Ok(change(room, write, event).write(Write::RevokeSessions { identity, except: None, at: room.now }))
}

/// Operators may leave an organisation without an owner, its people not. Two who do it at a time meet the guard.
async fn check_owner_left(room: Room<'_>, by: &By, was: &Member) -> Result<(), OrganisationError> {
    if by.role.is_none() || was.role != Role::Owner {
        return Ok(());
    }
    let other = room.organisations.has_other_owner(room.tenant, was.organisation, was.identity).await?;
    if other { Ok(()) } else { Err(OrganisationError::LastOwner) }
}

/// What a directory put there is taken away there, or comes back at its next run.
fn check_not_of_directory(member: &Member) -> Result<(), OrganisationError> {
    if member.provenance == Provenance::Scim { Err(OrganisationError::Managed) } else { Ok(()) }
}

/// Makes a group.
pub async fn create_group(
    room: Room<'_>,
    by: &By,
    organisation: OrganisationId,
    label: &str,
) -> Result<(Group, Change<Write>), OrganisationError> {
    load_active(room, organisation).await?;
    let group = Group {
        organisation,
        id: GroupId::generate(room.rng),
        label: check_label(label)?,
        provenance: Provenance::Manual,
        created_at: room.now,
        updated_at: room.now,
    };
    let event = audit("organisation.group_created", by, organisation, ("group", &group.id));
    Ok((group.clone(), change(room, OrganisationWrite::InsertGroup(group), event)))
}

/// Renames a group.
pub async fn rename_group(
    room: Room<'_>,
    by: &By,
    (organisation, id): (OrganisationId, GroupId),
    label: &str,
) -> Result<(Group, Change<Write>), OrganisationError> {
    let mut group = load_group(room, organisation, id).await?;
    group.label = check_label(label)?;
    group.updated_at = room.now;
    let event = audit("organisation.group_renamed", by, organisation, ("group", &id));
    let write =
        OrganisationWrite::RenameGroup { organisation, group: id, label: group.label.clone(), at: room.now };
    Ok((group, change(room, write, event)))
}

/// Deletes a group. Its members stay members of the organisation.
pub async fn delete_group(
    room: Room<'_>,
    by: &By,
    (organisation, id): (OrganisationId, GroupId),
) -> Result<Change<Write>, OrganisationError> {
    load_group(room, organisation, id).await?;
    let event = audit("organisation.group_deleted", by, organisation, ("group", &id));
    Ok(change(room, OrganisationWrite::DeleteGroup { organisation, group: id }, event))
}

/// Puts a member of the organisation into one of its groups.
pub async fn add_to_group(
    room: Room<'_>,
    by: &By,
    (organisation, id): (OrganisationId, GroupId),
    identity: IdentityId,
) -> Result<Change<Write>, OrganisationError> {
    load_group(room, organisation, id).await?;
    let member = room.organisations.find_member(room.tenant, organisation, identity).await?;
    member.ok_or(OrganisationError::NothingInIt("member"))?;
    let member = GroupMember { identity, provenance: Provenance::Manual, created_at: room.now };
    let event =
        audit("organisation.group_joined", by, organisation, ("group", &id)).with("identity", &identity);
    Ok(change(room, OrganisationWrite::AddToGroup { organisation, group: id, member }, event))
}

/// Takes somebody out of a group.
pub async fn remove_from_group(
    room: Room<'_>,
    by: &By,
    (organisation, id): (OrganisationId, GroupId),
    identity: IdentityId,
) -> Result<Change<Write>, OrganisationError> {
    load_group(room, organisation, id).await?;
    let event =
        audit("organisation.group_left", by, organisation, ("group", &id)).with("identity", &identity);
    Ok(change(room, OrganisationWrite::RemoveFromGroup { organisation, group: id, identity }, event))
}

/// Finds a group that must be there, in this very organisation.
pub async fn load_group(
    room: Room<'_>,
    organisation: OrganisationId,
    id: GroupId,
) -> Result<Group, OrganisationError> {
    let found = room.organisations.find_group(room.tenant, organisation, id).await?;
    found.ok_or(OrganisationError::NothingInIt("group"))
}
