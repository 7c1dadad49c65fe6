//! Groups: some members of an organisation, under a name.

use primitives::{GroupId, IdentityId, OrganisationId, Timestamp};
use serde::Serialize;

use super::Provenance;

/// Some members of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Of which.
    pub organisation: OrganisationId,
    /// Names it.
    pub id: GroupId,
    /// What people call it.
    pub label: String,
    /// Who manages it.
    pub provenance: Provenance,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupMember {
    /// Who.
    pub identity: IdentityId,
    /// By what they are in it.
    pub provenance: Provenance,
    /// Since when.
    pub created_at: Timestamp,
}
