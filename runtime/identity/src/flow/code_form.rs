//! Codes in the forms to sign in and up: whether one is offered, what was sent, and the nodes that ask for it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{Input, submit};
use super::{Flow, FlowKind, Message, SentCode, SentLink};
use crate::password::HashedPassword;
use crate::settings::Settings;

/// What a form to sign in or up does with codes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CodeForm {
    /// Whether it offers to send one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub offered: bool,
    /// What it has sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<SentCode>,
    /// The hash of the password that a new account gets once its address is proven.
    #[serde(skip_serializing_if = "Option::is_none", with = "kept")]
    pub password: Option<HashedPassword>,
    /// The code of a link that was followed, to be sent by whoever followed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
}

impl CodeForm {
    /// What a new form does.
    pub(super) fn begin(kind: &FlowKind, settings: &Settings) -> Self {
        let is_of_it = matches!(kind, FlowKind::Login { .. } | FlowKind::Registration { .. });
        Self { offered: is_of_it && settings.code.passwordless_enabled, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// As the flow API says how far it is.
    pub(super) const fn state(&self) -> &'static str {
        if self.sent.is_some() { "sent_email" } else { "choose_method" }
    }
}

/// The button that has a code sent.
pub(super) fn offer(flow: &Flow) -> Option<Value> {
    let label = match flow.kind {
        FlowKind::Registration { .. } => Message::send_registration_code(),
        _ => Message::send_login_code(),
    };
    flow.code.offered.then(|| submit("code", "code", label, flow))
}

/// What asks for a code that was sent.
pub(super) fn asked(flow: &Flow) -> Vec<Value> {
    let mut nodes = Vec::new();
    if let FlowKind::Login { identifier, .. } = &flow.kind
        && !flow.is_step_up()
    {
        nodes.push(Input::new("identifier", "hidden").value(identifier.as_str()).node("default", None, flow));
    }
    if flow.link.as_ref().and_then(SentLink::opened).is_some() {
        // Whoever opened the link on another device is asked before it signs in there.
        nodes.push(submit("code", "code", Message::sign_in(), flow));
        return nodes;
    }
    let mut code = Input::new("code", "text")
        .required()
        .autocomplete("one-time-code")
        .attribute("pattern", "[0-9]{6}")
        .attribute("maxlength", 6);
    if let Some(typed) = &flow.code.typed {
        code = code.value(typed.as_str());
    }
    nodes.extend([
        code.node("code", Some(Message::code_label(flow.kind.as_str())), flow),
        submit("code", "code", Message::go_on(), flow),
        Input::new("resend", "submit").value("code").node("code", Some(Message::resend_code()), flow),
    ]);
    nodes
}

/// A hash as the form keeps it, which is sealed wherever it is stored.
mod kept {
    use primitives::Secret;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::password::HashedPassword;

    #[expect(clippy::ref_option, reason = "serde hands the field over")]
    pub(super) fn serialize<S: Serializer>(
        password: &Option<HashedPassword>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        password.as_ref().map(|password| password.0.expose()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<HashedPassword>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(|hash| HashedPassword(Secret::new(hash))))
    }
}
