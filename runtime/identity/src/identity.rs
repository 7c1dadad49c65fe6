//! Who signs in: an identity, its traits and its addresses.

use primitives::subject::AssuranceLevel;
use primitives::{IdentityId, OrganisationId, Rng, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::schema::CheckedTraits;

/// A person (or machine) that signs in.
///
/// Serialises as the `identity` document of the flow API; `metadata_admin` is left out, since that
/// document reaches the person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Identity {
    /// `sub` of its tokens.
    pub id: IdentityId,
    /// A name that the customer's own systems give it; unique in the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The schema that its traits follow.
    pub schema_id: String,
    /// Whether it may sign in.
    pub state: IdentityState,
    /// When `state` changed.
    pub state_changed_at: Timestamp,
    /// What it says of itself, valid under its schema.
    pub traits: Map<String, Value>,
    /// Addresses that can be verified.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verifiable_addresses: Vec<VerifiableAddress>,
    /// Addresses through which the account can be recovered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recovery_addresses: Vec<RecoveryAddress>,
    /// What the operator keeps about it and it may see.
    pub metadata_public: Option<Value>,
    /// What the operator keeps about it for itself.
    #[serde(skip)]
    pub metadata_admin: Option<Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The organisation that it belongs to.
    #[serde(rename = "organization_id")]
    pub organisation: Option<OrganisationId>,
    /// How much it can prove: `aal2` if it has a second factor. Kept by whatever writes factors.
    #[serde(skip)]
    pub available: AssuranceLevel,
    /// Counts its changes, so that of two at a time one is told.
    #[serde(skip)]
    pub version: i64,
}

/// Whether an identity may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityState {
    /// It may.
    Active,
    /// It may not, and its sessions count for nothing.
    Inactive,
}

impl IdentityState {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

/// How an address is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    /// By e-mail.
    Email,
    /// By text message.
    Sms,
}

/// An address whose owner can be proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiableAddress {
    /// Names it.
    pub id: Uuid,
    /// The address, normalised.
    pub value: String,
    /// Whether its owner was proven.
    pub verified: bool,
    /// How it is reached.
    pub via: AddressKind,
    /// How far verification is.
    pub status: AddressStatus,
    /// When it was verified.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verified_at: Option<Timestamp>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How far the verification of an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressStatus {
    /// Nothing was sent.
    Pending,
    /// A message is on its way.
    Sent,
    /// Proven.
    Completed,
}

/// An address through which an account can be recovered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryAddress {
    /// Names it.
    pub id: Uuid,
    /// The address, normalised.
    pub value: String,
    /// How it is reached.
    pub via: AddressKind,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Identity {
    /// A new, active identity with checked traits.
    pub fn new(id: IdentityId, checked: &CheckedTraits, rng: &dyn Rng, now: Timestamp) -> Self {
        let identity = Self {
            id,
            external_id: None,
            schema_id: checked.schema_id().to_owned(),
            state: IdentityState::Active,
            state_changed_at: now,
            traits: Map::new(),
            verifiable_addresses: Vec::new(),
            recovery_addresses: Vec::new(),
            metadata_public: None,
            metadata_admin: None,
            created_at: now,
            updated_at: now,
            organisation: None,
            available: AssuranceLevel::Aal1,
            version: 1,
        };
        identity.with_traits(checked, rng, now)
    }

    /// The same identity with other traits. An address that stays keeps what was proven of it.
    #[must_use]
    pub fn with_traits(&self, checked: &CheckedTraits, rng: &dyn Rng, now: Timestamp) -> Self {
        let mut identity = self.clone();
        identity.traits.clone_from(checked.traits());
        checked.schema_id().clone_into(&mut identity.schema_id);
        identity.updated_at = now;
        let known = &self.verifiable_addresses;
        identity.verifiable_addresses = unique(checked.verifiable())
            .map(|(via, value)| {
                let kept = known.iter().find(|address| address.via == *via && address.value == *value);
                kept.cloned().unwrap_or_else(|| VerifiableAddress {
                    id: rng.uuid(),
                    value: value.clone(),
                    verified: false,
                    via: *via,
                    status: AddressStatus::Pending,
                    verified_at: None,
                    created_at: now,
                    updated_at: now,
                })
            })
            .collect();
        let known = &self.recovery_addresses;
        identity.recovery_addresses = unique(checked.recovery())
            .map(|(via, value)| {
                let kept = known.iter().find(|address| address.via == *via && address.value == *value);
                kept.cloned().unwrap_or_else(|| RecoveryAddress {
                    id: rng.uuid(),
                    value: value.clone(),
                    via: *via,
                    created_at: now,
                    updated_at: now,
                })
            })
            .collect();
        identity
    }
}

/// Each address once, in the order of the schema.
fn unique(addresses: &[(AddressKind, String)]) -> impl Iterator<Item = &(AddressKind, String)> {
    addresses
        .iter()
        .enumerate()
        .filter(|(at, address)| !addresses.iter().take(*at).any(|a| a == *address))
        .map(|(_, a)| a)
}
