//! Signing in with a passkey.
//!
//! | check | otherwise |
//! |---|---|
//! | 1 the form asks for one, and an answer is there | the form again |
//! | 2 the address's attempts are not used up | 429 |
//! | 3 the tenant's plugins let anybody try | the form again, or elsewhere |
//! | 4 the ceremony proves whose passkey it is | the form again, with one message whatever was wrong |
//! | 5 its owner may sign in, and the plugins let them in | 403, the form again |
//! | 6 nobody used the passkey meanwhile | decided again |
//!
//! It proves one factor, however the authenticator verified its user: whoever has a second factor proves it next.

use primitives::subject::AssuranceLevel;
use primitives::{Actor, AuditEvent, Change, IdentityId, SessionClaims};

use super::{KeyForm, Proven, refused, verify};
use crate::flow::admission::{Admitted, admit, check_attempt};
use crate::flow::proven::proven_in;
use crate::flow::{
    Caller, Flow, FlowError, FlowKind, Message, PendingChange, Room, SignedIn, Step, Submission,
};
use crate::hooks::LoginAttempt;
use crate::identity::{Identity, IdentityState};
use crate::limiter::{count_attempt, forgive_attempt};
use crate::session::revoke::sign_out;
use crate::session::{AuthenticationMethod, Method, Session, SessionToken};
use crate::webauthn::KeyKind;

pub(in crate::flow) async fn with_passkey(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let mut flow = flow.tried(Some(Method::Passkey));
    let KeyForm::SignIn(ceremony) = flow.factors.keys.clone() else {
        return Ok(super::not_asked(flow, "login"));
    };
    let Some(answer) = submission.keys.passkey_login else {
        flow.refuse_field("passkey_login", Message::missing("passkey_login"));
        return Ok(Step::Form(Box::new(flow)));
    };
    let limits = &room.settings.limits;
    count_attempt(room.attempts, limits, room.tenant, (caller.address, None), room.now).await?;
    let attempt = LoginAttempt {
        identifier: String::new(),
        method: Method::Passkey,
        refresh: matches!(flow.kind, FlowKind::Login { refresh: Some(_), .. }),
        origin: caller.origin(),
    };
    if let Some(stopped) = check_attempt(room, &attempt).await? {
        return Ok(stopped.step(flow));
    }
    let flow = flow.with_new_challenge(room);
    let proven = match verify(room, &ceremony, &answer, KeyKind::Passkey).await? {
        Ok(proven) => proven,
        Err(unproven) => return Ok(refused(room, flow, &unproven, Message::no_such_key())),
    };
    let_in(room, caller, flow, proven, attempt).await
}

/// Lets the owner of a key in that has proven who is there, as far as the plugins and their account do. Attempts of the
/// address are forgiven; those of a name are whoever counted them.
pub(super) async fn let_in(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    proven: Proven,
    mut attempt: LoginAttempt,
) -> Result<Step, FlowError> {
    let limits = &room.settings.limits;
    let method = attempt.method;
    let found = room.identities.find_identity(room.tenant, proven.key.identity).await?;
    let Some(identity) = found else {
        return Ok(Step::Form(Box::new(flow.with_message(Message::no_such_key()))));
    };
    forgive_attempt(room.attempts, limits, room.tenant, (caller.address, None), room.now).await;
    if identity.state == IdentityState::Inactive {
        return Err(FlowError::IdentityDisabled);
    }
    let held = room.identities.list_identifiers(room.tenant, identity.id).await?;
    if attempt.identifier.is_empty() {
        attempt.identifier = held.into_iter().next().unwrap_or_default();
    }
    let admitted = match admit(room, &attempt, (&identity, &identity)).await? {
        Ok(admitted) => admitted,
        Err(message) => return Ok(Step::Form(Box::new(flow.with_message(message)))),
    };
    if let FlowKind::Login { refresh: Some(required), .. } = flow.kind {
        let claims = admitted.claims;
        return Ok(refreshed(room, caller, flow, (required, &identity, &proven), (method, claims)));
    }
    let replaces = matches!(flow.kind, FlowKind::Login { select_account: true, .. });
    let caller = Caller { session: caller.session.filter(|_| replaces), ..caller };
    Ok(signed_in(room, caller, identity, &proven, (method, admitted)))
}

/// Somebody signed in has proven again who they are.
fn refreshed(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    (required, identity, proven): (IdentityId, &Identity, &Proven),
    (method, claims): (Method, SessionClaims),
) -> Step {
    let current = caller.session.filter(|live| live.identity().id == required && identity.id == required);
    let Some(live) = current else {
        // Another person's passkey proves nothing about this session.
        return Step::Form(Box::new(flow.with_message(Message::no_such_key())));
    };
    let refreshed =
        AuditEvent::new("session.refreshed", Actor::Subject(identity.id), "session", &live.session().id);
    let change = Change::new(room.tenant.clone()).write(proven.write(room)).audit(refreshed);
    let (session, change) = proven_in(live, proof(room, method), claims, change);
    Step::Refreshed { session, change }
}

/// A new session. That of the caller makes way for it.
fn signed_in(
    room: Room<'_>,
    caller: Caller<'_>,
    identity: Identity,
    proven: &Proven,
    (method, admitted): (Method, Admitted),
) -> Step {
    let device = caller.device(room.rng);
    let begun = Session::begin(room.rng, &identity, proof(room, method), device, &room.settings.session);
    let Admitted { claims, demands_second_factor } = admitted;
    let session = Session { claims, ..begun };
    let token = SessionToken::generate(room.rng);
    let audit = AuditEvent::new("session.created", Actor::Subject(session.identity), "session", &session.id)
        .with("method", &method.as_str());
    let mut change = Change::new(room.tenant.clone()).write(proven.write(room)).audit(audit);
    if let Some(former) = caller.session {
        change = change.and(sign_out(room.tenant, former, room.now));
    }
    let change = PendingChange::new(change, Some((session.clone(), token.clone())));
    Step::SignedIn(Box::new(SignedIn {
        identity,
        session,
        token,
        change,
        rehash: None,
        demands_second_factor,
    }))
}

fn proof(room: Room<'_>, method: Method) -> AuthenticationMethod {
    AuthenticationMethod::new(method, AssuranceLevel::Aal1, room.now)
}
