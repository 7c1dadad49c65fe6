//! Signing in with a password.
//!
//! Whether the account exists, has a password or is disabled shows in nothing: the attempt counts by
//! what was typed, one look-up is made, one hash is computed in any case, and the answer is one message.

use primitives::subject::AssuranceLevel;
use primitives::{Actor, AuditEvent, Change, IdentityId, SessionClaims};

use super::admission::{Admitted, admit, check_attempt};
use super::proven::proven_in;
use super::verified::{Verified, verify};
use super::{Caller, Flow, FlowError, FlowKind, Message, PendingChange, Room, SignedIn, Step, Submission};
use crate::hooks::LoginAttempt;
use crate::identifier::Identifier;
use crate::identity::IdentityState;
use crate::limiter::{count_attempt, forgive_attempt, while_counted};
use crate::password::PlainPassword;
use crate::session::revoke::sign_out;
use crate::session::{AuthenticationMethod, Method, Session, SessionToken};

pub(super) async fn with_password(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let mut flow = flow.tried(Some(Method::Password));
    let typed = submission.identifier.filter(|typed| !typed.is_empty());
    let password = submission.password.filter(|password| !password.expose().is_empty());
    if let FlowKind::Login { identifier, .. } = &mut flow.kind {
        *identifier = typed.as_deref().unwrap_or_default().chars().take(320).collect();
    }
    if typed.is_none() {
        flow.refuse_field("identifier", Message::missing("identifier"));
    }
    if password.is_none() {
        flow.refuse_field("password", Message::missing("password"));
    }
    let (Some(typed), Some(password)) = (typed, password) else { return Ok(Step::Form(Box::new(flow))) };

    let identifier = Identifier::parse(&typed);
    let who = (caller.address, identifier.as_ref());
    // It begins before the hash, so that a flood pays for none.
    let counting = count_attempt(room.attempts, &room.settings.limits, room.tenant, who, room.now);
    let attempt = LoginAttempt {
        identifier: typed.chars().take(320).collect(),
        method: Method::Password,
        refresh: matches!(flow.kind, FlowKind::Login { refresh: Some(_), .. }),
        origin: caller.origin(),
    };
    let trying = async {
        match check_attempt(room, &attempt).await? {
            Some(stopped) => Ok(Err(stopped)),
            None => verify(room, &attempt, identifier.as_ref(), &password).await.map(Ok),
        }
    };
    let verified = match while_counted::<_, FlowError>(counting, trying).await? {
        Ok(verified) => verified,
        Err(stopped) => return Ok(stopped.step(flow)),
    };
    let Some(verified) = verified else {
        return Ok(Step::Form(Box::new(flow.with_message(Message::invalid_credentials()))));
    };
    forgive_attempt(room.attempts, &room.settings.limits, room.tenant, who, room.now).await;
    let identity = &verified.identity;
    if identity.state == IdentityState::Inactive {
        return Err(FlowError::IdentityDisabled);
    }
    let admitted = match admit(room, &attempt, (identity, identity)).await? {
        Ok(admitted) => admitted,
        Err(message) => return Ok(Step::Form(Box::new(flow.with_message(message)))),
    };
    if let FlowKind::Login { refresh: Some(required), .. } = flow.kind {
        return Ok(refreshed(room, caller, flow, (required, &verified), admitted.claims));
    }
    let replaces = matches!(flow.kind, FlowKind::Login { select_account: true, .. });
    let caller = Caller { session: caller.session.filter(|_| replaces), ..caller };
    signed_in(room, caller, verified, password, admitted).await
}

/// Somebody signed in has proven again who they are.
fn refreshed(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    (required, verified): (IdentityId, &Verified),
    claims: SessionClaims,
) -> Step {
    let identity = &verified.identity;
    let current = caller.session.filter(|live| live.identity().id == required && identity.id == required);
    let Some(live) = current else {
        // Another person's password proves nothing about this session.
        return Step::Form(Box::new(flow.with_message(Message::invalid_credentials())));
    };
    let (session, change) = proven_in(live, proof(room), claims, Change::new(room.tenant.clone()));
    let change = change.audit(AuditEvent::new(
        "session.refreshed",
        Actor::Subject(identity.id),
        "session",
        &session.id,
    ));
    Step::Refreshed { session, change: verified.moving(room, change) }
}

/// A new session. That of the caller makes way for it: nobody would be left who could end it.
async fn signed_in(
    room: Room<'_>,
    caller: Caller<'_>,
    verified: Verified,
    password: PlainPassword,
    Admitted { claims, demands_second_factor }: Admitted,
) -> Result<Step, FlowError> {
    let device = caller.device(room.rng);
    let begun = Session::begin(room.rng, &verified.identity, proof(room), device, &room.settings.session);
    let session = Session { claims, ..begun };
    let token = SessionToken::generate(room.rng);
    let audit = AuditEvent::new("session.created", Actor::Subject(session.identity), "session", &session.id)
        .with("method", &Method::Password.as_str());
    let mut change = verified.moving(room, Change::new(room.tenant.clone()).audit(audit));
    if let Some(former) = caller.session {
        change = change.and(sign_out(room.tenant, former, room.now));
    }
    let change = PendingChange::new(change, Some((session.clone(), token.clone())));
    let rehash = verified.rehash(room, password).await;
    Ok(Step::SignedIn(Box::new(SignedIn {
        identity: verified.identity,
        session,
        token,
        change,
        rehash,
        demands_second_factor,
    })))
}

fn proof(room: Room<'_>) -> AuthenticationMethod {
    AuthenticationMethod::new(Method::Password, AssuranceLevel::Aal1, room.now)
}
