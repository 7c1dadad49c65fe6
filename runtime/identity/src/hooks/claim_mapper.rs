//! What a plugin makes of what somebody else says of a person: the trait that the rooms ask that let others speak,
//! federation and SCIM.

use std::collections::BTreeSet;
use std::fmt;

use primitives::hook_document::HookDocument;
use primitives::hooks::HookContext;
use serde_json::{Map, Value};

use super::{Answer, Origin};
use crate::identity::{AddressKind, Identity};

/// What somebody else says, verified.
#[derive(Debug, Clone)]
pub struct Upstream<'a> {
    /// In which form.
    pub source: UpstreamSource,
    /// Who says it: the provider's identifier in the tenant's settings.
    pub provider: String,
    /// What kind of provider that is.
    pub provider_kind: String,
    /// Whom it means, as it names them.
    pub subject: String,
    /// What it says.
    pub claims: HookDocument,
    /// Whom this was before; none for somebody new.
    pub identity: Option<&'a Identity>,
    /// From where they speak; none of a directory.
    pub origin: Option<Origin>,
}

/// In which form it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamSource {
    /// Claims of an `OpenID` or OAuth 2.0 provider.
    OpenId,
    /// Attributes of a SAML assertion, each a list of strings.
    Saml,
    /// A resource of a SCIM client.
    Scim,
}

/// Who somebody is here.
#[derive(Debug, Clone, PartialEq)]
pub enum MappingDecision {
    /// No plugin says: the provider's own settings do.
    Unmapped,
    /// They are this.
    Mapped(Box<Mapping>),
    /// Nobody.
    Deny {
        /// Shown to them.
        message: String,
    },
}

/// What is to be written of somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The traits. They were not held against any schema yet.
    pub traits: Map<String, Value>,
    /// The public metadata, where there is any.
    pub metadata_public: Option<Map<String, Value>>,
    /// The administrators' metadata, where there is any.
    pub metadata_admin: Option<Map<String, Value>>,
    /// The groups that this provider puts them into; none to leave them as they are.
    pub groups: Option<BTreeSet<String>>,
    /// Addresses that the provider verified. One that the traits do not have says nothing.
    pub verified_addresses: Vec<(AddressKind, String)>,
}

/// The hook `claim-mapper`. It fails closed: without an answer nobody is signed in and nothing is written.
pub trait ClaimMapper: Send + Sync + fmt::Debug {
    /// Called when what the provider says was verified, before anything is written.
    fn map_claims<'a>(
        &'a self,
        context: &'a HookContext,
        upstream: &'a Upstream<'a>,
    ) -> Answer<'a, MappingDecision>;
}

/// For a node without plugins: the provider's own settings say.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoClaimMapper;

impl ClaimMapper for NoClaimMapper {
    fn map_claims<'a>(&'a self, _: &'a HookContext, _: &'a Upstream<'a>) -> Answer<'a, MappingDecision> {
        Box::pin(async { Ok(MappingDecision::Unmapped) })
    }
}
