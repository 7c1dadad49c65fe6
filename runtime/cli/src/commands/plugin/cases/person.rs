//! Whom a case is about, and from where they speak: the WIT's `person` and `origin`.

use std::net::{IpAddr, Ipv4Addr};

use identity::hooks::Origin;
use identity::{Identity, IdentityState};
use primitives::{ClientAddress, IdentityId, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The WIT's `person`. What is left out is empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Person {
    id: Option<IdentityId>,
    schema: Option<String>,
    traits: Map<String, Value>,
    metadata_public: Option<Value>,
    metadata_admin: Option<Value>,
}

/// The WIT's `origin`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct WrittenOrigin {
    address: Option<IpAddr>,
    user_agent: Option<String>,
}

/// The schema that every tenant has.
pub(super) const SCHEMA: &str = "default";

impl Person {
    pub(super) fn of_the_room(&self) -> Identity {
        let long_ago = Timestamp::from_seconds(0);
        Identity {
            id: self.id.unwrap_or_else(|| IdentityId(uuid::Uuid::nil())),
            external_id: None,
            schema_id: self.schema.clone().unwrap_or_else(|| SCHEMA.to_owned()),
            state: IdentityState::Active,
            state_changed_at: long_ago,
            traits: self.traits.clone(),
            verifiable_addresses: Vec::new(),
            recovery_addresses: Vec::new(),
            metadata_public: self.metadata_public.clone(),
            metadata_admin: self.metadata_admin.clone(),
            created_at: long_ago,
            updated_at: long_ago,
            organisation: None,
            available: primitives::subject::AssuranceLevel::Aal1,
            version: 1,
        }
    }
}

impl WrittenOrigin {
    pub(super) fn of_the_room(&self) -> Origin {
        let address = ClientAddress(self.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        Origin { address, user_agent: self.user_agent.clone() }
    }
}
