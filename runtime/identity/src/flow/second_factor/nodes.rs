//! The nodes of second factors, as the flow API has them.

use primitives::Timestamp;
use serde_json::{Value, json};

use super::{LookupForm, TotpForm, code};
use crate::factor::lookup_secret::{LookupSecret, LookupSecrets};
use crate::factor::totp::TotpSecret;
use crate::factor::{FactorKind, qr};
use crate::flow::document::{Input, submit};
use crate::flow::{Flow, Message, Transport};

/// Those of a sign-in that asks for a second factor, or of a settings form.
pub(in crate::flow) fn nodes(flow: &Flow) -> Vec<Value> {
    let form = &flow.factors;
    if let Some(step_up) = &form.step_up {
        let proofs = step_up.kinds.iter().flat_map(|kind| proof(*kind, flow));
        let nodes = trust(step_up.trust_days, flow).into_iter().chain(proofs);
        return nodes.chain(code::nodes(&step_up.addresses, flow)).collect();
    }
    let mut nodes = match &form.totp {
        TotpForm::Hidden => Vec::new(),
        TotpForm::Offered { secret, issuer, account } => offered(secret, &secret.uri(issuer, account), flow),
        TotpForm::Set => vec![button("totp_unlink", "totp", Message::unlink_totp(), flow)],
    };
    let lookup = |name, message| button(name, "lookup_secret", message, flow);
    let regenerate = || lookup("lookup_secret_regenerate", Message::regenerate_lookup_secrets());
    let disable = || lookup("lookup_secret_disable", Message::disable_lookup_secrets());
    nodes.extend(match &form.lookup_secret {
        LookupForm::Hidden => Vec::new(),
        LookupForm::Absent => vec![regenerate()],
        LookupForm::Set => {
            vec![lookup("lookup_secret_reveal", Message::reveal_lookup_secrets()), disable()]
        }
        LookupForm::Revealed(codes) => vec![list(codes), regenerate(), disable()],
        LookupForm::Proposed(codes) => {
            vec![list(codes), lookup("lookup_secret_confirm", Message::confirm_lookup_secrets())]
        }
    });
    nodes
}

/// Asks whether the device is trusted: of every form that proves a factor in a browser.
fn trust(days: u32, flow: &Flow) -> Option<Value> {
    let asks = days > 0 && flow.transport == Transport::Browser;
    let input = || Input::new("trust_device", "checkbox").value("true");
    asks.then(|| input().node("default", Some(Message::trust_device(days)), flow))
}

fn proof(kind: FactorKind, flow: &Flow) -> [Value; 2] {
    let (name, label, action) = match kind {
        FactorKind::Totp => ("totp_code", Message::totp_code_label(), Message::sign_in_with_totp()),
        FactorKind::LookupSecret => {
            ("lookup_secret", Message::lookup_secret_label(), Message::sign_in_with_lookup_secret())
        }
    };
    let mut input = Input::new(name, "text").required();
    if kind == FactorKind::Totp {
        input = input.autocomplete("one-time-code");
    }
    [input.node(kind.as_str(), Some(label), flow), submit(kind.as_str(), kind.as_str(), action, flow)]
}

fn offered(secret: &TotpSecret, uri: &str, flow: &Flow) -> Vec<Value> {
    let image = qr::data_url(uri).map(|src| {
        let attributes =
            json!({ "src": src, "id": "totp_qr", "width": 256, "height": 256, "node_type": "img" });
        node("img", "totp", &attributes, &Message::totp_qr_label())
    });
    let text = Message::totp_secret(&secret.base32());
    let attributes = json!({ "text": text, "id": "totp_secret_key", "node_type": "text" });
    let code = Input::new("totp_code", "text").required().autocomplete("one-time-code");
    image
        .into_iter()
        .chain([
            node("text", "totp", &attributes, &Message::totp_secret_label()),
            code.node("totp", Some(Message::verify_code_label()), flow),
            submit("totp", "totp", Message::save(), flow),
        ])
        .collect()
}

fn list(codes: &LookupSecrets) -> Value {
    let one = |code: &LookupSecret| match code.used_at() {
        None => Message::lookup_secret(code.expose()),
        Some(at) => Message::lookup_secret_was_used(Timestamp::rfc3339(at)),
    };
    let each: Vec<Message> = codes.list().iter().map(one).collect();
    let text = Message::lookup_secret_list(&each);
    let attributes = json!({ "text": text, "id": "lookup_secret_codes", "node_type": "text" });
    node("text", "lookup_secret", &attributes, &Message::lookup_secrets_label())
}

/// A button that says what it does by its own name.
fn button(name: &str, group: &str, label: Message, flow: &Flow) -> Value {
    Input::new(name, "submit").value("true").node(group, Some(label), flow)
}

fn node(kind: &str, group: &str, attributes: &Value, label: &Message) -> Value {
    json!({
        "type": kind,
        "group": group,
        "attributes": attributes,
        "messages": [],
        "meta": { "label": label },
    })
}
