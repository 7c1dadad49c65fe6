//! Proving a security key as the second factor: the session of the first one becomes worth more.
//!
//! The checks are those of the other second factors (see `second_factor/prove.rs`), with a ceremony in the place of a
//! code. Attempts are counted all the same: each costs us a signature.

use primitives::subject::AssuranceLevel;
use primitives::{Actor, Change, SessionClaims};

use super::{KeyForm, audit, refused, verify};
use crate::flow::proven::proven_in;
use crate::flow::{Caller, Flow, FlowError, FlowKind, Message, Room, Step, Submission};
use crate::hooks::{LoginAttempt, LoginOutcome};
use crate::limiter::{count_attempt, count_second_factor, forgive_attempt, forgive_second_factor};
use crate::session::{AuthenticationMethod, Method};
use crate::webauthn::KeyKind;

pub(in crate::flow) async fn prove(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let Some(step_up) = flow.factors.step_up.clone() else { return Err(FlowError::SessionRequired) };
    let live = caller.session.ok_or(FlowError::SessionRequired)?;
    let identity = live.identity();
    if identity.id != step_up.identity {
        return Err(FlowError::IdentityMismatch);
    }
    let mut flow = flow.tried(Some(Method::Webauthn));
    let KeyForm::Prove(ceremony) = flow.factors.keys.clone() else {
        return Ok(Step::Form(Box::new(flow.with_message(Message::no_security_key()))));
    };
    let Some(answer) = submission.keys.webauthn_login else {
        flow.refuse_field("webauthn_login", Message::missing("webauthn_login"));
        return Ok(Step::Form(Box::new(flow)));
    };
    let limits = &room.settings.limits;
    let who = (caller.address, None);
    count_attempt(room.attempts, limits, room.tenant, who, room.now).await?;
    count_second_factor(room.attempts, limits, room.tenant, identity.id, room.now).await?;
    let flow = flow.with_new_challenge(room);
    let proven = match verify(room, &ceremony, &answer, KeyKind::SecondFactor).await? {
        Ok(proven) if proven.key.identity == identity.id => proven,
        // Another person's key proves nothing about this one.
        Ok(_) => return Ok(Step::Form(Box::new(flow.with_message(Message::key_not_verified())))),
        Err(unproven) => return Ok(refused(room, flow, &unproven, Message::key_not_verified())),
    };
    let held = room.identities.list_identifiers(room.tenant, identity.id).await?;
    let attempt = LoginAttempt {
        identifier: held.into_iter().next().unwrap_or_default(),
        method: Method::Webauthn,
        refresh: matches!(flow.kind, FlowKind::Login { refresh: Some(_), .. }),
        origin: caller.origin(),
    };
    let context = room.hook_context(Actor::Subject(identity.id), Some(identity));
    let claims = match room.hooks.after_login(&context, &attempt, identity).await? {
        LoginOutcome::Allow { claims } => claims,
        LoginOutcome::RequireSecondFactor => SessionClaims::default(),
        LoginOutcome::Deny { message } => {
            return Ok(Step::Form(Box::new(flow.with_message(Message::generic(&message)))));
        }
    };
    forgive_attempt(room.attempts, limits, room.tenant, who, room.now).await;
    forgive_second_factor(room.attempts, limits, room.tenant, identity.id, room.now).await;
    let seen =
        audit("session.second_factor", Actor::Subject(identity.id), identity.id, KeyKind::SecondFactor);
    let change = Change::new(room.tenant.clone()).write(proven.write(room)).audit(seen);
    let method = AuthenticationMethod::new(Method::Webauthn, AssuranceLevel::Aal2, room.now);
    let (session, change) = proven_in(live, method, claims, change);
    Ok(Step::Refreshed { session, change })
}
