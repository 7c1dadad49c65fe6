//! Changing one's account: profile and password.

use primitives::{Actor, AuditEvent, Change};

use super::{Caller, Flow, FlowError, FlowKind, Message, Room, Step, Submission, verification};
use crate::administration::replacement;
use crate::hooks::Happening;
use crate::identifier::Identifier;
use crate::identity::Identity;
use crate::limiter::count_attempt;
use crate::password::check_policy;
use crate::session::{LiveSession, Method};
use crate::ways::Ways;
use crate::write::Write;

pub(super) async fn change_password(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let live = owner(room, &flow, caller)?;
    let mut flow = unsaved(flow).tried(Some(Method::Password));
    let Some(password) = submission.password.filter(|password| !password.expose().is_empty()) else {
        flow.refuse_field("password", Message::missing("password"));
        return Ok(Step::Form(Box::new(flow)));
    };
    privileged(room, live)?;
    let identity = live.identity();
    let held = room.identities.list_identifiers(room.tenant, identity.id).await?;
    let identifiers: Vec<Identifier> = held.iter().filter_map(|text| Identifier::parse(text)).collect();
    if let Err(violation) = check_policy(&password, &identifiers, &room.settings.password) {
        flow.refuse_field("password", (&violation).into());
        return Ok(Step::Form(Box::new(flow)));
    }
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;
    let password = match room.hash_new::<FlowError>(password).await? {
        Ok(hashed) => hashed,
        Err(violation) => {
            flow.refuse_field("password", (&violation).into());
            return Ok(Step::Form(Box::new(flow)));
        }
    };
    // Whoever knew the old password is signed out everywhere else.
    let change = Change::new(room.tenant.clone())
        .write(Write::SetPassword { identity: identity.id, password, at: room.now })
        .write(Write::RevokeSessions { identity: identity.id, except: Some(live.session().id), at: room.now })
        .audit(AuditEvent::new(
            "identity.password_changed",
            Actor::Subject(identity.id),
            "identity",
            &identity.id,
        ));
    let ways = Ways { password: true, ..Ways::of(room, identity.id).await? };
    let flow = flow.showing(&ways);
    Ok(saved(flow, Happening::Password, (identity.clone(), Vec::new()), change))
}

pub(super) async fn change_profile(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let live = owner(room, &flow, caller)?;
    let mut flow = unsaved(flow).tried(None);
    flow.values = submission.traits.unwrap_or_default();
    let checked = match room.schema(&live.identity().schema_id).check_traits(flow.values.clone()) {
        Ok(checked) => checked,
        Err(violations) => {
            for violation in &violations {
                flow.refuse_field(&violation.field, violation.into());
            }
            return Ok(Step::Form(Box::new(flow)));
        }
    };
    let schema = room.schema(&live.identity().schema_id);
    let context = room.hook_context(Actor::Subject(live.identity().id), Some(live.identity()));
    let checked = match room.validate(&context, schema, checked, Some(live.identity().id)).await? {
        Ok(checked) => checked,
        Err(refusals) => return Ok(Step::Form(Box::new(flow.refused(refusals, schema)))),
    };
    let held = room.identities.list_identifiers(room.tenant, live.identity().id).await?;
    let known: Vec<Identifier> = held.iter().filter_map(|text| Identifier::parse(text)).collect();
    let wanted = checked.identifiers();
    if wanted.is_empty() && !known.is_empty() {
        return Ok(Step::Form(Box::new(flow.with_message(Message::identifier_missing()))));
    }
    let new: Vec<&Identifier> = wanted.iter().filter(|wanted| !known.contains(wanted)).collect();
    if !new.is_empty() || known.iter().any(|known| !wanted.contains(known)) {
        // What one signs in with is a credential.
        privileged(room, live)?;
    }
    for identifier in &new {
        let holder = room.identities.find_look_alike(room.tenant, identifier).await?;
        if holder.is_some_and(|holder| holder != live.identity().id) {
            return Ok(Step::Form(Box::new(super::identifier_taken(flow, room.settings))));
        }
    }
    let identity = live.identity().with_traits(&checked, room.rng, room.now);
    let change = replacement(room, &identity, &held, &checked);
    let change = change.audit(AuditEvent::new(
        "identity.updated",
        Actor::Subject(identity.id),
        "identity",
        &identity.id,
    ));
    let (verifications, codes) =
        verification::begun(room, caller, &flow, (&identity, Some(live.identity()))).await;
    let change = codes.into_iter().fold(change, Change::write);
    Ok(saved(flow, Happening::Profile, (identity, verifications), change))
}

/// The session of whoever the form belongs to, if it has proven what the tenant asks for.
pub(super) fn owner<'a>(
    room: Room<'_>,
    flow: &Flow,
    caller: Caller<'a>,
) -> Result<&'a LiveSession, FlowError> {
    let live = caller.session.ok_or(FlowError::SessionRequired)?;
    if live.session().actor.is_some() {
        return Err(FlowError::ActsForAnother);
    }
    match flow.kind {
        FlowKind::Settings { identity, .. } if identity == live.identity().id => {
            let required = room.settings.flow.settings.required_aal;
            if room.satisfies(live, required) { Ok(live) } else { Err(FlowError::SecondFactorRequired) }
        }
        FlowKind::Settings { .. }
        | FlowKind::Login { .. }
        | FlowKind::Registration { .. }
        | FlowKind::Verification { .. }
        | FlowKind::Recovery { .. } => Err(FlowError::IdentityMismatch),
    }
}

pub(super) fn privileged(room: Room<'_>, live: &LiveSession) -> Result<(), FlowError> {
    if live.session().is_privileged(room.now, &room.settings.session) {
        Ok(())
    } else {
        Err(FlowError::RefreshRequired)
    }
}

impl Flow {
    /// The form with what it says of which credentials may go, wherever one of them was added or taken away.
    pub(super) fn showing(mut self, ways: &Ways) -> Self {
        self.factors.keys.judge(ways);
        self.federation.judge(ways);
        self
    }
}

pub(super) fn unsaved(mut flow: Flow) -> Flow {
    if let FlowKind::Settings { saved, .. } = &mut flow.kind {
        *saved = false;
    }
    flow
}

fn saved(
    mut flow: Flow,
    what: Happening,
    (identity, verifications): (Identity, Vec<Flow>),
    change: Change<Write>,
) -> Step {
    if let FlowKind::Settings { saved, .. } = &mut flow.kind {
        *saved = true;
    }
    flow.values.clear();
    let flow = Box::new(flow.with_message(Message::saved()));
    Step::Saved { flow, what: Some(what), identity: Box::new(identity), verifications, change }
}
