//! What clients see of a flow: its document with the form to render.

use primitives::Timestamp;
use primitives::subject::AssuranceLevel;
use serde_json::{Map, Value, json};

use super::{
    Flow, FlowKind, Message, Screen, SentLink, Transport, captcha, challenge_nodes, code_form, keys, oidc,
    screen, second_factor,
};
use crate::identity::Identity;
use crate::providers::Offer;
use crate::schema::{Field, Schema};
use crate::session::{Method, identity_document};
use crate::settings::CaptchaSettings;

/// What a flow's document needs besides the flow.
#[derive(Debug, Clone, Copy)]
pub struct FlowView<'a> {
    /// The tenant's public base URL, without a slash at its end.
    pub base_url: &'a str,
    /// The schema of the flow.
    pub schema: &'a Schema,
    /// The CSRF token for this browser; absent for native applications.
    pub csrf_token: Option<&'a str>,
    /// The identity of a settings flow.
    pub identity: Option<&'a Identity>,
    /// The other providers that forms offer.
    pub providers: &'a [Offer],
    /// The integrity (W3C Subresource Integrity) of the script that passkeys and security keys need.
    pub script_integrity: &'a str,
    /// The tenant's check that a person is there, if it has one.
    pub captcha: Option<&'a CaptchaSettings>,
}

/// The `loginFlow`, `registrationFlow` or `settingsFlow` document.
pub fn flow_document(flow: &Flow, view: FlowView<'_>) -> Value {
    let kind = flow.kind.as_str();
    let base = view.base_url;
    let mut document = json!({
        "id": flow.id,
        "type": flow.transport,
        "expires_at": flow.expires_at,
        "issued_at": flow.issued_at,
        "request_url": format!("{base}{}", flow.request),
        "ui": {
            "action": format!("{base}/self-service/{kind}?flow={}{}", flow.id, opened(flow)),
            "method": "POST",
            "nodes": captcha::with_nodes(nodes(flow, view), flow, view),
        },
    });
    if !flow.messages.is_empty()
        && let Some(ui) = document.get_mut("ui").and_then(Value::as_object_mut)
    {
        ui.insert("messages".to_owned(), json!(flow.messages));
    }
    if let Value::Object(fields) = &mut document {
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        if flow.kind.challenge().is_none() {
            put("organization_id", json!(flow.organisation));
        }
        if !flow.transient_payload.is_empty() {
            put("transient_payload", flow.transient_payload.to_value());
        }
        if let Some(return_to) = &flow.return_to {
            put("return_to", json!(return_to));
        }
        if let Some(active) = flow.active {
            // Flows that prove an address name their own ways, sessions the proof that it led to.
            let by_link = active == Method::LinkRecovery;
            put("active", if by_link { json!("link") } else { json!(active) });
        }
        if let Some(challenge) = flow.kind.login_challenge() {
            put("oauth2_login_challenge", json!(challenge));
        }
        match &flow.kind {
            FlowKind::Login { refresh, .. } => {
                let asked = if flow.is_step_up() { AssuranceLevel::Aal2 } else { AssuranceLevel::Aal1 };
                put("created_at", json!(flow.issued_at));
                put("updated_at", json!(flow.issued_at));
                put("refresh", json!(refresh.is_some()));
                put("requested_aal", json!(asked));
                put("state", json!(flow.code.state()));
            }
            FlowKind::Registration { .. } => {
                put("identity_schema", json!(flow.schema));
                put("state", json!(flow.code.state()));
            }
            FlowKind::Verification { challenge } | FlowKind::Recovery { challenge } => {
                put("state", json!(challenge.state()));
            }
            FlowKind::Settings { saved, .. } => {
                put("state", json!(if *saved { "success" } else { "show_form" }));
                if let Some(identity) = view.identity {
                    put("identity", identity_document(identity, &schema_url(base, &identity.schema_id)));
                }
            }
        }
    }
    document
}

/// The token of a link that was opened goes with whatever is sent from the form.
fn opened(flow: &Flow) -> String {
    flow.link.as_ref().and_then(SentLink::opened).map(|token| format!("&token={token}")).unwrap_or_default()
}

/// Where a schema is served: its id in base64url, since ids are the operator's free choice.
pub fn schema_url(base_url: &str, id: &str) -> String {
    format!("{base_url}/schemas/{}", primitives::base64url::encode(id))
}

/// The form's nodes in the order in which they are to be shown.
fn nodes(flow: &Flow, view: FlowView<'_>) -> Vec<Value> {
    let mut nodes = Vec::new();
    // Of a sign-in the other providers are first, as the flow API has them; one that has begun in another way asks for no
    // other.
    let is_open = !flow.is_step_up() && flow.code.sent.is_none() && !flow.factors.named.is_asked();
    if matches!(flow.kind, FlowKind::Login { .. }) && is_open {
        nodes.extend(oidc::login_nodes(flow, view));
    }
    let token = match flow.transport {
        Transport::Browser => view.csrf_token.unwrap_or_default(),
        Transport::Api => "",
    };
    nodes.push(Input::new("csrf_token", "hidden").value(token).required().node("default", None, flow));
    match &flow.kind {
        FlowKind::Login { .. } if flow.is_step_up() => {
            nodes.extend(second_factor::nodes(flow));
            nodes.extend(keys::nodes(flow, view));
        }
        FlowKind::Login { .. } if flow.code.sent.is_some() => nodes.extend(code_form::asked(flow)),
        FlowKind::Login { identifier, .. } if flow.factors.named.is_asked() => {
            let input = Input::new("identifier", "hidden").value(identifier.as_str()).required();
            nodes.push(input.node("default", None, flow));
            nodes.extend(keys::named_nodes(flow, view));
        }
        FlowKind::Login { identifier, refresh, .. } => {
            let label = identifier_label(view.schema);
            let is_known =
                (refresh.is_some() && !identifier.is_empty()) || flow.screen == Screen::Credentials;
            let kind = if is_known { "hidden" } else { "text" };
            let input = Input::new("identifier", kind).value(identifier.as_str()).required();
            // A browser offers passkeys in the field that says so, where it is asked for some. `username` alone would be
            // enough elsewhere, and clients that are a year old know no such word.
            nodes.push(input.autocomplete("username webauthn").node("default", Some(label), flow));
            if flow.screen == Screen::Identifier {
                nodes.push(screen::identified(flow));
                nodes.extend(keys::nodes(flow, view));
                return nodes;
            }
            let takes = |method| flow.discovered.as_ref().is_none_or(|own| own.offers(method));
            if takes(Method::Password) {
                let input = Input::new("password", "password").required().autocomplete("current-password");
                nodes.push(input.node("password", Some(Message::password_label()), flow));
                nodes.push(submit(
                    Method::Password.as_str(),
                    "password",
                    Message::sign_in_with_password(),
                    flow,
                ));
            }
            nodes.extend(code_form::offer(flow).filter(|_| takes(Method::Code)));
            if takes(Method::Passkey) {
                nodes.extend(keys::nodes(flow, view));
            }
            if takes(Method::Webauthn) {
                nodes.extend(keys::named_nodes(flow, view));
            }
        }
        FlowKind::Registration { .. } if flow.code.sent.is_some() => {
            for field in view.schema.fields() {
                nodes.extend(hidden_trait(field, flow));
            }
            nodes.extend(code_form::asked(flow));
            nodes.extend(screen::back(flow));
        }
        FlowKind::Registration { .. } if flow.screen == Screen::Profile => {
            for field in view.schema.fields() {
                nodes.push(trait_node(field, &flow.values, "profile", flow));
            }
            nodes.push(screen::profiled(flow));
        }
        FlowKind::Registration { .. } if flow.federation.is_completing() => {
            nodes.extend(oidc::completion_nodes(flow, view));
        }
        FlowKind::Registration { .. } => {
            for field in view.schema.fields() {
                if flow.screen == Screen::Credentials {
                    nodes.extend(hidden_trait(field, flow));
                } else {
                    nodes.push(trait_node(field, &flow.values, "default", flow));
                }
            }
            nodes.extend(oidc::registration_nodes(flow, view));
            let input = Input::new("password", "password").required().autocomplete("new-password");
            nodes.push(input.node("password", Some(Message::password_label()), flow));
            nodes.push(submit(Method::Password.as_str(), "password", Message::sign_up(), flow));
            nodes.extend(code_form::offer(flow));
            nodes.extend(keys::nodes(flow, view));
            nodes.extend(keys::named_nodes(flow, view));
            nodes.extend(screen::back(flow));
        }
        FlowKind::Settings { .. } => {
            let current = view.identity.map(|identity| &identity.traits);
            let values = if flow.values.is_empty() { current } else { Some(&flow.values) };
            let empty = Map::new();
            for field in view.schema.fields() {
                nodes.push(trait_node(field, values.unwrap_or(&empty), "profile", flow));
            }
            nodes.push(submit("profile", "profile", Message::save(), flow));
            let input = Input::new("password", "password").required().autocomplete("new-password");
            nodes.push(input.node("password", Some(Message::password_label()), flow));
            nodes.push(submit(Method::Password.as_str(), "password", Message::save(), flow));
            nodes.extend(oidc::settings_nodes(flow, view));
            nodes.extend(second_factor::nodes(flow));
            nodes.extend(keys::nodes(flow, view));
        }
        FlowKind::Verification { challenge } | FlowKind::Recovery { challenge } => {
            nodes.extend(challenge_nodes::nodes(challenge, flow, view));
        }
    }
    nodes
}

pub(super) fn trait_node(field: &Field, values: &Map<String, Value>, group: &str, flow: &Flow) -> Value {
    let mut input = Input::new(&field.name, field.input.as_str());
    if let Some(value) = find(values, &field.path) {
        input = input.value(value.clone());
    }
    if field.required {
        input = input.required();
    }
    if let Some(word) = field.input.autocomplete() {
        input = input.autocomplete(word);
    }
    if let Some(pattern) = &field.pattern {
        input = input.attribute("pattern", pattern.as_str());
    }
    if let Some(max) = field.max_length {
        input = input.attribute("maxlength", max);
    }
    input.node(group, Some(Message::generated_label(&field.title, &field.name)), flow)
}

/// What was typed, to go with what is asked next.
fn hidden_trait(field: &Field, flow: &Flow) -> Option<Value> {
    let value = find(&flow.values, &field.path)?;
    Some(Input::new(&field.name, "hidden").value(value.clone()).node("default", None, flow))
}

fn find<'a>(values: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(values.get(first)?, |value, name| value.get(name))
}

pub(super) fn submit(method: &str, group: &str, label: Message, flow: &Flow) -> Value {
    Input::new("method", "submit").value(method).node(group, Some(label), flow)
}

/// The title of the one trait that identifies, or `ID` if there are several.
fn identifier_label(schema: &Schema) -> Message {
    let mut identifying = schema.fields().iter().filter(|field| field.keywords.identifies);
    match (identifying.next(), identifying.next()) {
        (Some(only), None) => Message::generated_label(&only.title, &only.name),
        _ => Message::id_label(),
    }
}

/// The attributes of an input node under construction.
pub(super) struct Input {
    name: String,
    attributes: Map<String, Value>,
}

impl Input {
    pub(super) fn new(name: &str, kind: &str) -> Self {
        let mut attributes = Map::new();
        attributes.insert("name".to_owned(), name.into());
        attributes.insert("type".to_owned(), kind.into());
        Self { name: name.to_owned(), attributes }
    }

    pub(super) fn attribute(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn value(self, value: impl Into<Value>) -> Self {
        self.attribute("value", value)
    }

    pub(super) fn required(self) -> Self {
        self.attribute("required", true)
    }

    pub(super) fn disabled(self) -> Self {
        self.attribute("disabled", true)
    }

    pub(super) fn autocomplete(self, word: &str) -> Self {
        self.attribute("autocomplete", word)
    }

    pub(super) fn node(self, group: &str, label: Option<Message>, flow: &Flow) -> Value {
        // The submit buttons share a name; messages are of fields.
        let of_field = |(name, _): &&(String, Message)| *name == self.name && self.name != "method";
        let messages: Vec<&Message> = flow.field_messages.iter().filter(of_field).map(|(_, m)| m).collect();
        let mut attributes = self.attributes;
        attributes.entry("disabled").or_insert(Value::Bool(false));
        attributes.insert("node_type".to_owned(), "input".into());
        json!({
            "type": "input",
            "group": group,
            "attributes": attributes,
            "messages": messages,
            "meta": label.map_or_else(|| json!({}), |label| json!({ "label": label })),
        })
    }
}

/// How long ago a flow expired, in nanoseconds, as the `since` of its error.
pub fn expired_since(flow: &Flow, now: Timestamp) -> u64 {
    u64::try_from(now.since(flow.expires_at).as_nanos()).unwrap_or(u64::MAX)
}
