//! Signing up with a security key alone: the traits and the key come together, as Kratos' forms send them.

use super::register::register;
use super::sign_up::{Newcomer, check_traits, sign_up};
use super::{NamedForm, key_name};
use crate::flow::{Caller, Flow, FlowError, Message, Room, Step, Submission};
use crate::limiter::count_attempt;
use crate::session::Method;
use crate::webauthn::KeyKind;

pub(in crate::flow) async fn with_security_key(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    if !room.settings.registration_enabled {
        return Err(FlowError::RegistrationDisabled);
    }
    let mut flow = flow.tried(Some(Method::Webauthn));
    flow.values = submission.traits.unwrap_or_default();
    let NamedForm::SignUp { identity, ceremony } = flow.factors.named.clone() else {
        return Ok(super::not_asked(flow, "registration"));
    };
    if !room.settings.webauthn.signs_in() {
        return Ok(super::not_asked(flow, "registration"));
    }
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;
    let (mut flow, checked) = match check_traits(room, flow) {
        Ok(checked) => checked,
        Err(flow) => return Ok(Step::Form(flow)),
    };
    let Some(answer) = submission.keys.webauthn_register else {
        flow.refuse_field("webauthn_register", Message::missing("webauthn_register"));
        return Ok(Step::Form(Box::new(flow)));
    };
    let new = match register(room, &ceremony, KeyKind::Passwordless, &answer) {
        Ok(new) => new,
        Err(message) => {
            return Ok(Step::Form(Box::new(flow.with_new_challenge(room).with_message(message))));
        }
    };
    let name = key_name(submission.keys.webauthn_register_displayname);
    sign_up(
        room,
        caller,
        flow,
        checked,
        Newcomer { id: identity, key: new, kind: KeyKind::Passwordless, name },
    )
    .await
}
