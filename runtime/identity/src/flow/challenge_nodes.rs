//! The nodes of a form that proves an address, as the flow API has them: which address, then what was sent to it, then
//! the way on.

use serde_json::{Value, json};

use super::challenge::Purpose;
use super::document::{FlowView, Input, submit};
use super::{Challenge, Flow, FlowKind, Message, SentCode, SentLink};
use crate::settings::ProofMeans;

pub(super) fn nodes(challenge: &Challenge, flow: &Flow, view: FlowView<'_>) -> Vec<Value> {
    let group = match flow.means {
        ProofMeans::Code => "code",
        ProofMeans::Link => "link",
    };
    match challenge {
        Challenge::ChooseMethod => {
            vec![address("", group, flow), submit(group, group, Message::go_on(), flow)]
        }
        Challenge::ChooseAddress(choice) => choice.nodes(group, flow),
        Challenge::SentEmail(_) if flow.link.as_ref().and_then(SentLink::opened).is_some() => {
            // A scanner opens links and presses no buttons.
            vec![submit(group, group, Message::go_on(), flow)]
        }
        Challenge::SentEmail(sent) if flow.means == ProofMeans::Link => {
            // What an operator gave was sent nowhere, and is sent nowhere else.
            if sent.address.is_empty() {
                return Vec::new();
            }
            vec![address(&sent.address, group, flow), submit(group, group, Message::resend_link(), flow)]
        }
        Challenge::SentEmail(sent) => code(sent, group, flow),
        Challenge::PassedChallenge => {
            let base = view.base_url;
            let waiting = flow.login_challenge().map(|challenge| resume(base, challenge));
            let href = waiting.or_else(|| flow.return_to.clone()).unwrap_or_else(|| format!("{base}/"));
            let title = Message::go_on();
            vec![json!({
                "type": "a",
                "group": group,
                "attributes": { "node_type": "a", "id": "continue", "href": href, "title": title },
                "messages": [],
                "meta": { "label": title },
            })]
        }
    }
}

/// Where the authorization request that waits goes on.
fn resume(base: &str, challenge: &str) -> String {
    let challenge: String = url::form_urlencoded::byte_serialize(challenge.as_bytes()).collect();
    format!("{base}/oauth2/auth/resume?login_challenge={challenge}")
}

/// Under which name the form takes an address.
fn field(flow: &Flow) -> &'static str {
    let purpose = match flow.kind {
        FlowKind::Recovery { .. } => Purpose::Recovery,
        _ => Purpose::Verification,
    };
    purpose.field(flow.phones)
}

fn address(known: &str, group: &str, flow: &Flow) -> Value {
    // A number is no input of kind `email`, and what is filled in is whatever somebody goes by.
    let (kind, autocomplete, label) = match (flow.phones, &flow.kind) {
        (false, _) => ("email", "email", Message::email_label()),
        (true, FlowKind::Recovery { .. }) => ("text", "username", Message::recovery_address_label()),
        (true, _) => ("text", "username", Message::address_label()),
    };
    let mut input = Input::new(field(flow), kind).required().autocomplete(autocomplete);
    if !known.is_empty() {
        input = input.value(known);
    }
    input.node(group, Some(label), flow)
}

fn code(sent: &SentCode, group: &str, flow: &Flow) -> Vec<Value> {
    let mut input = Input::new("code", "text")
        .required()
        .autocomplete("one-time-code")
        .attribute("pattern", "[0-9]{6}")
        .attribute("maxlength", 6);
    if let Some(code) = flow.values.get("code") {
        input = input.value(code.clone());
    }
    // The same address again is no choice of another.
    let name = match field(flow) {
        "recovery_address" => "recovery_confirm_address",
        name => name,
    };
    let again = Input::new(name, "submit").value(sent.address.as_str());
    let mut nodes = vec![
        input.node(group, Some(Message::code_label(flow.kind.as_str())), flow),
        Input::new("method", "hidden").value(group).node(group, None, flow),
        submit(group, group, Message::go_on(), flow),
    ];
    // What an operator gave was sent nowhere.
    if !sent.address.is_empty() {
        nodes.push(again.node(group, Some(Message::resend_code()), flow));
    }
    nodes
}
