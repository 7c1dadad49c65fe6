//! The nodes of other providers, as the flow API has them.

use serde_json::Value;

use super::form::{Until, Waiting};
use crate::flow::document::{FlowView, Input, trait_node};
use crate::flow::{Flow, Message};
use crate::providers::Offer;
use crate::session::Method;

const GROUP: &str = "oidc";

/// The buttons of a sign-in. An account that must be proven is not proven by the very provider that waits for it.
pub(in crate::flow) fn login_nodes(flow: &Flow, view: FlowView<'_>) -> Vec<Value> {
    let waiting = flow.federation.waiting().map(|waiting| waiting.who.provider.as_str());
    let offered = offered(flow, view).filter(|offer| Some(offer.id.as_str()) != waiting);
    let label = |offer: &Offer| match waiting {
        Some(_) => Message::confirm_with_provider(&offer.label, &offer.id),
        None => Message::sign_in_with_provider(&offer.label, &offer.id),
    };
    offered.map(|offer| button("provider", offer, label(offer), flow)).collect()
}

/// The buttons of a sign-up.
pub(in crate::flow) fn registration_nodes(flow: &Flow, view: FlowView<'_>) -> Vec<Value> {
    let label = |offer: &Offer| Message::sign_up_with_provider(&offer.label, &offer.id);
    offered(flow, view).map(|offer| button("provider", offer, label(offer), flow)).collect()
}

/// What a sign-up still asks for: the fields that the provider did not fill; the others are shown.
pub(in crate::flow) fn completion_nodes(flow: &Flow, view: FlowView<'_>) -> Vec<Value> {
    let Some(Waiting { who, until: Until::Completed { open }, .. }) = flow.federation.waiting() else {
        return Vec::new();
    };
    let mut nodes = Vec::new();
    for field in view.schema.fields() {
        let mut node = trait_node(field, &flow.values, "default", flow);
        if !open.contains(&field.name)
            && let Some(attributes) = node.get_mut("attributes").and_then(Value::as_object_mut)
        {
            attributes.insert("disabled".to_owned(), true.into());
        }
        nodes.push(node);
    }
    let hidden = Input::new("provider", "hidden").value(who.provider.as_str());
    nodes.push(hidden.node("default", None, flow));
    nodes.push(Input::new("method", "submit").value(GROUP).node(
        "default",
        Some(Message::go_on_registration()),
        flow,
    ));
    nodes
}

/// The buttons that link an account and unlink it.
pub(in crate::flow) fn settings_nodes(flow: &Flow, view: FlowView<'_>) -> Vec<Value> {
    let linked = |offer: &&Offer| flow.federation.linked.contains(&offer.id);
    let mut nodes = Vec::new();
    for offer in open_to_all(view).filter(|offer| !linked(offer)) {
        nodes.push(button("link", offer, Message::link_provider(&offer.label, &offer.id), flow));
    }
    if flow.federation.may_unlink {
        for offer in view.providers.iter().filter(linked) {
            nodes.push(button("unlink", offer, Message::unlink_provider(&offer.label, &offer.id), flow));
        }
    }
    nodes
}

/// The connection of the organisation that the form is for comes first; those of everybody, where it takes them.
fn offered<'a>(flow: &'a Flow, view: FlowView<'a>) -> impl Iterator<Item = &'a Offer> {
    let own = flow.discovered.as_ref();
    let takes_others = own.is_none_or(|own| own.offers(Method::Oidc));
    let connection = own.and_then(|own| own.connection.as_ref());
    connection.into_iter().chain(open_to_all(view).filter(move |_| takes_others))
}

/// A provider of one organisation is not shown to everybody: who it is for finds it by their organisation.
fn open_to_all(view: FlowView<'_>) -> impl Iterator<Item = &Offer> {
    view.providers.iter().filter(|offer| offer.organisation.is_none())
}

fn button(name: &str, offer: &Offer, label: Message, flow: &Flow) -> Value {
    Input::new(name, "submit").value(offer.id.as_str()).node(GROUP, Some(label), flow)
}
