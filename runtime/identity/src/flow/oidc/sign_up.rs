//! Somebody whom a provider knows and nobody here does: a new account, a form for what is missing, or an account that
//! has the same identifier and must be proven first.

use primitives::{Actor, Change, IdentityId};
use serde_json::{Map, Value};

use super::form::{Mapped, Until, Waiting};
use super::{linked, proof, sign_in};
use crate::flow::challenge::with_verified;
use crate::flow::{
    Caller, Flow, FlowError, FlowKind, Message, PendingChange, Room, Step, creation, identifier_taken,
    verification,
};
use crate::hooks::{LoginOutcome, MappingDecision};
use crate::identity::Identity;
use crate::organisation::connection::{self, Joiner, Word, joined};
use crate::organisation::named_groups::named;
use crate::providers::ProvenElsewhere;
use crate::schema::{CheckedTraits, Schema, TraitViolation};
use crate::session::{Method, Session, SessionToken};
use crate::settings::AccountEnumeration;
use crate::write::Write;

pub(super) async fn sign_up(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    who: ProvenElsewhere,
) -> Result<Step, FlowError> {
    let flow = flow.tried(Some(Method::Oidc));
    let asks_for_somebody = matches!(flow.kind, FlowKind::Login { refresh: Some(_), .. });
    if asks_for_somebody || super::Linking::of(&flow).is_some() {
        // Somebody known was asked for, and this is nobody.
        return Ok(Step::Form(Box::new(flow.with_message(Message::invalid_credentials()))));
    }
    if !room.settings.registration_enabled {
        return Err(FlowError::RegistrationDisabled);
    }
    let schema = room.schema(&flow.schema);
    let context = room.hook_context(Actor::Anonymous, None);
    let decided = room.providers.map(&context, &who, schema, (None, Some(caller.origin()))).await?;
    let mapped = match decided {
        MappingDecision::Mapped(mapping) => Mapped::from(*mapping),
        MappingDecision::Unmapped => Mapped::default(),
        MappingDecision::Deny { message } => {
            return Ok(Step::Form(Box::new(flow.with_message(Message::generic(&message)))));
        }
    };
    let traits = mapped.traits.clone();
    made(room, caller, flow, (who, mapped), traits).await
}

/// The form was completed with what the provider does not tell.
///
/// Attack: somebody lets a provider prove one address and types another, which would count as proven. What the provider
/// says stays, and only the fields that were asked for are taken.
pub(super) async fn complete(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    typed: Map<String, Value>,
) -> Result<Step, FlowError> {
    let Some(Waiting { who, mapped, until: Until::Completed { open } }) = flow.federation.waiting().cloned()
    else {
        return Err(FlowError::IdentityMismatch);
    };
    if !room.settings.registration_enabled {
        return Err(FlowError::RegistrationDisabled);
    }
    flow = flow.tried(Some(Method::Oidc));
    let schema = room.schema(&flow.schema);
    let mut traits = mapped.traits.clone();
    for field in schema.fields().iter().filter(|field| open.contains(&field.name)) {
        place(&mut traits, &field.path, find(&typed, &field.path).cloned());
    }
    made(room, caller, flow, (who, mapped), traits).await
}

async fn made(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    (who, mut mapped): (ProvenElsewhere, Mapped),
    traits: Map<String, Value>,
) -> Result<Step, FlowError> {
    let schema = room.schema(&flow.schema);
    let checked = match schema.check_traits(traits.clone()) {
        Ok(checked) => checked,
        Err(violations) => return Ok(asking(flow, (who, mapped), traits, (schema, &violations))),
    };
    let context = room.hook_context(Actor::Anonymous, None);
    let checked = match room.admit(&context, schema, checked, Some(caller.origin())).await? {
        Ok(checked) => checked,
        Err(refusals) => {
            let flow = flow.refused(refusals, schema);
            return Ok(asking(flow, (who, mapped), traits, (schema, &[])));
        }
    };
    // Before anybody is looked up, so that the answer depends on the domain alone.
    let addresses = connection::addresses(&checked);
    let word = connection::weigh(room, &who, &addresses, &mut mapped.verified).await?;
    if word == Word::Anothers {
        let message = Message::connection_overreaches(&who.label);
        return Ok(Step::Form(Box::new(flow.with_message(message))));
    }
    if let Some(there) = connection::closes_sign_up(room, &checked, who.organisation).await? {
        return Ok(Step::Form(Box::new(connection::sent_there(flow, there))));
    }
    for identifier in checked.identifiers() {
        let Some(holder) = room.identities.find_look_alike(room.tenant, identifier).await? else { continue };
        let is_proven = mapped.verified.iter().any(|(_, address)| address == identifier.as_str());
        if room.settings.account_enumeration == AccountEnumeration::Mitigate && !is_proven {
            // Whoever runs a provider could ask it about everybody.
            return Ok(Step::Form(Box::new(identifier_taken(flow, room.settings))));
        }
        let joins = matches!(word, Word::Own(_));
        let until = Until::Proven { holder, identifier: identifier.to_string(), joins };
        return Ok(super::link::ask_for_proof(flow, Waiting { who, mapped, until }));
    }
    let mut identity =
        Identity::new(IdentityId::generate_at(room.rng, room.now), &checked, room.rng, room.now);
    let joins = match word {
        // Of one that is not kept here the id is all there is.
        Word::Unbound => {
            identity.organisation = who.organisation;
            None
        }
        Word::Own(organisation) => Some(connection::joiner(room, organisation, identity.id)),
        Word::Nobodys | Word::Anothers => {
            let message = Message::connection_of_others(&who.label);
            return Ok(Step::Form(Box::new(flow.with_message(message))));
        }
    };
    identity.metadata_public = mapped.metadata_public.map(Value::Object);
    identity.metadata_admin = mapped.metadata_admin.map(Value::Object);
    for (_, address) in &mapped.verified {
        if let Some(verified) = with_verified(&identity, address, room.now) {
            identity = verified;
        }
    }
    let identity = room.added(&context, identity).await?;
    let joins = joins.map(|member| Joiner { member, groups: mapped.groups });
    registered(room, caller, &flow, (identity, &checked), (&who, joins)).await
}

async fn registered(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: &Flow,
    (mut identity, checked): (Identity, &CheckedTraits),
    (who, joins): (&ProvenElsewhere, Option<Joiner>),
) -> Result<Step, FlowError> {
    let session = if room.settings.flow.session_after_registration {
        first_session(room, caller, flow, &identity, who).await?
    } else {
        None
    };
    let change = creation(room, &identity, checked, Actor::Anonymous);
    let mut change = linked(room, identity.id, who, change);
    if let Some(Joiner { member, groups }) = joins {
        let in_groups = named(room, (member.organisation, identity.id), groups.as_ref()).await?;
        identity.organisation = Some(member.organisation);
        change = in_groups.into_iter().fold(joined(change, member), Change::write);
    }
    let (verifications, codes) = verification::begun(room, caller, flow, (&identity, None)).await;
    let change = codes.into_iter().fold(change, Change::<Write>::write);
    let change = PendingChange::new(change, session.clone());
    Ok(Step::Registered { identity, session, verifications, change })
}

/// The session of somebody who has just signed up, unless a plugin denies it; as with a password.
async fn first_session(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: &Flow,
    identity: &Identity,
    who: &ProvenElsewhere,
) -> Result<Option<(Session, SessionToken)>, FlowError> {
    let attempt = sign_in::attempt(flow, caller, who);
    let context = room.hook_context(Actor::Subject(identity.id), Some(identity));
    let claims = match room.hooks.after_login(&context, &attempt, identity).await? {
        LoginOutcome::Allow { claims } => claims,
        LoginOutcome::Deny { .. } | LoginOutcome::RequireSecondFactor => return Ok(None),
    };
    let device = caller.device(room.rng);
    let session = Session::begin(room.rng, identity, proof(room, who), device, &room.settings.session);
    Ok(Some((Session { claims, ..session }, SessionToken::generate(room.rng))))
}

/// The form that asks for what the provider does not tell, or tells in a form that the schema does not take.
fn asking(
    mut flow: Flow,
    (who, mapped): (ProvenElsewhere, Mapped),
    traits: Map<String, Value>,
    (schema, violations): (&Schema, &[TraitViolation]),
) -> Step {
    for violation in violations {
        flow.refuse_field(&violation.field, violation.into());
    }
    let is_wrong = |name: &str| flow.field_messages.iter().any(|(field, _)| field == name);
    let open: Vec<String> = schema
        .fields()
        .iter()
        .filter(|field| is_wrong(&field.name) || find(&mapped.traits, &field.path).is_none())
        .map(|field| field.name.clone())
        .collect();
    if let FlowKind::Login { login_challenge, .. } = &flow.kind {
        flow.kind = FlowKind::Registration { login_challenge: login_challenge.clone() };
    }
    flow.values = traits;
    flow.federation.wait(Waiting { who, mapped, until: Until::Completed { open } });
    Step::Form(Box::new(flow))
}

fn find<'a>(values: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(values.get(first)?, |value, name| value.get(name))
}

fn place(values: &mut Map<String, Value>, path: &[String], value: Option<Value>) {
    match (path, value) {
        ([], _) => {}
        ([name], None) => {
            values.remove(name);
        }
        ([name], Some(value)) => {
            values.insert(name.clone(), value);
        }
        ([name, rest @ ..], value) => {
            if value.is_none() && !values.contains_key(name) {
                return;
            }
            let inner = values.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                place(inner, rest, value);
            }
        }
    }
}
