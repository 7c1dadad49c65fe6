//! What a tenant's plugins say of whoever signs in, before the proof and after it: the same for each first factor.

use primitives::{Actor, SessionClaims};

use super::{Flow, FlowError, Message, Room, Step, second_factor};
use crate::hooks::{LoginAttempt, LoginDecision, LoginOutcome};
use crate::identity::Identity;
use crate::return_to::ReturnTo;

/// Why somebody may not try.
pub(super) enum Stopped {
    Told(Message),
    Elsewhere(ReturnTo),
}

impl Stopped {
    /// What becomes of the form.
    pub(super) fn step(self, flow: Flow) -> Step {
        match self {
            Self::Told(message) => Step::Form(Box::new(flow.with_message(message))),
            Self::Elsewhere(url) => Step::Elsewhere(url),
        }
    }
}

/// Whether the plugins let anybody try. Asked before anything is known of the account, so that the answer cannot tell.
pub(super) async fn check_attempt(
    room: Room<'_>,
    attempt: &LoginAttempt,
) -> Result<Option<Stopped>, FlowError> {
    let context = room.hook_context(Actor::Anonymous, None);
    Ok(match room.hooks.before_login(&context, attempt).await? {
        LoginDecision::Allow => None,
        LoginDecision::Deny { message } => Some(Stopped::Told(Message::generic(&message))),
        LoginDecision::Redirect { url } => Some(Stopped::Elsewhere(room.check_login_redirect(&url)?)),
    })
}

/// How somebody is let in.
pub(super) struct Admitted {
    /// What is said of the session.
    pub(super) claims: SessionClaims,
    /// Whether the session is worth nothing until a second factor is proven.
    pub(super) demands_second_factor: bool,
}

/// Whether the plugins let in whoever has proven to be `identity`; otherwise what the form says. `left` is the account as the
/// proof leaves it: who has a second factor there proves it next where the plugins demand one.
pub(super) async fn admit(
    room: Room<'_>,
    attempt: &LoginAttempt,
    (identity, left): (&Identity, &Identity),
) -> Result<Result<Admitted, Message>, FlowError> {
    let context = room.hook_context(Actor::Subject(identity.id), Some(identity));
    Ok(match room.hooks.after_login(&context, attempt, identity).await? {
        LoginOutcome::Allow { claims } => Ok(Admitted { claims, demands_second_factor: false }),
        LoginOutcome::Deny { message } => Err(Message::generic(&message)),
        LoginOutcome::RequireSecondFactor if second_factor::is_next(room, left, attempt.method) => {
            Ok(Admitted { claims: SessionClaims::default(), demands_second_factor: true })
        }
        LoginOutcome::RequireSecondFactor => Err(Message::second_factor_required()),
    })
}
