//! The `claim-mapper` hook: say who somebody is here, from what somebody else says of them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bindings::claim_mapper::exports::portcullis::claim_mapper::hook as wit;
pub use crate::call::{Actor, CallContext, HookError, Origin, Person};
use crate::call::{parsed, refusal, text};
pub use wit::{AddressKind, Source, Upstream, VerifiedAddress};

/// A plugin on the `claim-mapper` hook.
///
/// If the function returns an error or panics, nobody is signed in and nothing is written: the hook fails closed.
pub trait Hook {
    /// Called when somebody else's word is verified, before anything is written.
    fn map_claims(call: CallContext, upstream: Upstream) -> Result<Decision, HookError>;
}

/// What a plugin answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// This is somebody else's to map.
    Pass,
    /// This is who they are.
    Mapped(Mapping),
    /// They are nobody here; they see why.
    Deny(String),
}

/// Who somebody is here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapping {
    traits: Map<String, Value>,
    metadata_public: Option<Map<String, Value>>,
    metadata_admin: Option<Map<String, Value>>,
    groups: Option<Vec<String>>,
    verified_addresses: Vec<(AddressKind, String)>,
}

impl Decision {
    /// They are nobody here. `message` is shown to them, as text.
    pub fn deny(message: impl Into<String>) -> Self {
        Self::Deny(message.into())
    }
}

impl From<Mapping> for Decision {
    fn from(mapping: Mapping) -> Self {
        Self::Mapped(mapping)
    }
}

impl Mapping {
    /// Somebody with these traits.
    pub fn new(traits: Map<String, Value>) -> Self {
        Self { traits, ..Self::default() }
    }

    /// Sets a trait.
    pub fn set(mut self, name: &str, value: impl Serialize) -> Result<Self, HookError> {
        let value =
            serde_json::to_value(value).map_err(|error| HookError::new(format!("{name}: {error}")))?;
        self.traits.insert(name.to_owned(), value);
        Ok(self)
    }

    /// Gives them this public metadata, which they can read, in the place of what they have.
    #[must_use]
    pub fn metadata_public(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata_public = Some(metadata);
        self
    }

    /// Gives them this administrators' metadata, in the place of what they have.
    #[must_use]
    pub fn metadata_admin(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata_admin = Some(metadata);
        self
    }

    /// Puts them into these groups, and out of others that the same provider put them into. Needs the grant `groups`.
    #[must_use]
    pub fn groups(mut self, groups: Vec<String>) -> Self {
        self.groups = Some(groups);
        self
    }

    /// Says that the provider verified an address.
    #[must_use]
    pub fn verified(mut self, via: AddressKind, address: impl Into<String>) -> Self {
        self.verified_addresses.push((via, address.into()));
        self
    }
}

impl Upstream {
    /// Parses what the provider says into a type of the plugin's own.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        parsed("claims", &self.claims)
    }
}

impl TryFrom<Decision> for wit::MappingDecision {
    type Error = HookError;

    fn try_from(decision: Decision) -> Result<Self, HookError> {
        let metadata = |what, metadata: Option<Map<String, Value>>| match metadata {
            None => Ok(String::new()),
            Some(metadata) => text(what, &metadata),
        };
        Ok(match decision {
            Decision::Pass => Self::Pass,
            Decision::Mapped(mapping) => Self::Mapped(wit::Mapping {
                traits: text("traits", &mapping.traits)?,
                metadata_public: metadata("metadata_public", mapping.metadata_public)?,
                metadata_admin: metadata("metadata_admin", mapping.metadata_admin)?,
                groups: mapping.groups,
                verified_addresses: mapping
                    .verified_addresses
                    .into_iter()
                    .map(|(via, value)| VerifiedAddress { via, value })
                    .collect(),
                extensions: Vec::new(),
            }),
            Decision::Deny(message) => Self::Deny(refusal(message)),
        })
    }
}

/// Exports a type that implements [`claim_mapper::Hook`](crate::claim_mapper::Hook) as this component's `claim-mapper`
/// hook.
#[macro_export]
macro_rules! export_claim_mapper {
    ($plugin:ty) => {
        const _: () = {
            use $crate::bindings::claim_mapper::exports::portcullis::claim_mapper::hook as wit;

            struct Component;

            impl wit::Guest for Component {
                fn map_claims(
                    call: wit::CallContext,
                    upstream: wit::Upstream,
                ) -> Result<wit::MappingDecision, wit::HookError> {
                    Ok(<$plugin as $crate::claim_mapper::Hook>::map_claims(call, upstream)?.try_into()?)
                }
            }

            $crate::bindings::claim_mapper::__export_claim_mapper_component!(
                Component with_types_in $crate::bindings::claim_mapper
            );
        };
    };
}
