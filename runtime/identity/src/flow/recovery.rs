//! Getting back in: whoever has the code that was sent to an address of an account gets a session, young enough to set
//! a new password.

use std::time::Duration;

use primitives::subject::AssuranceLevel;
use primitives::{Actor, AuditEvent, Change};

use super::challenge::{OneTimeCode, Purpose, SentCode, Submitted, submitted, with_verified};
use super::{
    Caller, Challenge, Flow, FlowError, FlowKind, Message, NewFlow, PendingChange, Recovered, Room, Step,
    Submission, Transport,
};
use crate::hooks::{LoginAttempt, LoginOutcome};
use crate::session::{AuthenticationMethod, Method, Session, SessionToken};
use crate::write::Write;

pub(super) async fn with_code(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    if !room.settings.recovery.enabled {
        return Err(FlowError::Closed);
    }
    let (identity, address) = match submitted(room, caller, &flow, &submission, Purpose::Recovery).await? {
        Submitted::Answered(step) => return Ok(step),
        Submitted::Proven { identity, address } => (*identity, address),
    };
    let flow = flow.tried(Some(Method::Code));
    // Attack: somebody who may not sign in, before they are approved, say, recovers their account and is in. So the hook
    // `login` is asked here as at any other sign-in.
    let attempt = LoginAttempt {
        identifier: address.clone(),
        method: Method::CodeRecovery,
        refresh: false,
        origin: caller.origin(),
    };
    let context = room.hook_context(Actor::Subject(identity.id), Some(&identity));
    let claims = match room.hooks.after_login(&context, &attempt, &identity).await? {
        LoginOutcome::Allow { claims } => claims,
        LoginOutcome::Deny { message } => {
            return Ok(Step::Form(Box::new(flow.with_message(Message::generic(&message)))));
        }
        LoginOutcome::RequireSecondFactor => {
            return Ok(Step::Form(Box::new(flow.with_message(Message::second_factor_required()))));
        }
    };
    let proof = AuthenticationMethod::new(Method::CodeRecovery, AssuranceLevel::Aal1, room.now);
    let device = caller.device(room.rng);
    let begun = Session::begin(room.rng, &identity, proof, device, &room.settings.session);
    let session = Session { claims, ..begun };
    let token = SessionToken::generate(room.rng);
    let mut change = Change::new(room.tenant.clone()).audit(
        AuditEvent::new("identity.recovered", Actor::Subject(identity.id), "identity", &identity.id)
            .with("session", &session.id),
    );
    // Whoever has the code has the address.
    let verified = with_verified(&identity, &address, room.now);
    if let Some(verified) = &verified {
        change = change.write(Write::ReplaceIdentity(Box::new(verified.clone())));
    }
    if room.settings.recovery.revoke_sessions {
        change = change.write(Write::RevokeSessions { identity: identity.id, except: None, at: room.now });
    }
    let identity = verified.unwrap_or(identity);
    let settings = settings_flow(room, &flow, &identity);
    let mut flow = flow;
    flow.kind = FlowKind::Recovery { challenge: Challenge::PassedChallenge };
    flow.messages.clear();
    flow.values.clear();
    let change = PendingChange::new(change, Some((session.clone(), token.clone())));
    Ok(Step::Recovered(Box::new(Recovered { flow, settings, identity, session, token, change })))
}

/// The form in which a new password is set next.
fn settings_flow(room: Room<'_>, flow: &Flow, identity: &crate::Identity) -> Flow {
    let new = NewFlow {
        kind: FlowKind::Settings { identity: identity.id, saved: false },
        transport: flow.transport,
        request: match flow.transport {
            Transport::Browser => "/self-service/settings/browser",
            Transport::Api => "/self-service/settings/api",
        }
        .to_owned(),
        return_to: flow.return_to.clone(),
        schema: identity.schema_id.clone(),
    };
    let until = room.now.after(room.settings.session.privileged_max_age());
    Flow::begin(new, room.rng, room.now, room.settings).with_message(Message::recovered(until, room.now))
}

/// A form with a code that an operator gives to somebody who cannot get mail. It proves no address.
pub fn recovery_by_operator(
    room: Room<'_>,
    operator: Actor,
    identity: &crate::Identity,
    (transport, lifespan): (Transport, Duration),
) -> (Flow, String, Change<Write>) {
    let new = NewFlow {
        kind: FlowKind::Recovery { challenge: Challenge::ChooseMethod },
        transport,
        request: "/admin/recovery/code".to_owned(),
        return_to: None,
        schema: identity.schema_id.clone(),
    };
    let mut flow = Flow::begin(new, room.rng, room.now, room.settings);
    flow.expires_at = room.now.after(lifespan);
    flow.active = Some(Method::Code);
    let code = OneTimeCode::generate(room.rng);
    let sent = SentCode::new(room, flow.id, ("", Some(identity.id)), &code, flow.expires_at);
    flow.kind = FlowKind::Recovery { challenge: Challenge::SentEmail(sent) };
    let audit = AuditEvent::new("identity.recovery_code_made", operator, "identity", &identity.id);
    (flow, code.expose().to_owned(), Change::new(room.tenant.clone()).audit(audit))
}
