//! Table `deleted_organisations`, and how what is left of a deleted organisation leaves: in batches that keep nobody waiting.
//!
//! Attack: an organisation of a hundred thousand people is deleted, and until all of them were written nobody else of the
//! tenant writes anything. So its own row, its domains and its connection go at once, which is all that lets anybody in, and
//! the rest leaves as the rows of deleted tenants do: its id is nobody's until nothing was found, longer
//! than any request lasts after the deletion.

use ::identity::search::organisation_term;
use primitives::{OrganisationId, TenantId, Timestamp};

use super::super::IDENTITY_CHANGED;
use crate::apply::Prepared;
use crate::row::Row;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// An organisation that was deleted, and of which rows may be left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedOrganisation {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Which.
    pub organisation: OrganisationId,
    /// When it was deleted.
    pub deleted_at: Timestamp,
}

/// Guard: it exists.
pub(super) fn delete(tenant: &TenantId, id: OrganisationId, at: Timestamp) -> Vec<Statement> {
    let of = |sql| Statement::any(sql, values![tenant, &id]);
    vec![
        Statement::one("DELETE FROM organisations WHERE tenant = $1 AND id = $2", values![tenant, &id]),
        Statement::one(
            "INSERT INTO deleted_organisations (tenant, organisation, deleted_at) VALUES ($1, $2, $3)",
            values![tenant, &id, at],
        ),
        of("DELETE FROM organisation_domain_claims WHERE tenant = $1 AND organisation = $2"),
        of("DELETE FROM organisation_domains WHERE tenant = $1 AND organisation = $2"),
        of("DELETE FROM provider_secrets WHERE tenant = $1 AND provider IN (
                SELECT c.provider FROM organisation_connections c WHERE c.tenant = $1 AND c.organisation = $2)"),
        // Its administrators are nobody at once.
        of("DELETE FROM admin_keys WHERE tenant = $1 AND organisation = $2").changes("admin_key", "*"),
        of("DELETE FROM organisation_connections WHERE tenant = $1 AND organisation = $2"),
    ]
}

/// Guard, after an organisation was inserted: nothing is left of another that had its id. A statement of its own, so that on
/// PostgreSQL it sees the deletion that the insertion waited for.
pub(super) fn check_gone(tenant: &TenantId, id: OrganisationId) -> Statement {
    Statement::one(
        "UPDATE organisations SET version = version WHERE tenant = $1 AND id = $2 AND NOT EXISTS (
             SELECT 1 FROM deleted_organisations d WHERE d.tenant = $1 AND d.organisation = $2)",
        values![tenant, &id],
    )
}

/// What is left of an organisation, in the order in which it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Invitations,
    GroupMembers,
    Groups,
    /// That it is somebody's organisation, who stays.
    People,
    Members,
}

impl Left {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Invitations => Some(Self::GroupMembers),
            Self::GroupMembers => Some(Self::Groups),
            Self::Groups => Some(Self::People),
            Self::People => Some(Self::Members),
            Self::Members => None,
        }
    }

    fn statements(self, tenant: &TenantId, id: OrganisationId, limit: i64) -> Vec<Statement> {
        let of = |sql| vec![Statement::any(sql, values![tenant, &id, limit])];
        match self {
            Self::Invitations => {
                of("DELETE FROM organisation_invitations WHERE (tenant, organisation, id) IN (
                     SELECT tenant, organisation, id FROM organisation_invitations
                     WHERE tenant = $1 AND organisation = $2 LIMIT $3)")
            }
            Self::GroupMembers => of(
                "DELETE FROM organisation_group_members WHERE (tenant, organisation, group_id, identity) IN (
                     SELECT tenant, organisation, group_id, identity FROM organisation_group_members
                     WHERE tenant = $1 AND organisation = $2 LIMIT $3)",
            ),
            Self::Groups => of("DELETE FROM organisation_groups WHERE (tenant, organisation, id) IN (
                     SELECT tenant, organisation, id FROM organisation_groups
                     WHERE tenant = $1 AND organisation = $2 LIMIT $3)"),
            Self::People => people(tenant, id, limit),
            Self::Members => {
                of("DELETE FROM organisation_members WHERE (tenant, organisation, identity) IN (
                     SELECT tenant, organisation, identity FROM organisation_members
                     WHERE tenant = $1 AND organisation = $2 LIMIT $3)")
            }
        }
    }
}

/// The first people by the terms that find them: there is no other way to an organisation's people but through all of the
/// tenant's. The terms go last; who has one is looked at until then.
fn people(tenant: &TenantId, id: OrganisationId, limit: i64) -> Vec<Statement> {
    let term = organisation_term(id);
    vec![
        Statement::any(
            "UPDATE identities SET organisation = NULL, version = version + 1
             WHERE tenant = $1 AND organisation = $2 AND id IN (
                 SELECT t.identity FROM identity_terms t WHERE t.tenant = $1 AND t.term = $3
                 ORDER BY t.identity LIMIT $4)",
            values![tenant, &id, term.as_str(), limit],
        )
        // No identity has this name: what is kept of all of them is read again.
        .changes(IDENTITY_CHANGED, "of an organisation"),
        Statement::any(
            "DELETE FROM identity_terms WHERE tenant = $1 AND term = $2 AND identity IN (
                 SELECT t.identity FROM identity_terms t WHERE t.tenant = $1 AND t.term = $2
                 ORDER BY t.identity LIMIT $3)",
            values![tenant, term.as_str(), limit],
        ),
    ]
}

/// A walk over what is left of one deleted organisation.
#[derive(Debug)]
pub struct OrganisationSweep {
    tenant: TenantId,
    organisation: OrganisationId,
    left: Option<Left>,
}

impl OrganisationSweep {
    /// Begins one.
    pub const fn of(tenant: TenantId, organisation: OrganisationId) -> Self {
        Self { tenant, organisation, left: Some(Left::Invitations) }
    }

    /// Writes at most `limit` rows of a table, in a change of its own; how many. `None` when it has been through all.
    pub async fn step(&mut self, storage: &Storage, limit: u32) -> Result<Option<u64>, StorageError> {
        let Some(left) = self.left else { return Ok(None) };
        let statements = left.statements(&self.tenant, self.organisation, i64::from(limit));
        let prepared = Prepared::of_tenant(self.tenant.clone(), statements);
        let written = storage.swept(prepared).await?;
        if written < u64::from(limit) {
            self.left = left.next();
        }
        Ok(Some(written))
    }
}

impl Storage {
    /// Deleted organisations of which rows may be left, the first `limit` by their tenants and ids.
    pub async fn list_deleted_organisations(
        &self,
        limit: u32,
    ) -> Result<Vec<DeletedOrganisation>, StorageError> {
        let sql = "SELECT tenant, organisation, deleted_at FROM deleted_organisations
             ORDER BY tenant, organisation LIMIT $1";
        let read = |row: &Row| {
            Ok(DeletedOrganisation {
                tenant: row.parse(0, "tenant")?,
                organisation: row.parse(1, "organisation")?,
                deleted_at: row.time(2)?,
            })
        };
        self.list(sql, values![i64::from(limit)]).await?.iter().map(read).collect()
    }

    /// Says that nothing is left of a deleted organisation: its id is free.
    pub async fn end_organisation_deletion(
        &self,
        tenant: &TenantId,
        organisation: OrganisationId,
    ) -> Result<(), StorageError> {
        let end = Statement::any(
            "DELETE FROM deleted_organisations WHERE tenant = $1 AND organisation = $2",
            values![tenant, &organisation],
        );
        self.swept(Prepared::of_tenant(tenant.clone(), vec![end])).await.map(|_| ())
    }
}
