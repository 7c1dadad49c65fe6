//! What organisations need from outside: their rows, by tenant, and the text records of a domain.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::{GroupId, IdentityId, InvitationId, KeyedHash, OrganisationId, SessionId, TenantId};

use super::Organisation;
use super::domain::{Domain, DomainClaim};
use super::group::{Group, GroupMember};
use super::invitation::Invitation;
use super::member::Member;
use crate::ports::StoreUnavailable;

/// The future of what is read.
pub type Read<'a, T> = BoxFuture<'a, Result<T, StoreUnavailable>>;

/// Reads organisations. Lists are in the order of ids (of domains: of their names), after `after`, at most `limit`.
pub trait Organisations: Send + Sync {
    /// Finds an organisation by its id.
    fn find_organisation<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: OrganisationId,
    ) -> Read<'a, Option<Organisation>>;

    /// Finds the organisation that has proven a domain.
    fn find_by_domain<'a>(
        &'a self,
        tenant: &'a TenantId,
        domain: &'a Domain,
    ) -> Read<'a, Option<Organisation>>;

    /// Lists organisations.
    fn list_organisations<'a>(
        &'a self,
        tenant: &'a TenantId,
        after: Option<OrganisationId>,
        limit: u32,
    ) -> Read<'a, Vec<Organisation>>;

    /// Finds what an organisation says of a domain.
    fn find_claim<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        domain: &'a Domain,
    ) -> Read<'a, Option<DomainClaim>>;

    /// Lists an organisation's domains.
    fn list_domains<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        after: Option<Domain>,
        limit: u32,
    ) -> Read<'a, Vec<DomainClaim>>;

    /// Finds what somebody is in an organisation.
    fn find_member<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        identity: IdentityId,
    ) -> Read<'a, Option<Member>>;

    /// Lists an organisation's members, by the ids of the identities.
    fn list_members<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        after: Option<IdentityId>,
        limit: u32,
    ) -> Read<'a, Vec<Member>>;

    /// Whether somebody else owns an organisation.
    fn has_other_owner<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        than: IdentityId,
    ) -> Read<'a, bool>;

    /// Lists sessions in an organisation's name that were not ended, with whose they are, at most `limit`.
    fn list_sessions_in<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        limit: u32,
    ) -> Read<'a, Vec<(SessionId, IdentityId)>>;

    /// Lists the organisations to which somebody belongs, at most `limit`.
    fn list_memberships<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
        limit: u32,
    ) -> Read<'a, Vec<Member>>;

    /// Finds a group.
    fn find_group<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        group: GroupId,
    ) -> Read<'a, Option<Group>>;

    /// Lists an organisation's groups.
    fn list_groups<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        after: Option<GroupId>,
        limit: u32,
    ) -> Read<'a, Vec<Group>>;

    /// Lists the groups that somebody is in since their connection says so.
    fn list_connection_groups<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        identity: IdentityId,
    ) -> Read<'a, Vec<Group>>;

    /// Lists a group's members, by the ids of the identities.
    fn list_group_members<'a>(
        &'a self,
        tenant: &'a TenantId,
        group: (OrganisationId, GroupId),
        after: Option<IdentityId>,
        limit: u32,
    ) -> Read<'a, Vec<GroupMember>>;

    /// Finds an invitation of an organisation.
    fn find_invitation<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        invitation: InvitationId,
    ) -> Read<'a, Option<Invitation>>;

    /// Finds an invitation by any of the hashes of its token, whatever became of it.
    fn find_by_invitation_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hashes: &'a [KeyedHash],
    ) -> Read<'a, Option<Invitation>>;

    /// Lists an organisation's invitations.
    fn list_invitations<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        after: Option<InvitationId>,
        limit: u32,
    ) -> Read<'a, Vec<Invitation>>;
}

/// The name servers did not answer, or not with what can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordsUnavailable(pub String);

/// Reads text records of DNS.
pub trait TextRecords: Send + Sync + fmt::Debug {
    /// The texts at a name; none if there is no such name.
    fn find_text<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, RecordsUnavailable>>;
}

/// For whoever has no organisations.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoOrganisations;

/// What [`NoOrganisations`] finds.
fn nothing<'a, T: Default + Send + 'a>() -> Read<'a, T> {
    Box::pin(std::future::ready(Ok(T::default())))
}

impl Organisations for NoOrganisations {
    fn find_organisation<'a>(&'a self, _: &'a TenantId, _: OrganisationId) -> Read<'a, Option<Organisation>> {
        nothing()
    }

    fn find_by_domain<'a>(&'a self, _: &'a TenantId, _: &'a Domain) -> Read<'a, Option<Organisation>> {
        nothing()
    }

    fn list_organisations<'a>(
        &'a self,
        _: &'a TenantId,
        _: Option<OrganisationId>,
        _: u32,
    ) -> Read<'a, Vec<Organisation>> {
        nothing()
    }

    fn find_claim<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
        _: &'a Domain,
    ) -> Read<'a, Option<DomainClaim>> {
        nothing()
    }

    fn list_domains<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
        _: Option<Domain>,
        _: u32,
    ) -> Read<'a, Vec<DomainClaim>> {
        nothing()
    }

    fn find_member<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
        _: IdentityId,
    ) -> Read<'a, Option<Member>> {
        nothing()
    }

    fn list_members<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
        _: Option<IdentityId>,
        _: u32,
    ) -> Read<'a, Vec<Member>> {
        nothing()
    }

    fn has_other_owner<'a>(&'a self, _: &'a TenantId, _: OrganisationId, _: IdentityId) -> Read<'a, bool> {
        nothing()
    }

    fn list_sessions_in<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
        _: u32,
    ) -> Read<'a, Vec<(SessionId, IdentityId)>> {
        nothing()
    }

    fn list_memberships<'a>(&'a self, _: &'a TenantId, _: IdentityId, _: u32) -> Read<'a, Vec<Member>> {
        nothing()
    }

    fn find_group<'a>(&'a self, _: &'a TenantId, _: OrganisationId, _: GroupId) -> Read<'a, Option<Group>> {
        nothing()
    }

    fn list_groups<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
        _: Option<GroupId>,
        _: u32,
    ) -> Read<'a, Vec<Group>> {
        nothing()
    }

    fn list_connection_groups<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
        _: IdentityId,
    ) -> Read<'a, Vec<Group>> {
        nothing()
    }

    fn list_group_members<'a>(
        &'a self,
        _: &'a TenantId,
        _: (OrganisationId, GroupId),
        _: Option<IdentityId>,
        _: u32,
    ) -> Read<'a, Vec<GroupMember>> {
        nothing()
    }

    fn find_invitation<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
        _: InvitationId,
    ) -> Read<'a, Option<Invitation>> {
        nothing()
    }

    fn find_by_invitation_token<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a [KeyedHash],
    ) -> Read<'a, Option<Invitation>> {
        nothing()
    }

    fn list_invitations<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
        _: Option<InvitationId>,
        _: u32,
    ) -> Read<'a, Vec<Invitation>> {
        nothing()
    }
}
