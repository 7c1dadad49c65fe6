//! An identity as those see it who may know who it is, but not how it proves that.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::{IdentityId, OrganisationId, TenantId};
use serde_json::{Map, Value};

use crate::identifier::Identifier;
use crate::identity::IdentityState;
use crate::ports::StoreUnavailable;

/// What is known of an identity: no credential, no session, and nothing that the operator keeps for itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// `sub` of its tokens.
    pub id: IdentityId,
    /// A name that the customer's own systems give it.
    pub external_id: Option<String>,
    /// The schema that its traits follow.
    pub schema_id: String,
    /// Whether it may sign in.
    pub state: IdentityState,
    /// The organisation that it belongs to.
    pub organisation: Option<OrganisationId>,
    /// What it says of itself.
    pub traits: Map<String, Value>,
    /// What the operator keeps about it and it may see.
    pub metadata_public: Option<Value>,
}

/// By what one profile is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileKey<'a> {
    /// Its id.
    Id(IdentityId),
    /// Something that it signs in with.
    Identifier(&'a Identifier),
}

/// Reads profiles. Apart from [`Identities`](crate::ports::Identities), so that whoever holds this reads no
/// credential.
pub trait Profiles: Send + Sync + fmt::Debug {
    /// The profile of one identity of a tenant.
    fn find_profile<'a>(
        &'a self,
        tenant: &'a TenantId,
        key: ProfileKey<'a>,
    ) -> BoxFuture<'a, Result<Option<Profile>, StoreUnavailable>>;
}
