//! A self-service flow as its pages read it: the wire form of `loginFlow`, `registrationFlow` and `settingsFlow`.
//!
//! Reading is lenient: what a page does not need is ignored, what is missing or null is empty.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A flow: a form to render, and where the person came from.
#[derive(Debug, Clone, Deserialize)]
pub struct FlowView {
    /// The flow's id.
    pub id: String,
    /// The form.
    pub ui: UiContainer,
    /// Where the person goes when done.
    #[serde(default)]
    pub return_to: Option<String>,
    /// The authorization request that this login is for.
    #[serde(default)]
    pub oauth2_login_challenge: Option<String>,
    /// What is known of that authorization request.
    #[serde(default)]
    pub oauth2_login_request: Option<LoginRequest>,
    /// Whether a signed-in person is asked to prove it again.
    #[serde(default)]
    pub refresh: bool,
    /// How far the proof of an address is.
    #[serde(default)]
    pub state: Option<String>,
    /// The method that is under way: `link` where a link proves an address.
    #[serde(default)]
    pub active: Option<String>,
    /// How much the sign-in is to prove: `aal2` asks for the second factor.
    #[serde(default)]
    pub requested_aal: Option<String>,
    /// Who is changing their settings, or is asked to prove again who they are.
    #[serde(default)]
    pub identity: Option<FlowIdentity>,
}

impl FlowView {
    /// Whether a field goes along unseen.
    pub(crate) fn hides(&self, name: &str) -> bool {
        let is_it = |node: &UiNode| matches!(&node.attributes, UiNodeAttributes::Input(i) if i.name == name && i.r#type == "hidden");
        self.ui.nodes.iter().any(is_it)
    }

    /// The value of a field, unseen or not.
    pub(crate) fn value_of(&self, name: &str) -> Option<&str> {
        self.ui.nodes.iter().find_map(|node| match &node.attributes {
            UiNodeAttributes::Input(input) if input.name == name => input.value.as_ref()?.as_str(),
            _ => None,
        })
    }

    /// Whether the form has a field, or a button, of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is_it = |node: &UiNode| matches!(&node.attributes, UiNodeAttributes::Input(i) if i.name == name);
        self.ui.nodes.iter().any(is_it)
    }
}

/// The authorization request behind a login (`OAuth2LoginRequest`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LoginRequest {
    /// The client that asks.
    pub client: Option<RequestingClient>,
}

/// The client behind a login (`OAuth2Client`), as far as a page shows it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RequestingClient {
    /// The name that its users know.
    pub client_name: Option<String>,
}

/// Who is signed in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct FlowIdentity {
    /// The traits, as the identity schema has them.
    pub traits: Value,
}

impl FlowView {
    /// Whether the page has passkeys or security keys, which need the script.
    pub fn runs_script(&self) -> bool {
        self.ui.nodes.iter().any(|node| matches!(node.group.as_str(), "passkey" | "webauthn"))
    }
}

/// What a page draws the widget with that tells people from scripts: the value of its node.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WidgetOptions {
    sitekey: String,
    action: String,
    class: String,
}

/// The widget that tells people from scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Widget {
    /// Its script, by another service.
    pub(crate) script: String,
    /// By which the script finds its place.
    pub(crate) class: String,
    pub(crate) site_key: String,
    pub(crate) action: String,
    /// What it asks for, for whoever only hears it.
    pub(crate) label: String,
}

/// The nodes of the widget.
pub(crate) const WIDGET_GROUP: &str = "captcha";

impl FlowView {
    /// Whether the page shows the widget that tells people from scripts.
    pub fn shows_widget(&self) -> bool {
        self.ui.nodes.iter().any(|node| node.group == WIDGET_GROUP)
    }
}

impl UiContainer {
    /// The widget, if it is whole.
    pub(crate) fn widget(&self, label: impl Fn(&UiText) -> String) -> Option<Widget> {
        let nodes = || self.nodes.iter().filter(|node| node.group == WIDGET_GROUP);
        let script = nodes().find_map(|node| match &node.attributes {
            UiNodeAttributes::Script { src } if src.starts_with("http") => Some(src.clone()),
            _ => None,
        })?;
        nodes().find_map(|node| {
            let UiNodeAttributes::Input(input) = &node.attributes else { return None };
            let options = serde_json::from_str::<WidgetOptions>(input.value.as_ref()?.as_str()?).ok()?;
            let WidgetOptions { sitekey, action, class } = options;
            let label = node.meta.label.as_ref().map(&label).unwrap_or_default();
            Some(Widget { script: script.clone(), class, site_key: sitekey, action, label })
        })
    }
}

impl FlowIdentity {
    /// What the person is called by: the e-mail address, else the user name, else the name.
    pub fn label(&self) -> Option<&str> {
        ["email", "username", "phone", "name"].iter().find_map(|key| self.traits.get(key)?.as_str())
    }
}

/// The form of a flow (`uiContainer`).
#[derive(Debug, Clone, Deserialize)]
pub struct UiContainer {
    /// Where the form is sent.
    pub action: String,
    /// How it is sent.
    pub method: String,
    /// The form's parts, in order.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub nodes: Vec<UiNode>,
    /// What concerns the whole form.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub messages: Vec<UiText>,
}

/// One part of a form (`uiNode`).
#[derive(Debug, Clone, Deserialize)]
pub struct UiNode {
    /// The method that it belongs to: `default`, `password`, `profile`, `oidc`, …
    pub group: String,
    /// What it is.
    pub attributes: UiNodeAttributes,
    /// What concerns this part.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub messages: Vec<UiText>,
    /// Its label.
    #[serde(default)]
    pub meta: UiNodeMeta,
}

/// What a node is (`uiNodeAttributes`, told apart by `node_type`).
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "node_type", rename_all = "snake_case")]
pub enum UiNodeAttributes {
    /// A field, a hidden value or a button.
    Input(UiInput),
    /// A link.
    A {
        /// Where it leads.
        href: String,
        /// What it says.
        title: UiText,
    },
    /// A picture, e.g. a QR code.
    Img {
        /// Its address, often a `data:` one.
        src: String,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// A text, e.g. a secret to copy.
    Text {
        /// The text.
        text: UiText,
    },
    /// A script: that of a widget, or of what these pages have a script of their own for.
    Script {
        /// Where it is.
        #[serde(default)]
        src: String,
    },
    /// A place for a widget; these pages have none.
    Div {},
}

/// A field, a hidden value or a button (`uiNodeInputAttributes`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct UiInput {
    /// The name it is sent under.
    pub name: String,
    /// The kind of input: `text`, `password`, `email`, `hidden`, `submit`, …
    pub r#type: String,
    /// Its value: text, number or boolean.
    pub value: Option<Value>,
    /// Whether it must be filled.
    pub required: bool,
    /// Whether it cannot be changed.
    pub disabled: bool,
    /// What a browser may fill in.
    pub autocomplete: Option<String>,
    /// The pattern that its value has.
    pub pattern: Option<String>,
    /// The longest value.
    pub maxlength: Option<u32>,
    /// The function of the script that a click calls.
    #[serde(rename = "onclickTrigger")]
    pub onclick_trigger: Option<String>,
    /// The function of the script that the page calls when it is there.
    #[serde(rename = "onloadTrigger")]
    pub onload_trigger: Option<String>,
    /// The values to choose from.
    #[serde(deserialize_with = "null_is_empty")]
    pub options: Vec<UiOption>,
}

/// One value to choose (`uiNodeInputAttributesOption`).
#[derive(Debug, Clone, Deserialize)]
pub struct UiOption {
    /// The value.
    pub value: Value,
    /// What it says.
    #[serde(default)]
    pub label: Option<UiText>,
}

/// What goes with a node (`uiNodeMeta`).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct UiNodeMeta {
    /// The node's label.
    #[serde(default)]
    pub label: Option<UiText>,
}

/// A text with the number that translations go by (`uiText`).
#[derive(Debug, Clone, Deserialize)]
pub struct UiText {
    /// The number.
    pub id: u64,
    /// The text in English.
    pub text: String,
    /// What it is.
    pub r#type: UiTextType,
    /// Values that the text speaks of.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub context: Map<String, Value>,
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UiTextType {
    /// Neither good nor bad.
    Info,
    /// Something must be mended.
    Error,
    /// Something is done.
    Success,
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
