//! The hook `claim-mapper`: a program per provider, in the form of Kratos' mappers.
//!
//! A mapper reads `std.extVar('claims')`, and makes `{ identity: { traits, … } }`.

use portcullis_plugin::claim_mapper::{
    AddressKind, CallContext, Decision, Hook, HookError, Mapping, Person, Upstream,
};
use portcullis_plugin::config;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::evaluate::{NoDocument, document};

pub(crate) struct Mapper;

impl Hook for Mapper {
    fn map_claims(_: CallContext, upstream: Upstream) -> Result<Decision, HookError> {
        let own: Option<String> = config::find(&["mappers", &upstream.provider])?;
        let program = match own {
            Some(program) => Some(program),
            None => config::find(&["mapper"])?,
        };
        // Without a program for it the provider is somebody else's.
        let Some(program) = program else { return Ok(Decision::Pass) };
        let given = Map::from_iter([
            ("claims".to_owned(), Value::Object(claims(&upstream)?)),
            ("identity".to_owned(), upstream.person.as_ref().map_or(Ok(Value::Null), identity)?),
            ("session".to_owned(), Value::Null),
            ("provider".to_owned(), json!({ "id": upstream.provider, "kind": upstream.provider_kind })),
        ]);
        let made = match document(&upstream.provider, &program, &given) {
            Ok(made) => made,
            Err(NoDocument::Said(words)) => return Ok(Decision::deny(words)),
            Err(NoDocument::Failed(error)) => return Err(error),
        };
        mapping(made)
    }
}

/// The claims as mappers know them: also as `raw_claims`, with `sub` whatever the provider calls it, and with
/// `email_verified` true or false where a provider writes it as text. What is null is not there, so that
/// `'email' in claims` says whether there is one.
fn claims(upstream: &Upstream) -> Result<Map<String, Value>, HookError> {
    let raw: Map<String, Value> = upstream.claims()?;
    let mut claims = raw.clone();
    claims.retain(|_, value| !value.is_null());
    claims.entry("sub").or_insert_with(|| json!(upstream.subject));
    for name in ["email_verified", "phone_number_verified"] {
        if let Some(verified) = claims.get_mut(name) {
            let is_true = matches!(verified, Value::Bool(true)) || verified.as_str() == Some("true");
            *verified = Value::Bool(is_true);
        }
    }
    claims.insert("raw_claims".to_owned(), Value::Object(raw));
    Ok(claims)
}

/// Whom this was before.
fn identity(person: &Person) -> Result<Value, HookError> {
    Ok(json!({
        "id": person.id,
        "schema_id": person.schema,
        "traits": person.traits::<Value>()?,
        "metadata_public": person.metadata_public::<Value>()?,
        "metadata_admin": person.metadata_admin::<Value>()?,
    }))
}

/// What a mapper makes.
#[derive(Deserialize)]
struct Made {
    identity: Identity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    traits: Map<String, Value>,
    metadata_public: Option<Map<String, Value>>,
    metadata_admin: Option<Map<String, Value>>,
    verified_addresses: Option<Vec<Address>>,
    groups: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Address {
    via: Via,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Via {
    Email,
    Sms,
}

fn mapping(made: Value) -> Result<Decision, HookError> {
    let Made { identity } =
        serde_json::from_value(made).map_err(|error| format!("what the mapper makes: {error}"))?;
    let mut mapping = Mapping::new(identity.traits);
    if let Some(metadata) = identity.metadata_public {
        mapping = mapping.metadata_public(metadata);
    }
    if let Some(metadata) = identity.metadata_admin {
        mapping = mapping.metadata_admin(metadata);
    }
    if let Some(groups) = identity.groups {
        mapping = mapping.groups(groups);
    }
    for Address { via, value } in identity.verified_addresses.unwrap_or_default() {
        let via = match via {
            Via::Email => AddressKind::Email,
            Via::Sms => AddressKind::Sms,
        };
        mapping = mapping.verified(via, value);
    }
    Ok(mapping.into())
}
