//! Cases of the hook `claim-mapper`: `wit/claim-mapper/claim-mapper.wit` in TOML and JSON, with the texts of JSON objects
//! as objects.

use std::collections::BTreeSet;

use identity::hooks::{ClaimMapper as _, Mapping, MappingDecision, Upstream, UpstreamSource};
use identity::identity::AddressKind;
use plugin_host::PluginHost;
use primitives::hook_document::HookDocument;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::HookCases;
use super::person::{Person, WrittenOrigin};

/// The hook.
pub(super) struct ClaimMapper;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    MapClaims,
}

/// `upstream`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Request {
    source: Source,
    provider: String,
    provider_kind: String,
    subject: String,
    claims: Map<String, Value>,
    person: Option<Person>,
    origin: Option<WrittenOrigin>,
}

/// `source`.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Source {
    #[default]
    Openid,
    Saml,
    Scim,
}

/// `mapping-decision`. What is empty is left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Decision {
    Pass {},
    Mapped(Box<Mapped>),
    Deny { message: String },
}

/// `mapping`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Mapped {
    traits: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata_public: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata_admin: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    groups: Option<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    verified_addresses: Vec<Address>,
}

/// `verified-address`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    via: Via,
    value: String,
}

/// `address-kind`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Via {
    Email,
    Sms,
}

impl HookCases for ClaimMapper {
    type Function = Function;
    type Request = Request;
    type Answer = Decision;

    async fn ask(
        host: &PluginHost,
        Function::MapClaims: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Decision, HookFailure> {
        let identity = request.person.as_ref().map(Person::of_the_room);
        let upstream = Upstream {
            source: match request.source {
                Source::Openid => UpstreamSource::OpenId,
                Source::Saml => UpstreamSource::Saml,
                Source::Scim => UpstreamSource::Scim,
            },
            provider: request.provider.clone(),
            provider_kind: request.provider_kind.clone(),
            subject: request.subject.clone(),
            claims: document(&request.claims)?,
            identity: identity.as_ref(),
            origin: request.origin.as_ref().map(WrittenOrigin::of_the_room),
        };
        Ok(match host.map_claims(context, &upstream).await? {
            MappingDecision::Unmapped => Decision::Pass {},
            MappingDecision::Mapped(mapping) => Decision::Mapped(Box::new(Mapped::of_the_room(*mapping))),
            MappingDecision::Deny { message } => Decision::Deny { message },
        })
    }
}

impl Mapped {
    fn of_the_room(mapping: Mapping) -> Self {
        let Mapping { traits, metadata_public, metadata_admin, groups, verified_addresses } = mapping;
        let address = |(via, value)| {
            let via = match via {
                AddressKind::Email => Via::Email,
                AddressKind::Sms => Via::Sms,
            };
            Address { via, value }
        };
        let verified_addresses = verified_addresses.into_iter().map(address).collect();
        Self { traits, metadata_public, metadata_admin, groups, verified_addresses }
    }
}

/// A document of a case, which no plugin is told when a room would not tell it.
pub(super) fn document(object: &Map<String, Value>) -> Result<HookDocument, HookFailure> {
    HookDocument::check(object).map_err(|error| HookFailure {
        plugin: String::new(),
        kind: HookFailureKind::Unavailable,
        detail: format!("the case: {error}"),
    })
}
