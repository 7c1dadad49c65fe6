//! The `claim-mapper` hook: [`ClaimMapper`] by way of `portcullis:claim-mapper/hook`.

use std::collections::BTreeSet;
use std::sync::Arc;

use identity::hooks::{Answer as Asked, ClaimMapper, Mapping, MappingDecision, Upstream, UpstreamSource};
use identity::identity::AddressKind;
use primitives::hook_document::HookDocument;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::claim_mapper::exports::portcullis::claim_mapper::hook as wit;
use crate::bindings::claim_mapper::portcullis::call::{people, types};
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::claims::{check_object, check_optional_object};
use crate::hooks::context::{
    ContextInput, OriginInput, PersonInput, bad, call_context, check_extensions, check_message, origin,
    person,
};
use crate::hooks::{FunctionName, GuestFunction, other_function};
use crate::plugin::Plugin;
use crate::state::CallState;

/// How many groups somebody is put into at most.
const MOST_GROUPS: usize = 1_000;
/// How many bytes a group's name has at most.
const GROUP_BYTES: usize = 256;
/// How many addresses are verified at once at most.
const MOST_ADDRESSES: usize = 32;
/// How many bytes an address has at most (RFC 5321 section 4.5.3.1: 64 before the `@`, 255 after it).
const ADDRESS_BYTES: usize = 320;

impl ClaimMapper for PluginHost {
    fn map_claims<'a>(
        &'a self,
        context: &'a HookContext,
        upstream: &'a Upstream<'a>,
    ) -> Asked<'a, MappingDecision> {
        Box::pin(self.ask_mappers(context, upstream))
    }
}

impl PluginHost {
    /// Asks every plugin that is bound, in order, until one does not pass.
    async fn ask_mappers(
        &self,
        context: &HookContext,
        upstream: &Upstream<'_>,
    ) -> Result<MappingDecision, HookFailure> {
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let mut slots = tenant.matching(HookName::ClaimMapper, context).peekable();
        if slots.peek().is_none() {
            return Ok(MappingDecision::Unmapped);
        }
        let input = Arc::new(Input {
            context: ContextInput::new(self.clock.now().micros(), context),
            source: upstream.source,
            provider: upstream.provider.clone(),
            provider_kind: upstream.provider_kind.clone(),
            subject: upstream.subject.clone(),
            claims: upstream.claims.clone(),
            person: upstream.identity.map(PersonInput::new),
            origin: upstream.origin.as_ref().map(OriginInput::new),
        });
        let caller = Caller { gate: &tenant.gate, context, subject: &upstream.subject };
        for slot in slots {
            match self.call(caller, slot, MapperCall(Arc::clone(&input)), check).await? {
                MappingDecision::Unmapped => {}
                decided => return Ok(decided),
            }
        }
        Ok(MappingDecision::Unmapped)
    }
}

/// `map-claims` of an instance.
pub(crate) type MapClaims = TypedFunc<(types::CallContext<'static>, wit::Upstream<'static>), (Answer,)>;

type Answer = Result<wit::MappingDecision, types::HookError>;

/// What the guests are told.
struct Input {
    context: ContextInput,
    source: UpstreamSource,
    provider: String,
    provider_kind: String,
    subject: String,
    claims: HookDocument,
    person: Option<PersonInput>,
    origin: Option<OriginInput>,
}

/// One call of one plugin.
#[derive(Clone)]
struct MapperCall(Arc<Input>);

impl GuestCall for MapperCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::ClaimMapper;

    fn function(&self) -> FunctionName {
        FunctionName::MapClaims
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        let GuestFunction::MapClaims(map_claims) = function else { return Err(other_function()) };
        let input = &*self.0;
        let upstream = wit::Upstream {
            source: match input.source {
                UpstreamSource::OpenId => wit::Source::Openid,
                UpstreamSource::Saml => wit::Source::Saml,
                UpstreamSource::Scim => wit::Source::Scim,
            },
            provider: &input.provider,
            provider_kind: &input.provider_kind,
            subject: &input.subject,
            claims: input.claims.as_str(),
            person: input.person.as_ref().map(|input| person!(people, input)),
            origin: input.origin.as_ref().map(|input| origin!(people, input)),
            extensions: &[],
        };
        Ok(map_claims.call_async(store, (call_context!(types, &input.context), upstream)).await?.0)
    }
}

fn check(plugin: &Plugin, answer: Answer) -> Result<MappingDecision, Failure> {
    match answer.map_err(|error| (HookFailureKind::GuestError, error.message))? {
        wit::MappingDecision::Pass => Ok(MappingDecision::Unmapped),
        wit::MappingDecision::Deny(refusal) => {
            check_extensions(&refusal.extensions)?;
            Ok(MappingDecision::Deny { message: check_message(&refusal.message) })
        }
        wit::MappingDecision::Mapped(mapping) => check_mapping(mapping, plugin.may_set_groups()),
    }
}

fn check_mapping(mapping: wit::Mapping, may_set_groups: bool) -> Result<MappingDecision, Failure> {
    check_extensions(&mapping.extensions)?;
    Ok(MappingDecision::Mapped(Box::new(Mapping {
        traits: check_object("traits", &mapping.traits).map_err(bad)?,
        metadata_public: check_optional_object("metadata-public", &mapping.metadata_public).map_err(bad)?,
        metadata_admin: check_optional_object("metadata-admin", &mapping.metadata_admin).map_err(bad)?,
        groups: mapping.groups.map(|groups| check_groups(groups, may_set_groups)).transpose()?,
        verified_addresses: check_addresses(mapping.verified_addresses)?,
    })))
}

/// Attack: whoever writes a mapper makes somebody a member of the administrators. So groups need a grant, as the claim
/// does; also none at all, which takes somebody out of those that keep others away.
fn check_groups(groups: Vec<String>, may_set_groups: bool) -> Result<BTreeSet<String>, Failure> {
    if !may_set_groups {
        return Err(bad("says in which groups somebody is without the grant \"groups\""));
    }
    if groups.len() > MOST_GROUPS {
        return Err(bad(format!("puts somebody into more than {MOST_GROUPS} groups")));
    }
    if groups.iter().any(|group| group.is_empty() || group.len() > GROUP_BYTES) {
        return Err(bad(format!("names a group with not 1 to {GROUP_BYTES} bytes")));
    }
    Ok(groups.into_iter().collect())
}

fn check_addresses(addresses: Vec<wit::VerifiedAddress>) -> Result<Vec<(AddressKind, String)>, Failure> {
    if addresses.len() > MOST_ADDRESSES {
        return Err(bad(format!("verifies more than {MOST_ADDRESSES} addresses")));
    }
    let address = |wit::VerifiedAddress { via, value }| {
        if value.is_empty() || value.len() > ADDRESS_BYTES {
            return Err(bad(format!("verifies an address that has not 1 to {ADDRESS_BYTES} bytes")));
        }
        let via = match via {
            wit::AddressKind::Email => AddressKind::Email,
            wit::AddressKind::Sms => AddressKind::Sms,
        };
        Ok((via, value))
    };
    addresses.into_iter().map(address).collect()
}
