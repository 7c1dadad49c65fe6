//! The nodes of passkeys and security keys, as the flow API has them.
//!
//! A button that only a script can press names the function of the script that it is for (`onclickTrigger`), and so
//! does what a script does by itself (`onloadTrigger`). The deprecated `onclick` and `onload` are calls of the same
//! functions, for pages that still evaluate them.

use serde_json::{Value, json};

use super::{Ceremony, KeyForm, NamedForm, SettingsKeys, ShownKey};
use crate::flow::document::{FlowView, Input, submit};
use crate::flow::{Flow, Message, Transport};

const PASSKEY: &str = "passkey";
const WEBAUTHN: &str = "webauthn";
/// Where the script is served, below the tenant's base URL.
const SCRIPT_PATH: &str = "/.well-known/ory/webauthn.js";

/// Those of a form.
pub(in crate::flow) fn nodes(flow: &Flow, view: FlowView<'_>) -> Vec<Value> {
    let mut nodes = match &flow.factors.keys {
        KeyForm::Hidden => return Vec::new(),
        KeyForm::SignIn(ceremony) => vec![
            hidden("passkey_challenge", Some(ceremony.options.as_str()), PASSKEY, flow),
            hidden("passkey_login", None, PASSKEY, flow),
            trigger("passkey_login_trigger", "oryPasskeyLogin")
                .attribute("onload", "window.oryPasskeyLoginAutocompleteInit()")
                .attribute("onloadTrigger", "oryPasskeyLoginAutocompleteInit")
                .node(PASSKEY, Some(Message::sign_in_with_passkey()), flow),
        ],
        KeyForm::Prove(ceremony) => vec![
            hidden("webauthn_login", None, WEBAUTHN, flow),
            trigger_with("webauthn_login_trigger", "oryWebAuthnLogin", ceremony).node(
                WEBAUTHN,
                Some(Message::sign_in_with_security_key()),
                flow,
            ),
        ],
        // Nothing to run yet: the button is a submit.
        KeyForm::Offered => return vec![submit(PASSKEY, PASSKEY, Message::sign_up_with_passkey(), flow)],
        KeyForm::SignUp { ceremony, .. } => vec![
            Input::new("passkey_register", "hidden")
                .attribute("onload", "window.oryPasskeyRegistration()")
                .attribute("onloadTrigger", "oryPasskeyRegistration")
                .node(PASSKEY, None, flow),
            hidden("passkey_create_data", Some(ceremony.options.as_str()), PASSKEY, flow),
            submit(PASSKEY, PASSKEY, Message::sign_up_with_passkey(), flow),
        ],
        KeyForm::Settings(keys) => of_settings(keys, flow),
    };
    if flow.transport == Transport::Browser {
        nodes.push(script(view));
    }
    nodes
}

/// Those of security keys that sign in alone.
pub(in crate::flow) fn named_nodes(flow: &Flow, view: FlowView<'_>) -> Vec<Value> {
    let mut nodes = match &flow.factors.named {
        NamedForm::Hidden => return Vec::new(),
        // Nothing to run yet: the button is a submit.
        NamedForm::Offered => {
            return vec![submit(WEBAUTHN, WEBAUTHN, Message::sign_in_with_named_key(), flow)];
        }
        NamedForm::Asked(ceremony) => vec![
            hidden("webauthn_login", None, WEBAUTHN, flow),
            trigger_with("webauthn_login_trigger", "oryWebAuthnLogin", ceremony).node(
                WEBAUTHN,
                Some(Message::continue_with_security_key()),
                flow,
            ),
        ],
        // Whoever signs up with a passkey has said so.
        NamedForm::SignUp { .. } if matches!(flow.factors.keys, KeyForm::SignUp { .. }) => return Vec::new(),
        NamedForm::SignUp { ceremony, .. } => {
            new_key(ceremony, Message::sign_up_with_security_key(), flow).into()
        }
    };
    if flow.transport == Transport::Browser {
        nodes.push(script(view));
    }
    nodes
}

/// A new security key with its name.
fn new_key(ceremony: &Ceremony, label: Message, flow: &Flow) -> [Value; 3] {
    [
        Input::new("webauthn_register_displayname", "text").attribute("maxlength", 64).node(
            WEBAUTHN,
            Some(Message::security_key_name()),
            flow,
        ),
        hidden("webauthn_register", None, WEBAUTHN, flow),
        trigger_with("webauthn_register_trigger", "oryWebAuthnRegistration", ceremony).node(
            WEBAUTHN,
            Some(label),
            flow,
        ),
    ]
}

fn of_settings(form: &SettingsKeys, flow: &Flow) -> Vec<Value> {
    let of = |group: &'static str| form.keys.iter().filter(move |key| key.kind.group() == group);
    let mut nodes: Vec<Value> = of(WEBAUTHN).map(|key| remove("webauthn_remove", key, flow)).collect();
    if let Some(ceremony) = &form.webauthn {
        nodes.extend(new_key(ceremony, Message::add_security_key(), flow));
    }
    nodes.extend(of(PASSKEY).map(|key| remove("passkey_remove", key, flow)));
    if let Some(ceremony) = &form.passkey {
        nodes.extend([
            trigger("passkey_register_trigger", "oryPasskeySettingsRegistration").node(
                PASSKEY,
                Some(Message::add_passkey()),
                flow,
            ),
            hidden("passkey_settings_register", None, PASSKEY, flow),
            hidden("passkey_create_data", Some(ceremony.options.as_str()), PASSKEY, flow),
        ]);
    }
    nodes
}

fn hidden(name: &str, value: Option<&str>, group: &str, flow: &Flow) -> Value {
    let input = Input::new(name, "hidden");
    let input = match value {
        Some(value) => input.value(value),
        None => input,
    };
    input.node(group, None, flow)
}

/// A button for a function that finds what it needs in the form.
fn trigger(name: &str, function: &str) -> Input {
    Input::new(name, "button")
        .value("")
        .attribute("onclick", format!("window.{function}()"))
        .attribute("onclickTrigger", function)
}

/// A button for a function that finds what it needs in the button.
fn trigger_with(name: &str, function: &str, ceremony: &Ceremony) -> Input {
    Input::new(name, "button")
        .value(ceremony.options.as_str())
        .attribute("onclick", format!("window.{function}({})", ceremony.options))
        .attribute("onclickTrigger", function)
}

fn remove(name: &str, key: &ShownKey, flow: &Flow) -> Value {
    let called = if key.name.is_empty() { "unnamed" } else { key.name.as_str() };
    let label = if key.kind.group() == PASSKEY {
        Message::remove_passkey(called, key.added_at)
    } else {
        Message::remove_security_key(called, key.added_at)
    };
    let node = Input::new(name, "submit").value(key.id.hex());
    let node = if key.is_last { node.disabled() } else { node };
    node.node(key.kind.group(), Some(label), flow)
}

fn script(view: FlowView<'_>) -> Value {
    json!({
        "type": "script",
        "group": WEBAUTHN,
        "attributes": {
            "src": format!("{}{SCRIPT_PATH}", view.base_url),
            "async": true,
            "referrerpolicy": "no-referrer",
            "crossorigin": "anonymous",
            "integrity": view.script_integrity,
            "type": "text/javascript",
            "id": "webauthn_script",
            // A page takes the integrity, or a nonce of its own.
            "nonce": "",
            "node_type": "script",
        },
        "messages": [],
        "meta": {},
    })
}
