//! Organisations as they are written. A proven domain has a row of its own, whose key keeps it one organisation's.

mod deletion;
mod read;

use ::identity::Identity;
use ::identity::organisation::group::Group;
use ::identity::organisation::member::Member;
use ::identity::organisation::{OrganisationWrite, invitation::Invitation};
use ::identity::search::organisation_term;
use primitives::{GroupId, IdentityId, KeyedHash, OrganisationId, TenantId, Timestamp};

pub use self::deletion::{DeletedOrganisation, OrganisationSweep};
use super::IDENTITY_CHANGED;
use crate::statement::{Statement, json};
use crate::values;

pub(super) fn statements(tenant: &TenantId, write: OrganisationWrite) -> Vec<Statement> {
    match write {
        OrganisationWrite::Insert(new) => {
            let id = new.id;
            let insert = Statement::one(
            "INSERT INTO organisations (tenant, id, label, state, policy, version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            values![
                tenant,
                &new.id,
                new.label,
                new.state.as_str(),
                json(&new.policy),
                new.version,
                new.created_at,
                new.updated_at,
            ],
        );
            vec![insert, deletion::check_gone(tenant, id)]
        }
        OrganisationWrite::Replace(new) => vec![Statement::one(
            "UPDATE organisations SET label = $4, state = $5, policy = $6, updated_at = $7, version = version + 1
             WHERE tenant = $1 AND id = $2 AND version = $3",
            values![
                tenant,
                &new.id,
                new.version,
                new.label,
                new.state.as_str(),
                json(&new.policy),
                new.updated_at,
            ],
        )],
        OrganisationWrite::Delete { organisation, at } => deletion::delete(tenant, organisation, at),
        OrganisationWrite::ClaimDomain { organisation, claim } => vec![Statement::one(
            "INSERT INTO organisation_domain_claims (tenant, organisation, domain, token, created_at)
             SELECT o.tenant, o.id, $3, $4, $5 FROM organisations o WHERE o.tenant = $1 AND o.id = $2
             ON CONFLICT DO NOTHING",
            values![tenant, &organisation, claim.domain.as_str(), claim.token, claim.created_at],
        )],
        OrganisationWrite::VerifyDomain { organisation, domain, token, at } => vec![Statement::one(
            "INSERT INTO organisation_domains (tenant, domain, organisation, verified_at)
             SELECT c.tenant, c.domain, c.organisation, $5 FROM organisation_domain_claims c
             WHERE c.tenant = $1 AND c.organisation = $2 AND c.domain = $3 AND c.token = $4
             ON CONFLICT DO NOTHING",
            values![tenant, &organisation, domain.domain().as_str(), token, at],
        )],
        OrganisationWrite::ReleaseDomain { organisation, domain } => vec![
            Statement::one(
                "DELETE FROM organisation_domain_claims WHERE tenant = $1 AND organisation = $2 AND domain = $3",
                values![tenant, &organisation, domain.as_str()],
            ),
            Statement::any(
                "DELETE FROM organisation_domains WHERE tenant = $1 AND organisation = $2 AND domain = $3",
                values![tenant, &organisation, domain.as_str()],
            ),
        ],
        OrganisationWrite::AddMember(member) => add_member(tenant, &member),
        OrganisationWrite::ChangeRole { member, was, keeps_owner } => {
            change_role(tenant, &member, &was, keeps_owner)
        }
        OrganisationWrite::RemoveMember { was, at, keeps_owner } => {
            remove_member(tenant, &was, at, keeps_owner)
        }
        OrganisationWrite::InsertGroup(group) => vec![Statement::one(
            "INSERT INTO organisation_groups (tenant, organisation, id, label, provenance, created_at, updated_at)
             SELECT o.tenant, o.id, $3, $4, $5, $6, $7 FROM organisations o WHERE o.tenant = $1 AND o.id = $2
             ON CONFLICT DO NOTHING",
            values![
                tenant,
                &group.organisation,
                &group.id,
                group.label,
                group.provenance.as_str(),
                group.created_at,
                group.updated_at,
            ],
        )],
        OrganisationWrite::RenameGroup { organisation, group, label, at } => vec![Statement::one(
            "UPDATE organisation_groups SET label = $4, updated_at = $5
             WHERE tenant = $1 AND organisation = $2 AND id = $3",
            values![tenant, &organisation, &group, label, at],
        )],
        OrganisationWrite::DeleteGroup { organisation, group } => vec![
            Statement::one(
                "DELETE FROM organisation_groups WHERE tenant = $1 AND organisation = $2 AND id = $3",
                values![tenant, &organisation, &group],
            ),
            Statement::any(
                "DELETE FROM organisation_group_members WHERE tenant = $1 AND organisation = $2 AND group_id = $3",
                values![tenant, &organisation, &group],
            ),
        ],
        OrganisationWrite::AddToGroup { organisation, group, member } => vec![Statement::one(
            "INSERT INTO organisation_group_members (tenant, organisation, group_id, identity, provenance, created_at)
             SELECT g.tenant, g.organisation, g.id, m.identity, $5, $6 FROM organisation_groups g
             JOIN organisation_members m ON m.tenant = g.tenant AND m.organisation = g.organisation
             WHERE g.tenant = $1 AND g.organisation = $2 AND g.id = $3 AND m.identity = $4
             ON CONFLICT DO NOTHING",
            values![
                tenant,
                &organisation,
                &group,
                &member.identity,
                member.provenance.as_str(),
                member.created_at,
            ],
        )],
        OrganisationWrite::RemoveFromGroup { organisation, group, identity } => vec![Statement::one(
            "DELETE FROM organisation_group_members
             WHERE tenant = $1 AND organisation = $2 AND group_id = $3 AND identity = $4",
            values![tenant, &organisation, &group, &identity],
        )],
        OrganisationWrite::SetConnectionGroups { organisation, identity, join, leave } => {
            connection_groups(tenant, (organisation, identity), join, leave)
        }
        OrganisationWrite::InsertInvitation { invitation, token } => {
            vec![insert_invitation(tenant, &invitation, &token)]
        }
        OrganisationWrite::AcceptInvitation { organisation, invitation, identity, at } => {
            vec![Statement::one(
                "UPDATE organisation_invitations SET accepted_at = $4, accepted_by = $5
                 WHERE tenant = $1 AND organisation = $2 AND id = $3 AND accepted_at IS NULL
                     AND revoked_at IS NULL AND expires_at > $4",
                values![tenant, &organisation, &invitation, at, &identity],
            )]
        }
        OrganisationWrite::RevokeInvitation { organisation, invitation, at } => vec![Statement::one(
            "UPDATE organisation_invitations SET revoked_at = $4
             WHERE tenant = $1 AND organisation = $2 AND id = $3 AND accepted_at IS NULL AND revoked_at IS NULL",
            values![tenant, &organisation, &invitation, at],
        )],
    }
}

/// An identity that an operator puts into an organisation is a member of it, where there is one of that id.
pub(super) fn of_identity(tenant: &TenantId, identity: &Identity) -> Option<Statement> {
    let organisation = identity.organisation?;
    Some(Statement::any(
        "INSERT INTO organisation_members (tenant, organisation, identity, role, provenance, created_at, updated_at)
         SELECT o.tenant, o.id, $3, 'member', 'manual', $4, $4 FROM organisations o
         WHERE o.tenant = $1 AND o.id = $2 ON CONFLICT DO NOTHING",
        values![tenant, &organisation, &identity.id, identity.updated_at],
    ))
}

fn add_member(tenant: &TenantId, member: &Member) -> Vec<Statement> {
    vec![
        Statement::one(
            "INSERT INTO organisation_members (tenant, organisation, identity, role, provenance, created_at, updated_at)
             SELECT o.tenant, o.id, i.id, $4, $5, $6, $7 FROM organisations o
             JOIN identities i ON i.tenant = o.tenant
             WHERE o.tenant = $1 AND o.id = $2 AND o.state = 'active' AND i.id = $3
             ON CONFLICT DO NOTHING",
            values![
                tenant,
                &member.organisation,
                &member.identity,
                member.role.as_str(),
                member.provenance.as_str(),
                member.created_at,
                member.updated_at,
            ],
        ),
        Statement::any(
            "UPDATE identities SET organisation = $3, updated_at = $4, version = version + 1
             WHERE tenant = $1 AND id = $2 AND organisation IS NULL",
            values![tenant, &member.identity, &member.organisation, member.created_at],
        )
        .changes(IDENTITY_CHANGED, member.identity.to_string()),
        Statement::any(
            "INSERT INTO identity_terms (tenant, term, identity)
             SELECT i.tenant, $4, i.id FROM identities i
             WHERE i.tenant = $1 AND i.id = $2 AND i.organisation = $3 ON CONFLICT DO NOTHING",
            values![
                tenant,
                &member.identity,
                &member.organisation,
                organisation_term(member.organisation),
            ],
        ),
    ]
}

/// Takes the organisation's row for this change. Two owners who take each other out at a time would each find the other.
fn hold(tenant: &TenantId, organisation: OrganisationId) -> Statement {
    Statement::one(
        "UPDATE organisations SET version = version WHERE tenant = $1 AND id = $2",
        values![tenant, &organisation],
    )
}

fn change_role(tenant: &TenantId, member: &Member, was: &Member, keeps_owner: bool) -> Vec<Statement> {
    let change = Statement::one(
        "UPDATE organisation_members SET role = $6, updated_at = $7
         WHERE tenant = $1 AND organisation = $2 AND identity = $3 AND role = $4 AND provenance = $5
             AND ($8 = 0 OR $4 <> 'owner' OR $6 = 'owner' OR EXISTS (
                 SELECT 1 FROM organisation_members o WHERE o.tenant = $1 AND o.organisation = $2
                     AND o.role = 'owner' AND o.identity <> $3))",
        values![
            tenant,
            &was.organisation,
            &was.identity,
            was.role.as_str(),
            was.provenance.as_str(),
            member.role.as_str(),
            member.updated_at,
            keeps_owner,
        ],
    );
    vec![hold(tenant, was.organisation), change]
}

fn remove_member(tenant: &TenantId, was: &Member, at: Timestamp, keeps_owner: bool) -> Vec<Statement> {
    let (organisation, identity) = (was.organisation, was.identity);
    vec![
        hold(tenant, organisation),
        Statement::one(
            "DELETE FROM organisation_members
             WHERE tenant = $1 AND organisation = $2 AND identity = $3 AND role = $4 AND provenance = $5
                 AND ($6 = 0 OR $4 <> 'owner' OR EXISTS (
                     SELECT 1 FROM organisation_members o WHERE o.tenant = $1 AND o.organisation = $2
                         AND o.role = 'owner' AND o.identity <> $3))",
            values![
                tenant,
                &organisation,
                &identity,
                was.role.as_str(),
                was.provenance.as_str(),
                keeps_owner,
            ],
        ),
        Statement::any(
            "DELETE FROM organisation_group_members WHERE tenant = $1 AND organisation = $2 AND identity = $3",
            values![tenant, &organisation, &identity],
        ),
        Statement::any(
            "DELETE FROM identity_terms WHERE tenant = $1 AND term = $2 AND identity = $3",
            values![tenant, organisation_term(organisation), &identity],
        ),
        out_of(tenant, organisation, identity, at),
    ]
}

fn out_of(tenant: &TenantId, organisation: OrganisationId, identity: IdentityId, at: Timestamp) -> Statement {
    Statement::any(
        "UPDATE identities SET organisation = NULL, updated_at = $4, version = version + 1
         WHERE tenant = $1 AND id = $2 AND organisation = $3",
        values![tenant, &identity, &organisation, at],
    )
    .changes(IDENTITY_CHANGED, identity.to_string())
}

/// Of two who are the first in a group, one makes it: the index of a connection's labels has one of each.
fn connection_groups(
    tenant: &TenantId,
    (organisation, identity): (OrganisationId, IdentityId),
    join: Vec<Group>,
    leave: Vec<GroupId>,
) -> Vec<Statement> {
    let mut statements = Vec::with_capacity(2 * join.len() + leave.len());
    for group in join {
        statements.push(Statement::any(
            "INSERT INTO organisation_groups (tenant, organisation, id, label, provenance, created_at, updated_at)
             SELECT o.tenant, o.id, $3, $4, 'connection', $5, $5 FROM organisations o
             WHERE o.tenant = $1 AND o.id = $2 ON CONFLICT DO NOTHING",
            values![tenant, &organisation, &group.id, group.label.as_str(), group.created_at],
        ));
        statements.push(Statement::any(
            "INSERT INTO organisation_group_members (tenant, organisation, group_id, identity, provenance, created_at)
             SELECT g.tenant, g.organisation, g.id, m.identity, 'connection', $5 FROM organisation_groups g
             JOIN organisation_members m ON m.tenant = g.tenant AND m.organisation = g.organisation
             WHERE g.tenant = $1 AND g.organisation = $2 AND g.label = $4 AND g.provenance = 'connection'
                 AND m.identity = $3 ON CONFLICT DO NOTHING",
            values![tenant, &organisation, &identity, group.label.as_str(), group.created_at],
        ));
    }
    for group in leave {
        statements.push(Statement::any(
            "DELETE FROM organisation_group_members WHERE tenant = $1 AND organisation = $2 AND group_id = $3
                 AND identity = $4 AND provenance = 'connection'",
            values![tenant, &organisation, &group, &identity],
        ));
    }
    statements
}

fn insert_invitation(tenant: &TenantId, invitation: &Invitation, token: &KeyedHash) -> Statement {
    Statement::one(
        "INSERT INTO organisation_invitations
             (tenant, organisation, id, address, role, token_hash, invited_by, created_at, expires_at)
         SELECT o.tenant, o.id, $3, $4, $5, $6, $7, $8, $9 FROM organisations o
         WHERE o.tenant = $1 AND o.id = $2 AND o.state = 'active' ON CONFLICT DO NOTHING",
        values![
            tenant,
            &invitation.organisation,
            &invitation.id,
            invitation.address.as_str(),
            invitation.role.as_str(),
            token,
            invitation.invited_by.as_str(),
            invitation.created_at,
            invitation.expires_at,
        ],
    )
}
