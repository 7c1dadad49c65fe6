//! The check that a person is there, on the forms that ask for it: which submissions, in which order, and the widget's nodes.
//!
//! It comes first. Whoever brings no proof has no password hashed, has nothing sent, and counts against no identifier:
//! scripts lock nobody out. Showing a proof to the service costs us a request, so each counts against the address that it
//! came from until the service says that it is good; what it is good for then counts as it ever did.
//!
//! | submission | asked |
//! |---|---|
//! | a password, to sign in or up | each time: it is hashed |
//! | an address to which a code or a link goes, and the same once more | each time: it is sent |
//! | a new account with a passkey | once, before the ceremony begins |
//! | a code or a link that was sent, the passkey of a ceremony | no: they are what an asked-for step led to, and tries of them count |
//! | an existing passkey; a second factor; who it is, without a proof | no: nothing is hashed or sent, or who it is is known |
//! | another provider | no: it has checks of its own |

use serde_json::{Value, json};

use super::address_choice::SaidAddress;
use super::document::{FlowView, Input};
use super::{
    Caller, Challenge, Flow, FlowError, FlowKind, Message, Room, Screen, SentLink, Step, Submission,
    Transport, keys,
};
use crate::captcha::{CaptchaProof, CaptchaVerdict, PROOF_BYTES};
use crate::limiter::{count_attempt, forgive_attempt};
use crate::settings::{CaptchaFailure, CaptchaFlow, CaptchaSettings};

/// Whether somebody may go on with what they submitted; else the form that says why not.
pub(super) async fn check(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: &Flow,
    submission: &Submission,
) -> Result<Option<Step>, FlowError> {
    let Some(settings) = room.settings.captcha.as_ref().filter(|settings| asks(settings, flow)) else {
        return Ok(None);
    };
    if !is_asked(flow, submission) {
        return Ok(None);
    }
    let again =
        |message: Message| Ok(Some(Step::Form(Box::new(typed(flow, submission).with_message(message)))));
    let response = submission.captcha.as_deref().map(str::trim).filter(|response| !response.is_empty());
    let Some(response) = response.filter(|response| response.len() <= PROOF_BYTES) else {
        return again(Message::captcha_failed());
    };
    let (limits, who) = (&room.settings.limits, (caller.address, None));
    count_attempt(room.attempts, limits, room.tenant, who, room.now).await?;
    let proof = CaptchaProof {
        tenant: room.tenant,
        settings,
        response,
        address: caller.address,
        flow: flow.kind.as_str(),
    };
    match (room.captcha.verify(proof).await, settings.on_failure) {
        (CaptchaVerdict::Passed, _) | (CaptchaVerdict::Unavailable, CaptchaFailure::Allow) => {
            forgive_attempt(room.attempts, limits, room.tenant, who, room.now).await;
            Ok(None)
        }
        (CaptchaVerdict::Refused, _) => again(Message::captcha_failed()),
        (CaptchaVerdict::Unavailable, CaptchaFailure::Deny) => again(Message::captcha_unavailable()),
    }
}

/// Whether the tenant has forms of this kind ask.
fn asks(settings: &CaptchaSettings, flow: &Flow) -> bool {
    let kind = match &flow.kind {
        FlowKind::Login { .. } if flow.is_step_up() => return false,
        FlowKind::Login { .. } => CaptchaFlow::Login,
        FlowKind::Registration { .. } => CaptchaFlow::Registration,
        FlowKind::Recovery { .. } => CaptchaFlow::Recovery,
        FlowKind::Verification { .. } => CaptchaFlow::Verification,
        FlowKind::Settings { .. } => return false,
    };
    settings.flows.contains(&kind) && (settings.native || flow.transport == Transport::Browser)
}

/// Whether a submission costs something: the table above. What is not in it is asked.
fn is_asked(flow: &Flow, submission: &Submission) -> bool {
    let is_given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    if flow.kind.challenge().is_some() {
        return !matches!(SaidAddress::read(flow, submission), None | Some(SaidAddress::Back));
    }
    match (&flow.kind, submission.method.as_deref()) {
        (_, None | Some("oidc" | "identifier_first" | "profile"))
        | (FlowKind::Login { .. }, Some("passkey")) => false,
        (FlowKind::Registration { .. }, Some("passkey")) => {
            !(matches!(flow.factors.keys, keys::KeyForm::SignUp { .. }) && submission.keys.signs_up())
        }
        (kind, Some("code")) => {
            // Attack: whoever signs up sends the token of no link, which is nothing there, and other traits: they are sent a code.
            let by_link = matches!(kind, FlowKind::Login { .. }) && is_given(&submission.token);
            let is_said = is_given(&submission.code) || by_link;
            !(flow.code.sent.is_some() && is_said && !is_given(&submission.resend))
        }
        (_, Some(_)) => true,
    }
}

/// The form with what was typed, but for secrets: whoever is asked again types no address twice.
fn typed(flow: &Flow, submission: &Submission) -> Flow {
    let active = flow.active;
    let mut flow = flow.clone().tried(active);
    // Attack: a code waits for somebody else than the form then says.
    if flow.code.sent.is_some() {
        return flow;
    }
    match &mut flow.kind {
        FlowKind::Login { identifier, .. } => {
            if let Some(typed) = &submission.identifier {
                *identifier = typed.chars().take(320).collect();
            }
        }
        FlowKind::Registration { .. } => {
            if let Some(traits) = &submission.traits {
                flow.values.clone_from(traits);
            }
        }
        FlowKind::Settings { .. } | FlowKind::Verification { .. } | FlowKind::Recovery { .. } => {}
    }
    flow
}

/// Puts the widget before the buttons, if the form has something to submit that is asked for it.
pub(super) fn with_nodes(mut nodes: Vec<Value>, flow: &Flow, view: FlowView<'_>) -> Vec<Value> {
    let Some(settings) = view.captcha.filter(|settings| asks(settings, flow) && may_be_asked(flow)) else {
        return nodes;
    };
    // Other providers have forms of their own on pages, which do not ask.
    let text = |node: &Value, place: &str| {
        node.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let is_button =
        |node: &Value| text(node, "/attributes/type") == "submit" && text(node, "/group") != "oidc";
    let at = nodes.iter().position(is_button).unwrap_or(nodes.len());
    nodes.splice(at..at, widget(settings, flow));
    nodes
}

/// Whether the form, as far as it is, has a submission that is asked.
fn may_be_asked(flow: &Flow) -> bool {
    if flow.link.as_ref().and_then(SentLink::opened).is_some() {
        return false;
    }
    match &flow.kind {
        FlowKind::Recovery { challenge } | FlowKind::Verification { challenge } => match challenge {
            Challenge::ChooseMethod | Challenge::ChooseAddress(_) => true,
            // What an operator gave was sent nowhere, and is sent nowhere else.
            Challenge::SentEmail(sent) => !sent.address.is_empty(),
            Challenge::PassedChallenge => false,
        },
        FlowKind::Registration { .. } if flow.federation.is_completing() => false,
        FlowKind::Login { .. } | FlowKind::Registration { .. } => {
            flow.code.sent.is_some() || !matches!(flow.screen, Screen::Identifier | Screen::Profile)
        }
        FlowKind::Settings { .. } => false,
    }
}

/// The widget: its script, with what it is drawn, and the field that takes what it hands over.
fn widget(settings: &CaptchaSettings, flow: &Flow) -> Vec<Value> {
    const GROUP: &str = "captcha";
    let facts = settings.provider.facts();
    let options = json!({
        "sitekey": settings.site_key,
        "action": flow.kind.as_str(),
        "theme": "auto",
        "response_field_name": facts.node,
        // Ours: for pages that let the service's script find its place.
        "class": facts.class,
    });
    let script = json!({
        "type": "script",
        "group": GROUP,
        "attributes": {
            "src": settings.effective_script(),
            "async": true,
            "referrerpolicy": "strict-origin-when-cross-origin",
            "crossorigin": "",
            // The service changes its script when it likes.
            "integrity": "",
            "type": "text/javascript",
            "id": "captcha_script",
            "nonce": "",
            "node_type": "script",
        },
        "messages": [],
        "meta": {},
    });
    let mut nodes = Vec::new();
    if flow.transport == Transport::Browser {
        nodes.push(script);
    }
    nodes.push(Input::new(facts.options_node, "hidden").value(options.to_string()).node(
        GROUP,
        Some(Message::captcha_label()),
        flow,
    ));
    nodes.push(Input::new(facts.node, "hidden").value("").node(GROUP, None, flow));
    nodes
}
