//! Getting back in: whoever has the code or the link that was sent to an address of an account gets a session, young
//! enough to set a new password.

use std::time::Duration;

use primitives::subject::AssuranceLevel;
use primitives::{Actor, AuditEvent, Change};

use super::challenge::{Purpose, Submitted, submitted};
use super::sending::link;
use super::sent_code::{LinkToken, OneTimeCode};
use super::unproven::proven_by_stranger;
use super::{
    Caller, Challenge, Flow, FlowError, FlowKind, Message, NewFlow, PendingChange, Recovered, Room, SentCode,
    SentLink, Step, Submission, Transport,
};
use crate::hooks::{LoginAttempt, LoginOutcome};
use crate::identity::AddressKind;
use crate::session::{AuthenticationMethod, Method, Session, SessionToken};
use crate::settings::ProofMeans;
use crate::write::Write;

pub(super) async fn with_message(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    if !room.settings.recovery.enabled {
        return Err(FlowError::Closed);
    }
    let (identity, address, means) =
        match submitted(room, caller, &flow, &submission, Purpose::Recovery).await? {
            Submitted::Answered(step) => return Ok(step),
            Submitted::Proven { identity, address, means } => (*identity, address, means),
        };
    let (active, method) = match means {
        ProofMeans::Code => (Method::Code, Method::CodeRecovery),
        ProofMeans::Link => (Method::LinkRecovery, Method::LinkRecovery),
    };
    let flow = flow.tried(Some(active));
    // Attack: somebody who may not sign in, before they are approved, say, recovers their account and is in. So the hook
    // `login` is asked here as at any other sign-in.
    let attempt =
        LoginAttempt { identifier: address.clone(), method, refresh: false, origin: caller.origin() };
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
    let proof = AuthenticationMethod::new(method, AssuranceLevel::Aal1, room.now);
    let device = caller.device(room.rng);
    let begun = Session::begin(room.rng, &identity, proof, device, &room.settings.session);
    let session = Session { claims, ..begun };
    let token = SessionToken::generate(room.rng);
    // Whoever has the message has the address.
    let (identity, change) = proven_by_stranger(room, identity, &address).await?;
    let mut change = change.audit(
        AuditEvent::new("identity.recovered", Actor::Subject(identity.id), "identity", &identity.id)
            .with("session", &session.id),
    );
    // Whoever had the account before has no device any more that does without its second factor.
    change = change.write(Write::ForgetTrustedDevices(identity.id));
    if room.settings.recovery.revoke_sessions {
        change = change.write(Write::RevokeSessions { identity: identity.id, except: None, at: room.now });
    }
    let settings = (!flow.onward.skip_settings).then(|| settings_flow(room, &flow, &identity));
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
    let begun = Flow::begin(new, room.rng, room.now, room.settings).waited_for(flow.login_challenge());
    begun.with_message(Message::recovered(until, room.now))
}

/// A form with a code that an operator gives to somebody who cannot get mail. It proves no address.
pub fn recovery_by_operator(
    room: Room<'_>,
    operator: Actor,
    identity: &crate::Identity,
    (transport, lifespan): (Transport, Duration),
) -> (Flow, String, Change<Write>) {
    let mut flow = by_operator(room, identity, ("/admin/recovery/code", transport), lifespan);
    let code = OneTimeCode::generate(room.rng);
    flow.active = Some(Method::Code);
    flow.kind = nowhere(room, &flow, identity, Some(&code));
    let audit = AuditEvent::new("identity.recovery_code_made", operator, "identity", &identity.id);
    (flow, code.expose().to_owned(), Change::new(room.tenant.clone()).audit(audit))
}

/// A form with a link that an operator gives, and the link. It proves no address.
pub fn recovery_link_by_operator(
    room: Room<'_>,
    operator: Actor,
    identity: &crate::Identity,
    (return_to, lifespan): (Option<String>, Duration),
) -> (Flow, String, Change<Write>) {
    let mut flow = by_operator(room, identity, ("/admin/recovery/link", Transport::Browser), lifespan);
    let token = LinkToken::generate(room.rng);
    flow.active = Some(Method::LinkRecovery);
    flow.return_to = return_to;
    flow.means = ProofMeans::Link;
    flow.kind = nowhere(room, &flow, identity, None);
    flow.link = Some(SentLink::new(room, flow.id, &token));
    let place = link(room, &flow, "token", token.expose());
    let audit = AuditEvent::new("identity.recovery_link_made", operator, "identity", &identity.id);
    (flow, place, Change::new(room.tenant.clone()).audit(audit))
}

fn by_operator(
    room: Room<'_>,
    identity: &crate::Identity,
    (request, transport): (&str, Transport),
    lifespan: Duration,
) -> Flow {
    let new = NewFlow {
        kind: FlowKind::Recovery { challenge: Challenge::ChooseMethod },
        transport,
        request: request.to_owned(),
        return_to: None,
        schema: identity.schema_id.clone(),
    };
    let mut flow = Flow::begin(new, room.rng, room.now, room.settings);
    flow.expires_at = room.now.after(lifespan);
    flow.means = ProofMeans::Code;
    flow
}

/// What an operator gives was sent to no address.
fn nowhere(room: Room<'_>, flow: &Flow, identity: &crate::Identity, code: Option<&OneTimeCode>) -> FlowKind {
    let whose = (AddressKind::Email, "", Some(identity.id));
    let sent = SentCode::new(room, flow.id, whose, code, flow.expires_at);
    FlowKind::Recovery { challenge: Challenge::SentEmail(sent) }
}
