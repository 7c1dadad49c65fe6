//! Forms that ask in two steps: who it is and then for a proof, or the profile and then for a credential.
//!
//! Attack: somebody learns at the first step who has an account, or with what. So it looks nobody up: the second step
//! offers what the tenant has, or what the organisation takes that has proven the address's domain
//! ([`crate::organisation::discovery`]), to everybody.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{Input, submit};
use super::{Caller, Flow, FlowError, FlowKind, Message, Room, Step, Submission, Transport, oidc};
use crate::organisation::Discovered;
use crate::settings::{LoginStyle, RegistrationStyle, Settings};

/// What a form to sign in or up asks for now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Screen {
    /// Everything.
    #[default]
    Whole,
    /// Who it is.
    Identifier,
    /// The profile.
    Profile,
    /// How it is proven, or what is signed in with.
    Credentials,
}

impl Screen {
    /// What a new form asks for.
    pub(super) const fn begin(kind: &FlowKind, settings: &Settings) -> Self {
        match (kind, settings.login.style, settings.registration.style) {
            (FlowKind::Login { refresh: None, .. }, LoginStyle::IdentifierFirst, _) => Self::Identifier,
            (FlowKind::Registration { .. }, _, RegistrationStyle::ProfileFirst) => Self::Profile,
            _ => Self::Whole,
        }
    }
}

/// Says who it is. An organisation that has proven the domain of the address sends the browser on, or says what it takes.
pub(super) async fn identify(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let mut flow = flow.tried(None);
    if flow.screen == Screen::Whole {
        return Ok(Step::Form(Box::new(flow.with_message(Message::no_strategy("login")))));
    }
    let typed = submission.identifier.filter(|typed| !typed.trim().is_empty());
    let Some(typed) = typed else {
        flow.screen = Screen::Identifier;
        flow.refuse_field("identifier", Message::missing("identifier"));
        return Ok(Step::Form(Box::new(flow)));
    };
    flow.code.sent = None;
    flow.screen = Screen::Credentials;
    flow.discovered = Discovered::by_address(room, &typed).await?;
    if let FlowKind::Login { identifier, .. } = &mut flow.kind {
        *identifier = typed.chars().take(320).collect();
    }
    match flow.discovered.as_ref().and_then(Discovered::leads_to).map(|offer| offer.id.clone()) {
        Some(provider) if flow.transport == Transport::Browser => {
            oidc::send_on(room, caller, flow, &provider, typed.trim()).await
        }
        Some(_) | None => Ok(Step::Form(Box::new(flow))),
    }
}

/// Says who the new account is of, or goes back to that.
pub(super) fn profile(room: Room<'_>, flow: Flow, submission: Submission) -> Step {
    let mut flow = flow.tried(None);
    if flow.screen == Screen::Whole {
        return Step::Form(Box::new(flow.with_message(Message::no_strategy("registration"))));
    }
    (flow.code.sent, flow.code.password) = (None, None);
    if let Some(traits) = submission.traits {
        flow.values = traits;
    }
    if submission.screen.as_deref() == Some("previous") {
        flow.screen = Screen::Profile;
        return Step::Form(Box::new(flow));
    }
    if let Err(violations) = room.schema(&flow.schema).check_traits(flow.values.clone()) {
        flow.screen = Screen::Profile;
        for violation in &violations {
            flow.refuse_field(&violation.field, violation.into());
        }
        return Step::Form(Box::new(flow));
    }
    flow.screen = Screen::Credentials;
    Step::Form(Box::new(flow.with_message(Message::choose_credential())))
}

/// The button that goes from who it is to how they prove it.
pub(super) fn identified(flow: &Flow) -> Value {
    submit("identifier_first", "identifier_first", Message::go_on(), flow)
}

/// The button that goes from the profile to the credentials.
pub(super) fn profiled(flow: &Flow) -> Value {
    submit("profile", "profile", Message::sign_up(), flow)
}

/// The button that goes back.
pub(super) fn back(flow: &Flow) -> Option<Value> {
    let place = if flow.code.sent.is_some() { "credential-selection" } else { "previous" };
    (flow.screen == Screen::Credentials)
        .then(|| Input::new("screen", "submit").value(place).node("profile", Some(Message::back()), flow))
}
