//! Signing in with a provider's word for an account that is linked to it.

use primitives::{Actor, AuditEvent, Change};

use super::heard::{Heard, hear};
use super::proof;
use crate::flow::admission::{Admitted, admit, check_attempt};
use crate::flow::proven::proven_in;
use crate::flow::{Caller, Flow, FlowError, FlowKind, Message, PendingChange, Room, SignedIn, Step};
use crate::hooks::LoginAttempt;
use crate::identity::{Identity, IdentityState};
use crate::providers::{Link, ProvenElsewhere};
use crate::session::revoke::sign_out;
use crate::session::{Method, Session, SessionToken};
use crate::write::Write;

pub(super) async fn sign_in(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    (identity, known): (Identity, Link),
    who: ProvenElsewhere,
) -> Result<Step, FlowError> {
    let flow = flow.tried(Some(Method::Oidc));
    let attempt = attempt(&flow, caller, &who);
    if let Some(stopped) = check_attempt(room, &attempt).await? {
        return Ok(stopped.step(flow));
    }
    if identity.state == IdentityState::Inactive {
        return Err(FlowError::IdentityDisabled);
    }
    let admitted = match admit(room, &attempt, (&identity, &identity)).await? {
        Ok(admitted) => admitted,
        Err(message) => return Ok(refused(flow, message)),
    };
    let Admitted { claims, demands_second_factor } = admitted;
    let Heard { identity, writes, audit } = match hear(room, caller, identity, &who).await? {
        Ok(heard) => heard,
        Err(message) => return Ok(refused(flow, message)),
    };
    let mut change = tokens(room, &known, &who, Change::new(room.tenant.clone()));
    change.writes.extend(writes);
    change.audit.extend(audit);
    if let FlowKind::Login { refresh: Some(required), .. } = flow.kind {
        let current = caller.session.filter(|live| live.identity().id == required && identity.id == required);
        let Some(live) = current else {
            // Another person's proof is none of this session's.
            return Ok(refused(flow, Message::invalid_credentials()));
        };
        let (session, change) = proven_in(live, proof(room, &who), claims, change);
        let audit = AuditEvent::new("session.refreshed", Actor::Subject(identity.id), "session", &session.id);
        return Ok(Step::Refreshed { session, change: change.audit(audit) });
    }
    let replaces = matches!(flow.kind, FlowKind::Login { select_account: true, .. });
    let former = caller.session.filter(|_| replaces);
    let device = caller.device(room.rng);
    let begun = Session::begin(room.rng, &identity, proof(room, &who), device, &room.settings.session);
    let session = Session { claims, ..begun };
    let token = SessionToken::generate(room.rng);
    let audit = AuditEvent::new("session.created", Actor::Subject(identity.id), "session", &session.id)
        .with("method", &Method::Oidc.as_str())
        .with("provider", &who.provider);
    let mut change = change.audit(audit);
    if let Some(former) = former {
        change = change.and(sign_out(room.tenant, former, room.now));
    }
    let change = PendingChange::new(change, Some((session.clone(), token.clone())));
    Ok(Step::SignedIn(Box::new(SignedIn {
        identity,
        session,
        token,
        change,
        rehash: None,
        demands_second_factor,
    })))
}

/// As the hooks are told of it: nobody typed anything, so it is named by the link.
pub(super) fn attempt(flow: &Flow, caller: Caller<'_>, who: &ProvenElsewhere) -> LoginAttempt {
    LoginAttempt {
        identifier: format!("{}:{}", who.provider, who.subject).chars().take(320).collect(),
        method: Method::Oidc,
        refresh: matches!(flow.kind, FlowKind::Login { refresh: Some(_), .. }),
        origin: caller.origin(),
    }
}

fn refused(flow: Flow, message: Message) -> Step {
    Step::Form(Box::new(flow.with_message(message)))
}

/// The newest tokens of a link replace the older ones.
fn tokens(room: Room<'_>, known: &Link, who: &ProvenElsewhere, change: Change<Write>) -> Change<Write> {
    let Some(newer) = &who.tokens else { return change };
    let tokens = known.tokens.as_ref().map_or_else(|| newer.clone(), |older| older.renewed(newer));
    change.write(Write::ReplaceLinkTokens {
        provider: known.provider.clone(),
        subject: known.subject.clone(),
        tokens: Box::new(tokens),
        version: known.version,
        at: room.now,
    })
}
