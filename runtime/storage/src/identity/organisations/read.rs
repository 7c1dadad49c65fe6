//! Organisations as they are read.

use ::identity::organisation::domain::DomainClaim;
use ::identity::organisation::group::{Group, GroupMember};
use ::identity::organisation::invitation::Invitation;
use ::identity::organisation::member::Member;
use ::identity::organisation::ports::Read;
use ::identity::organisation::{Domain, Organisation, OrganisationState, Organisations, Provenance};
use futures_util::future::BoxFuture;
use primitives::{GroupId, IdentityId, InvitationId, KeyedHash, OrganisationId, SessionId, TenantId};

use super::super::unavailable;
use crate::row::Row;
use crate::statement::Value;
use crate::{Storage, StorageError, values};

/// A statement that reads what [`organisation_at`] takes.
macro_rules! organisations {
    ($which:literal) => {
        concat!(
            "SELECT o.id, o.label, o.state, o.policy, o.version, o.created_at, o.updated_at FROM organisations o ",
            $which
        )
    };
}

/// A statement that reads what [`claim_at`] takes.
macro_rules! claims {
    ($which:literal) => {
        concat!(
            "SELECT c.domain, c.token, d.verified_at, c.created_at FROM organisation_domain_claims c
             LEFT JOIN organisation_domains d ON d.tenant = c.tenant AND d.domain = c.domain
                 AND d.organisation = c.organisation ",
            $which
        )
    };
}

/// A statement that reads what [`member_at`] takes.
macro_rules! members {
    ($which:literal) => {
        concat!(
            "SELECT organisation, identity, role, provenance, created_at, updated_at FROM organisation_members ",
            $which
        )
    };
}

/// A statement that reads what [`group_at`] takes.
macro_rules! groups {
    ($which:literal) => {
        concat!(
            "SELECT organisation, id, label, provenance, created_at, updated_at FROM organisation_groups ",
            $which
        )
    };
}

/// A statement that reads what [`invitation_at`] takes.
macro_rules! invitations {
    ($which:literal) => {
        concat!(
            "SELECT organisation, id, address, role, invited_by, created_at, expires_at, accepted_at, accepted_by,
                 revoked_at FROM organisation_invitations ",
            $which
        )
    };
}

fn broken(table: &'static str, column: &'static str) -> StorageError {
    StorageError::Inconsistent { table, column, detail: "no such word".to_owned() }
}

fn provenance(row: &Row, at: usize, table: &'static str) -> Result<Provenance, StorageError> {
    let text = row.text(at)?;
    let known = [
        Provenance::Manual,
        Provenance::Invitation,
        Provenance::Scim,
        Provenance::Domain,
        Provenance::Connection,
    ];
    known.into_iter().find(|known| known.as_str() == text).ok_or_else(|| broken(table, "provenance"))
}

fn organisation_at(row: &Row) -> Result<Organisation, StorageError> {
    let state = row.text(2)?;
    let state = [OrganisationState::Active, OrganisationState::Inactive]
        .into_iter()
        .find(|known| known.as_str() == state)
        .ok_or_else(|| broken("organisations", "state"))?;
    Ok(Organisation {
        id: row.parse(0, "id")?,
        label: row.text(1)?,
        state,
        policy: row.json(3, "policy")?,
        version: row.int(4)?,
        created_at: row.time(5)?,
        updated_at: row.time(6)?,
    })
}

fn claim_at(row: &Row) -> Result<DomainClaim, StorageError> {
    let domain = Domain::parse(&row.text(0)?);
    Ok(DomainClaim {
        domain: domain.ok_or_else(|| broken("organisation_domain_claims", "domain"))?,
        token: row.text(1)?,
        verified_at: row.opt_time(2)?,
        created_at: row.time(3)?,
    })
}

fn member_at(row: &Row) -> Result<Member, StorageError> {
    Ok(Member {
        organisation: row.parse(0, "organisation")?,
        identity: row.parse(1, "identity")?,
        role: row.parse(2, "role")?,
        provenance: provenance(row, 3, "organisation_members")?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
    })
}

fn group_at(row: &Row) -> Result<Group, StorageError> {
    Ok(Group {
        organisation: row.parse(0, "organisation")?,
        id: row.parse(1, "id")?,
        label: row.text(2)?,
        provenance: provenance(row, 3, "organisation_groups")?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
    })
}

fn group_member_at(row: &Row) -> Result<GroupMember, StorageError> {
    Ok(GroupMember {
        identity: row.parse(0, "identity")?,
        provenance: provenance(row, 1, "organisation_group_members")?,
        created_at: row.time(2)?,
    })
}

fn invitation_at(row: &Row) -> Result<Invitation, StorageError> {
    Ok(Invitation {
        organisation: row.parse(0, "organisation")?,
        id: row.parse(1, "id")?,
        address: row.text(2)?,
        role: row.parse(3, "role")?,
        invited_by: row.text(4)?,
        created_at: row.time(5)?,
        expires_at: row.time(6)?,
        accepted_at: row.opt_time(7)?,
        accepted_by: row.opt_parse(8, "accepted_by")?,
        revoked_at: row.opt_time(9)?,
    })
}

/// Where a page begins: before everything, without an id.
fn from(after: Option<impl ToString>) -> String {
    after.map(|id| id.to_string()).unwrap_or_default()
}

impl Storage {
    fn found<'a, T: Send + 'a>(
        &'a self,
        sql: &'static str,
        args: Vec<Value>,
        read: fn(&Row) -> Result<T, StorageError>,
    ) -> Read<'a, Option<T>> {
        Box::pin(async move {
            let row = self.find_one(sql, args).await.map_err(unavailable)?;
            row.map(|row| read(&row)).transpose().map_err(unavailable)
        })
    }

    fn listed<'a, T: Send + 'a>(
        &'a self,
        sql: &'static str,
        args: Vec<Value>,
        read: fn(&Row) -> Result<T, StorageError>,
    ) -> Read<'a, Vec<T>> {
        Box::pin(async move {
            let rows = self.list(sql, args).await.map_err(unavailable)?;
            rows.iter().map(read).collect::<Result<_, _>>().map_err(unavailable)
        })
    }
}

impl Organisations for Storage {
    fn find_organisation<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: OrganisationId,
    ) -> Read<'a, Option<Organisation>> {
        let sql = organisations!("WHERE o.tenant = $1 AND o.id = $2");
        self.found(sql, values![tenant, &id], organisation_at)
    }

    fn find_by_domain<'a>(
        &'a self,
        tenant: &'a TenantId,
        domain: &'a Domain,
    ) -> Read<'a, Option<Organisation>> {
        let sql = organisations!(
            "JOIN organisation_domains d ON d.tenant = o.tenant AND d.organisation = o.id
             WHERE d.tenant = $1 AND d.domain = $2"
        );
        self.found(sql, values![tenant, domain.as_str()], organisation_at)
    }

    fn list_organisations<'a>(
        &'a self,
        tenant: &'a TenantId,
        after: Option<OrganisationId>,
        limit: u32,
    ) -> Read<'a, Vec<Organisation>> {
        let sql = organisations!("WHERE o.tenant = $1 AND o.id > $2 ORDER BY o.id LIMIT $3");
        self.listed(sql, values![tenant, from(after), i64::from(limit)], organisation_at)
    }

    fn find_claim<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        domain: &'a Domain,
    ) -> Read<'a, Option<DomainClaim>> {
        let sql = claims!("WHERE c.tenant = $1 AND c.organisation = $2 AND c.domain = $3");
        self.found(sql, values![tenant, &organisation, domain.as_str()], claim_at)
    }

    fn list_domains<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        after: Option<Domain>,
        limit: u32,
    ) -> Read<'a, Vec<DomainClaim>> {
        let sql = claims!(
            "WHERE c.tenant = $1 AND c.organisation = $2 AND c.domain > $3 ORDER BY c.domain LIMIT $4"
        );
        self.listed(sql, values![tenant, &organisation, from(after), i64::from(limit)], claim_at)
    }

    fn find_member<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        identity: IdentityId,
    ) -> Read<'a, Option<Member>> {
        let sql = members!("WHERE tenant = $1 AND organisation = $2 AND identity = $3");
        self.found(sql, values![tenant, &organisation, &identity], member_at)
    }

    fn list_members<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        after: Option<IdentityId>,
        limit: u32,
    ) -> Read<'a, Vec<Member>> {
        let sql =
            members!("WHERE tenant = $1 AND organisation = $2 AND identity > $3 ORDER BY identity LIMIT $4");
        self.listed(sql, values![tenant, &organisation, from(after), i64::from(limit)], member_at)
    }

    fn has_other_owner<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        than: IdentityId,
    ) -> Read<'a, bool> {
        Box::pin(async move {
            let sql = "SELECT 1 FROM organisation_members
                 WHERE tenant = $1 AND organisation = $2 AND role = 'owner' AND identity <> $3 LIMIT 1";
            let found = self.find_one(sql, values![tenant, &organisation, &than]).await;
            Ok(found.map_err(unavailable)?.is_some())
        })
    }

    fn list_sessions_in<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        limit: u32,
    ) -> Read<'a, Vec<(SessionId, IdentityId)>> {
        let sql = "SELECT id, identity FROM identity_sessions
             WHERE tenant = $1 AND organisation = $2 AND revoked_at IS NULL LIMIT $3";
        self.listed(sql, values![tenant, &organisation, i64::from(limit)], |row| {
            Ok((row.parse(0, "id")?, row.parse(1, "identity")?))
        })
    }

    fn list_memberships<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
        limit: u32,
    ) -> Read<'a, Vec<Member>> {
        let sql = members!("WHERE tenant = $1 AND identity = $2 ORDER BY organisation LIMIT $3");
        self.listed(sql, values![tenant, &identity, i64::from(limit)], member_at)
    }

    fn find_group<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        group: GroupId,
    ) -> Read<'a, Option<Group>> {
        let sql = groups!("WHERE tenant = $1 AND organisation = $2 AND id = $3");
        self.found(sql, values![tenant, &organisation, &group], group_at)
    }

    fn list_groups<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        after: Option<GroupId>,
        limit: u32,
    ) -> Read<'a, Vec<Group>> {
        let sql = groups!("WHERE tenant = $1 AND organisation = $2 AND id > $3 ORDER BY id LIMIT $4");
        self.listed(sql, values![tenant, &organisation, from(after), i64::from(limit)], group_at)
    }

    fn list_connection_groups<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        identity: IdentityId,
    ) -> Read<'a, Vec<Group>> {
        let sql = groups!(
            "WHERE tenant = $1 AND organisation = $2 AND provenance = 'connection' AND id IN (
                 SELECT m.group_id FROM organisation_group_members m
                 WHERE m.tenant = $1 AND m.identity = $3 AND m.organisation = $2 AND m.provenance = 'connection')
             ORDER BY label"
        );
        self.listed(sql, values![tenant, &organisation, &identity], group_at)
    }

    fn list_group_members<'a>(
        &'a self,
        tenant: &'a TenantId,
        (organisation, group): (OrganisationId, GroupId),
        after: Option<IdentityId>,
        limit: u32,
    ) -> Read<'a, Vec<GroupMember>> {
        let sql = "SELECT identity, provenance, created_at FROM organisation_group_members
             WHERE tenant = $1 AND organisation = $2 AND group_id = $3 AND identity > $4
             ORDER BY identity LIMIT $5";
        let args = values![tenant, &organisation, &group, from(after), i64::from(limit)];
        self.listed(sql, args, group_member_at)
    }

    fn find_invitation<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        invitation: InvitationId,
    ) -> Read<'a, Option<Invitation>> {
        let sql = invitations!("WHERE tenant = $1 AND organisation = $2 AND id = $3");
        self.found(sql, values![tenant, &organisation, &invitation], invitation_at)
    }

    fn find_by_invitation_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hashes: &'a [KeyedHash],
    ) -> Read<'a, Option<Invitation>> {
        let look: BoxFuture<'a, _> = Box::pin(async move {
            for hash in hashes {
                let sql = invitations!("WHERE tenant = $1 AND token_hash = $2");
                if let Some(found) = self.found(sql, values![tenant, hash], invitation_at).await? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        });
        look
    }

    fn list_invitations<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        after: Option<InvitationId>,
        limit: u32,
    ) -> Read<'a, Vec<Invitation>> {
        let sql = invitations!("WHERE tenant = $1 AND organisation = $2 AND id > $3 ORDER BY id LIMIT $4");
        self.listed(sql, values![tenant, &organisation, from(after), i64::from(limit)], invitation_at)
    }
}
