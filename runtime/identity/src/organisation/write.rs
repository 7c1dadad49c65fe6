//! What is written of organisations. Each variant says what its guard is; a guard that misses undoes the change.

use primitives::{GroupId, IdentityId, InvitationId, KeyedHash, OrganisationId, Timestamp};

use super::Organisation;
use super::domain::{Domain, DomainClaim, ProvenDomain};
use super::group::{Group, GroupMember};
use super::invitation::Invitation;
use super::member::Member;

/// One guarded write.
#[derive(Debug, Clone)]
pub enum OrganisationWrite {
    /// Inserts an organisation. Guard: its id is new, and nothing is left of a deleted one that had it.
    Insert(Box<Organisation>),
    /// Replaces what can change. Guard: its version is still `version`; the stored one becomes one more.
    Replace(Box<Organisation>),
    /// Deletes an organisation with its domains and its connection; its members, groups and invitations, which count for
    /// nothing without it, leave later, and its people stay. Guard: it exists.
    Delete {
        /// Which.
        organisation: OrganisationId,
        /// When.
        at: Timestamp,
    },
    /// Says that a domain is an organisation's. Guard: the organisation exists and has not said so yet.
    ClaimDomain {
        /// Whose.
        organisation: OrganisationId,
        /// What is said.
        claim: DomainClaim,
    },
    /// Notes that it was proven. Guard: the claim is still the one that was proven, and no organisation has the domain.
    VerifyDomain {
        /// Whose.
        organisation: OrganisationId,
        /// The domain.
        domain: ProvenDomain,
        /// The token of the claim.
        token: String,
        /// When.
        at: Timestamp,
    },
    /// Takes a domain away, proven or not. Guard: the organisation claims it.
    ReleaseDomain {
        /// Whose.
        organisation: OrganisationId,
        /// The domain.
        domain: Domain,
    },
    /// Adds somebody, whose organisation it becomes if they have none. Guard: they exist and are not in it, and the
    /// organisation is active.
    AddMember(Member),
    /// Changes somebody's role. Guard: they are in it as they were read; and where `keeps_owner`, an owner is left.
    ChangeRole {
        /// As it will be.
        member: Member,
        /// As it was read.
        was: Member,
        /// Whether it must not leave the organisation without an owner.
        keeps_owner: bool,
    },
    /// Takes somebody out, out of its groups too; it is no longer their organisation. Guard: they are in it as they
    /// were read; and where `keeps_owner`, an owner is left.
    RemoveMember {
        /// As it was read.
        was: Member,
        /// When.
        at: Timestamp,
        /// Whether it must not leave the organisation without an owner.
        keeps_owner: bool,
    },
    /// Inserts a group. Guard: the organisation exists and the id is new.
    InsertGroup(Group),
    /// Renames a group. Guard: it exists.
    RenameGroup {
        /// Of which.
        organisation: OrganisationId,
        /// Which.
        group: GroupId,
        /// Its new label.
        label: String,
        /// When.
        at: Timestamp,
    },
    /// Deletes a group. Guard: it exists.
    DeleteGroup {
        /// Of which.
        organisation: OrganisationId,
        /// Which.
        group: GroupId,
    },
    /// Puts a member into a group. Guard: the group is there, they are a member of its organisation and not in it.
    AddToGroup {
        /// Of which.
        organisation: OrganisationId,
        /// Which.
        group: GroupId,
        /// Who.
        member: GroupMember,
    },
    /// Takes somebody out of a group. Guard: they are in it.
    RemoveFromGroup {
        /// Of which.
        organisation: OrganisationId,
        /// Which.
        group: GroupId,
        /// Who.
        identity: IdentityId,
    },
    /// Puts a member into the groups that their connection names, which are made where there are none, and takes them out of
    /// others of its own. No guard: whoever is no member is put into none.
    SetConnectionGroups {
        /// Of which.
        organisation: OrganisationId,
        /// Who.
        identity: IdentityId,
        /// The groups that they are to be in, by their labels; the ids are for those that are not there.
        join: Vec<Group>,
        /// The groups that they leave.
        leave: Vec<GroupId>,
    },
    /// Inserts an invitation. Guard: the organisation exists and is active.
    InsertInvitation {
        /// The invitation.
        invitation: Box<Invitation>,
        /// The hash under which its token finds it.
        token: KeyedHash,
    },
    /// Uses an invitation. Guard: it was neither used nor revoked, and is not expired at `at`.
    AcceptInvitation {
        /// Of which.
        organisation: OrganisationId,
        /// Which.
        invitation: InvitationId,
        /// By whom.
        identity: IdentityId,
        /// When.
        at: Timestamp,
    },
    /// Takes an invitation back. Guard: it was neither used nor revoked.
    RevokeInvitation {
        /// Of which.
        organisation: OrganisationId,
        /// Which.
        invitation: InvitationId,
        /// When.
        at: Timestamp,
    },
}
