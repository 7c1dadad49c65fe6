//! What a provider says of somebody whom it has named before: who they are by now, where its settings have that count, and
//! in which groups of its organisation they are.
//!
//! Attack: a provider says that somebody has the address of another account, of another organisation, or none at all, and
//! the account is changed into one that is somebody else's. What could not be signed up with is not taken over either: the
//! account stays as it is, the sign-in goes on, and the audit log says why.

use primitives::{Actor, AuditEvent};
use serde_json::{Map, Value};

use crate::administration::replacement;
use crate::flow::challenge::with_verified;
use crate::flow::{Caller, FlowError, Message, Room};
use crate::hooks::{Mapping, MappingDecision};
use crate::identity::Identity;
use crate::organisation::connection::{self, Word};
use crate::organisation::named_groups::named;
use crate::providers::ProvenElsewhere;
use crate::write::Write;

/// Somebody as the provider has them now, and what is to be written for it.
pub(super) struct Heard {
    pub(super) identity: Identity,
    pub(super) writes: Vec<Write>,
    pub(super) audit: Vec<AuditEvent>,
}

/// Asks the mappers; they may refuse somebody, who is told why.
pub(super) async fn hear(
    room: Room<'_>,
    caller: Caller<'_>,
    identity: Identity,
    who: &ProvenElsewhere,
) -> Result<Result<Heard, Message>, FlowError> {
    let schema = room.schema(&identity.schema_id);
    let context = room.hook_context(Actor::Subject(identity.id), Some(&identity));
    let known = (Some(&identity), Some(caller.origin()));
    let mapping = match room.providers.map(&context, who, schema, known).await? {
        MappingDecision::Mapped(mapping) => *mapping,
        MappingDecision::Unmapped => {
            return Ok(Ok(Heard { identity, writes: Vec::new(), audit: Vec::new() }));
        }
        MappingDecision::Deny { message } => return Ok(Err(Message::generic(&message))),
    };
    let groups = mapping.groups.clone();
    let mut heard = Heard { identity, writes: Vec::new(), audit: Vec::new() };
    if who.updates {
        heard = updated(room, heard.identity, who, mapping).await?;
    }
    if let Some(organisation) = who.organisation {
        heard.writes.extend(named(room, (organisation, heard.identity.id), groups.as_ref()).await?);
    }
    Ok(Ok(heard))
}

async fn updated(
    room: Room<'_>,
    identity: Identity,
    who: &ProvenElsewhere,
    mapping: Mapping,
) -> Result<Heard, FlowError> {
    let said = |cause: &'static str, identity: Identity| {
        let event = AuditEvent::new("identity.not_updated", Actor::System, "identity", &identity.id)
            .with("provider", &who.provider)
            .with("cause", &cause);
        Heard { identity, writes: Vec::new(), audit: vec![event] }
    };
    let mut traits = identity.traits.clone();
    overlay(&mut traits, mapping.traits);
    let metadata_public = mapping.metadata_public.map(Value::Object).or(identity.metadata_public.clone());
    let metadata_admin = mapping.metadata_admin.map(Value::Object).or(identity.metadata_admin.clone());
    let is_as_before = traits == identity.traits
        && metadata_public == identity.metadata_public
        && metadata_admin == identity.metadata_admin;
    if is_as_before {
        return Ok(Heard { identity, writes: Vec::new(), audit: Vec::new() });
    }
    let schema = room.schema(&identity.schema_id);
    let Ok(checked) = schema.check_traits(traits) else { return Ok(said("schema", identity)) };
    let context = room.hook_context(Actor::Subject(identity.id), Some(&identity));
    let Ok(checked) = room.validate(&context, schema, checked, Some(identity.id)).await? else {
        return Ok(said("plugin", identity));
    };
    let held = room.identities.list_identifiers(room.tenant, identity.id).await?;
    if checked.identifiers().is_empty() && !held.is_empty() {
        return Ok(said("identifier", identity));
    }
    let mut verified = mapping.verified_addresses;
    let has = |address: &str| {
        held.iter().any(|held| held == address)
            || identity.verifiable_addresses.iter().any(|known| known.value == address)
    };
    let new: Vec<_> =
        connection::addresses(&checked).into_iter().filter(|address| !has(address.as_str())).collect();
    if connection::weigh(room, who, &new, &mut verified).await? == Word::Anothers {
        return Ok(said("domain", identity));
    }
    for identifier in checked.identifiers() {
        let holder = room.identities.find_look_alike(room.tenant, identifier).await?;
        if holder.is_some_and(|holder| holder != identity.id) {
            return Ok(said("taken", identity));
        }
    }
    let mut updated = identity.with_traits(&checked, room.rng, room.now);
    (updated.metadata_public, updated.metadata_admin) = (metadata_public, metadata_admin);
    for (_, address) in &verified {
        if let Some(verified) = with_verified(&updated, address, room.now) {
            updated = verified;
        }
    }
    let change = replacement(room, &updated, &held, &checked);
    let event = AuditEvent::new("identity.updated", Actor::System, "identity", &updated.id)
        .with("provider", &who.provider);
    Ok(Heard { identity: updated, writes: change.writes, audit: vec![event] })
}

/// What is said replaces what was there; what is not said stays.
fn overlay(known: &mut Map<String, Value>, said: Map<String, Value>) {
    for (name, value) in said {
        match (known.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(value)) => overlay(inner, value),
            (_, value) => {
                known.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_said_stays() {
        let check = |known: Value, said: Value, expect: Value| {
            let (Value::Object(mut known), Value::Object(said)) = (known, said) else { panic!("no objects") };
            overlay(&mut known, said);
            assert_eq!(Value::Object(known), expect);
        };
        let ada = json!({"email": "a@b.example", "name": {"first": "Ada", "last": "King"}, "plan": "pro"});
        check(ada.clone(), json!({}), ada.clone());
        check(
            ada.clone(),
            json!({"name": {"last": "Lovelace"}, "email": "c@b.example"}),
            json!({"email": "c@b.example", "name": {"first": "Ada", "last": "Lovelace"}, "plan": "pro"}),
        );
        check(ada, json!({"name": "Ada"}), json!({"email": "a@b.example", "name": "Ada", "plan": "pro"}));
    }
}
