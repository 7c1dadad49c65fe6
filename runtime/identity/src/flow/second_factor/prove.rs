//! Proving a second factor: the session of the first one becomes worth more.
//!
//! | check | otherwise |
//! |---|---|
//! | 1 whoever began it is signed in | 401, 403 |
//! | 2 a code is there | the form again |
//! | 3 neither their attempts nor the address's are used up | 429 |
//! | 4 the code is right and was not used | the form again |
//! | 5 the tenant's plugins let them in | the form again |
//! | 6 nobody used the factor meanwhile, and the session is live | decided again |

use primitives::{Actor, Change, SessionClaims};

use super::{audit, proven};
use crate::factor::lookup_secret::Unusable;
use crate::factor::{FactorKind, find};
use crate::flow::{Caller, Flow, FlowError, FlowKind, Message, Room, Step, Submission};
use crate::hooks::{LoginAttempt, LoginOutcome};
use crate::limiter::{count_attempt, count_second_factor, forgive_attempt, forgive_second_factor};
use crate::session::{LiveSession, Method};
use crate::write::Write;

pub(in crate::flow) async fn prove(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
    kind: Option<FactorKind>,
) -> Result<Step, FlowError> {
    let live = owner(&flow, caller)?;
    let identity = live.identity();
    let Some(kind) = kind else {
        return Ok(Step::Form(Box::new(flow.tried(None).with_message(Message::no_strategy("login")))));
    };
    let mut flow = flow.tried(Some(kind.method()));
    let (field, typed) = match kind {
        FactorKind::Totp => ("totp_code", submission.factors.totp_code),
        FactorKind::LookupSecret => ("lookup_secret", submission.factors.lookup_secret),
    };
    let Some(typed) = typed.filter(|typed| !typed.trim().is_empty()) else {
        flow.refuse_field(field, Message::missing(field));
        return Ok(Step::Form(Box::new(flow)));
    };
    let limits = &room.settings.limits;
    let who = (caller.address, None);
    count_attempt(room.attempts, limits, room.tenant, who, room.now).await?;
    count_second_factor(room.attempts, limits, room.tenant, identity.id, room.now).await?;
    let factors = room.factors.list_factors(room.tenant, identity.id).await?;
    let consumed = find(&factors, kind).ok_or_else(|| absent(kind)).and_then(|stored| {
        let factor = stored.factor.consume(&typed, room.now).map_err(|error| unusable(kind, error))?;
        Ok(Write::SetFactor { identity: identity.id, factor, replaces: Some(stored.version), at: room.now })
    });
    let write = match consumed {
        Ok(write) => write,
        Err(message) => {
            flow.refuse_field(field, message);
            return Ok(Step::Form(Box::new(flow)));
        }
    };
    let claims = match allowed(room, caller, &flow, kind.method()).await? {
        LoginOutcome::Allow { claims } => claims,
        LoginOutcome::RequireSecondFactor => SessionClaims::default(),
        LoginOutcome::Deny { message } => {
            return Ok(Step::Form(Box::new(flow.with_message(Message::generic(&message)))));
        }
    };
    forgive_attempt(room.attempts, limits, room.tenant, who, room.now).await;
    forgive_second_factor(room.attempts, limits, room.tenant, identity.id, room.now).await;
    let change = Change::new(room.tenant.clone()).write(write).audit(audit(
        "session.second_factor",
        live,
        kind.method(),
    ));
    let (session, change) = proven(room, live, kind.method(), claims, change);
    Ok(Step::Refreshed { session, change })
}

/// The session of whoever the form asks.
pub(super) fn owner<'a>(flow: &Flow, caller: Caller<'a>) -> Result<&'a LiveSession, FlowError> {
    let Some(step_up) = &flow.factors.step_up else { return Err(FlowError::SessionRequired) };
    let live = caller.session.ok_or(FlowError::SessionRequired)?;
    if live.identity().id == step_up.identity { Ok(live) } else { Err(FlowError::IdentityMismatch) }
}

/// What the form says of a code that does not count.
fn unusable(kind: FactorKind, unusable: Unusable) -> Message {
    match (kind, unusable) {
        (FactorKind::Totp, Unusable::Wrong | Unusable::Used) => Message::wrong_totp_code(),
        (FactorKind::LookupSecret, Unusable::Wrong) => Message::wrong_lookup_secret(),
        (FactorKind::LookupSecret, Unusable::Used) => Message::used_lookup_secret(),
    }
}

fn absent(kind: FactorKind) -> Message {
    match kind {
        FactorKind::Totp => Message::no_totp_device(),
        FactorKind::LookupSecret => Message::no_lookup_secrets(),
    }
}

/// What the tenant's plugins say, who see that a second factor was proven by its method.
pub(super) async fn allowed(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: &Flow,
    method: Method,
) -> Result<LoginOutcome, FlowError> {
    let Some(live) = caller.session else { return Err(FlowError::SessionRequired) };
    let identity = live.identity();
    let held = room.identities.list_identifiers(room.tenant, identity.id).await?;
    let attempt = LoginAttempt {
        identifier: held.into_iter().next().unwrap_or_default(),
        method,
        refresh: matches!(flow.kind, FlowKind::Login { refresh: Some(_), .. }),
        origin: caller.origin(),
    };
    let context = room.hook_context(Actor::Subject(identity.id), Some(identity));
    Ok(room.hooks.after_login(&context, &attempt, identity).await?)
}
