//! From a flow's nodes to the forms that a page shows.
//!
//! Generic over nodes: whatever methods a tenant has, what the API describes is what is rendered. Nodes that only
//! work with scripts are left out, because these pages run none.

use primitives::Timestamp;
use serde::Deserialize as _;
use serde_json::Value;

use super::field::text_of;
use super::{Button, Code, FieldLink, Form, Hidden, Item, Key, Notice, field_of, has_errors};
use crate::flow::{UiContainer, UiInput, UiNode, UiNodeAttributes, UiText, UiTextType, WIDGET_GROUP};
use crate::locale::{Words, fill};

/// The messages of pages whose heading says the same: confirm that it is you, and the second step.
const SAID_BY_HEADINGS: [u64; 2] = [1_010_003, 1_010_004];
/// The messages that pages say above their form: which of several addresses, and the whole of it.
pub(crate) const SAID_BY_LEADS: [u64; 2] = [1_060_005, 1_060_006];
/// A text that is a list of backup codes.
const BACKUP_CODES: u64 = 1_050_015;
/// In that list, a code that was used.
const USED_CODE: u64 = 1_050_014;
/// Whether a second factor is to be asked for in this browser again.
const TRUSTS_DEVICE: &str = "trust_device";
/// Buttons that take a key away.
const REMOVES_A_KEY: [&str; 2] = ["passkey_remove", "webauthn_remove"];
/// What the API calls a key that has no name.
const UNNAMED: &str = "unnamed";
/// Buttons that lead away or back, of which none is what a person came for.
const NEVER_PRIMARY: [&str; 4] = ["screen", "resend", "totp_unlink", "lookup_secret_disable"];
/// The functions of the script; a button names no other.
const TRIGGERS: [&str; 6] = [
    "oryWebAuthnRegistration",
    "oryWebAuthnLogin",
    "oryPasskeyLogin",
    "oryPasskeyLoginAutocompleteInit",
    "oryPasskeyRegistration",
    "oryPasskeySettingsRegistration",
];

/// Which page's habits apply where the API says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Login,
    Registration,
    Settings,
    Proof,
}

/// Builds the forms of one flow.
#[derive(Debug)]
pub(crate) struct Forms<'a> {
    pub(crate) ui: &'a UiContainer,
    pub(crate) words: &'a Words,
    pub(crate) purpose: Purpose,
    pub(crate) password_hint: Option<String>,
}

impl Forms<'_> {
    /// One form of all nodes whose group passes; nodes of the group `default` are in every form.
    pub(crate) fn of(&self, group: impl Fn(&str) -> bool) -> Form {
        let nodes = || self.ui.nodes.iter().filter(|n| n.group == "default" || group(&n.group));
        let mut form =
            Form { action: self.ui.action.clone(), method: self.ui.method.to_lowercase(), ..Form::default() };
        for node in nodes() {
            match &node.attributes {
                // Drawn whole, where its script is; what it hands over comes in a field of its own.
                UiNodeAttributes::Script { .. } if node.group == WIDGET_GROUP => {
                    form.items.extend(self.ui.widget(|text| self.words.text(text)).map(Item::Widget));
                }
                _ if node.group == WIDGET_GROUP => {}
                UiNodeAttributes::Input(input) if input.r#type == "hidden" => {
                    form.hidden
                        .push(Hidden { name: input.name.clone(), value: text_of(input.value.as_ref()) });
                }
                _ => match self.item(node) {
                    Some(Item::Button(button)) if REMOVES_A_KEY.contains(&button.name.as_str()) => {
                        form.keys.push(self.key(node, button));
                    }
                    item => form.items.extend(item),
                },
            }
        }
        // Buttons come last, whatever the order of the nodes; the first that goes forward is the primary one.
        let (mut buttons, mut items): (Vec<Item>, Vec<Item>) =
            form.items.into_iter().partition(|item| matches!(item, Item::Button(_)));
        if let Some(Item::Button(button)) = buttons
            .iter_mut()
            .find(|b| matches!(b, Item::Button(b) if !NEVER_PRIMARY.contains(&b.name.as_str()) && !b.value.ends_with(":back")))
        {
            button.primary = true;
        }
        // The first button of a form is the one that Enter presses.
        buttons.sort_by_key(|item| !matches!(item, Item::Button(button) if button.primary));
        // What is offered beside a proof comes after it.
        items.sort_by_key(|item| matches!(item, Item::Check(field) if field.name == TRUSTS_DEVICE));
        if self.purpose != Purpose::Settings || items.iter().any(has_errors) {
            focus_first(&mut items);
        }
        items.append(&mut buttons);
        form.items = items;
        form
    }

    /// A key, by the name that its owner gave it.
    fn key(&self, node: &UiNode, remove: Button) -> Key {
        let w = &self.words.settings;
        let context = node.meta.label.as_ref().map(|label| &label.context);
        let of = |name: &str| context.and_then(|context| context.get(name));
        let name = of("display_name").and_then(Value::as_str).filter(|name| *name != UNNAMED);
        let kind = if node.group == "passkey" { &w.key_passkey } else { &w.key_webauthn };
        let day = of("added_at_unix").and_then(Value::as_i64).map(Timestamp::from_seconds);
        Key {
            name: name.unwrap_or(kind).to_owned(),
            added: day.map(|day| fill(&w.key_added, &[("date", &self.words.date(day))])),
            remove,
        }
    }

    /// The methods that have nodes, in their order.
    pub(crate) fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for group in self.ui.nodes.iter().map(|node| node.group.as_str()) {
            if group != "default" && !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }

    /// One small form for each "sign in with …" button, so that a required field does not stand in its way.
    pub(crate) fn providers(&self) -> Vec<Form> {
        let all = self.of(|group| matches!(group, "oidc" | "saml"));
        let shared = |form: &Form| Form {
            action: form.action.clone(),
            method: form.method.clone(),
            hidden: form.hidden.clone(),
            keys: Vec::new(),
            items: Vec::new(),
        };
        let of_providers = |b: &Button| matches!(b.name.as_str(), "provider" | "link" | "unlink");
        let mut forms = Vec::new();
        for node in self.ui.nodes.iter().filter(|n| matches!(n.group.as_str(), "oidc" | "saml")) {
            if let Some(Item::Button(mut button)) = self.item(node)
                && of_providers(&button)
            {
                button.primary = false;
                forms.push(Form { items: vec![Item::Button(button)], ..shared(&all) });
            }
        }
        forms
    }

    /// What concerns the whole flow, and a summary that leads to the fields that must be mended (WCAG 2.2, 3.3.1).
    pub(crate) fn notices(&self) -> Vec<Notice> {
        let mut notices: Vec<Notice> = self
            .ui
            .messages
            .iter()
            .filter(|text| !SAID_BY_HEADINGS.contains(&text.id) && !SAID_BY_LEADS.contains(&text.id))
            .map(|text| Notice { kind: text.r#type, text: self.words.text(text), fields: Vec::new() })
            .collect();
        let items: Vec<Item> = self.ui.nodes.iter().filter_map(|node| self.item(node)).collect();
        let wrong = items.iter().filter_map(field_of).filter(|field| !field.errors.is_empty());
        let fields: Vec<FieldLink> =
            wrong.map(|field| FieldLink { id: field.id.clone(), label: field.label.clone() }).collect();
        if !fields.is_empty() {
            let text = self.words.common.form_error.clone();
            notices.push(Notice { kind: UiTextType::Error, text, fields });
        }
        notices
    }

    fn item(&self, node: &UiNode) -> Option<Item> {
        let label = node.meta.label.as_ref().map(|text| self.words.text(text));
        match &node.attributes {
            UiNodeAttributes::Input(input) => match input.r#type.as_str() {
                "hidden" => None,
                // A button that nothing would answer is none.
                "button" if input.onclick_trigger.is_none() => None,
                "submit" | "button" => Some(Item::Button(Button {
                    name: input.name.clone(),
                    value: text_of(input.value.as_ref()),
                    label: label.unwrap_or_else(|| text_of(input.value.as_ref())),
                    mark: node.meta.label.as_ref().and_then(mark),
                    primary: false,
                    disabled: input.disabled,
                    trigger: Self::trigger(input),
                    onload: input.onload_trigger.clone().filter(|name| TRIGGERS.contains(&name.as_str())),
                })),
                _ => Some(self.field(node, input, label)),
            },
            UiNodeAttributes::A { href, title } => {
                let safe =
                    href.starts_with("https://") || href.starts_with("http://") || href.starts_with('/');
                safe.then(|| Item::Link { href: href.clone(), title: self.words.text(title) })
            }
            UiNodeAttributes::Img { src, width, height } => Some(Item::Image {
                src: src.clone(),
                width: *width,
                height: *height,
                alt: label.unwrap_or_default(),
            }),
            UiNodeAttributes::Text { text } if text.id == BACKUP_CODES => {
                Some(Item::Codes { label, codes: self.codes(text) })
            }
            UiNodeAttributes::Text { text } => Some(Item::Text { label, text: self.words.text(text) }),
            UiNodeAttributes::Script { .. } | UiNodeAttributes::Div {} => None,
        }
    }

    /// What a button asks the browser for. The one that signs up with a passkey is sent like any other, but needs the
    /// browser next.
    fn trigger(input: &UiInput) -> Option<String> {
        let is_passkey = input.name == "method" && text_of(input.value.as_ref()) == "passkey";
        let name = if is_passkey { Some("oryPasskeyRegistration") } else { input.onclick_trigger.as_deref() };
        name.filter(|name| TRIGGERS.contains(name)).map(str::to_owned)
    }

    fn codes(&self, list: &UiText) -> Vec<Code> {
        let codes = list.context.get("secrets").and_then(Value::as_array).map(Vec::as_slice);
        let texts = codes.unwrap_or_default().iter().filter_map(|code| UiText::deserialize(code).ok());
        texts.map(|text| Code { used: text.id == USED_CODE, text: self.words.text(&text) }).collect()
    }
}

/// The first letter of the provider that a label names.
fn mark(label: &UiText) -> Option<String> {
    let name = label.context.get("provider")?.as_str()?;
    Some(name.chars().find(|c| c.is_alphanumeric())?.to_uppercase().collect())
}

/// Puts the cursor where the person goes on: the first field with an error, else the first empty one.
fn focus_first(items: &mut [Item]) {
    let wanted = items.iter().position(has_errors).or_else(|| {
        items.iter().position(|item| field_of(item).is_some_and(|f| f.value.is_empty() && !f.disabled))
    });
    if let Some(Item::Field(field) | Item::Check(field) | Item::Choice(field, _)) =
        wanted.and_then(|at| items.get_mut(at))
    {
        field.autofocus = true;
    }
}
