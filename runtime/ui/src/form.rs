//! From a flow's nodes to the forms that a page shows.
//!
//! Generic over nodes: whatever methods a tenant has, what the API describes is what is rendered. Nodes that only
//! work with scripts are left out, because these pages run none.

use serde::Deserialize as _;
use serde_json::Value;

use crate::flow::{UiContainer, UiInput, UiNode, UiNodeAttributes, UiOption, UiText, UiTextType};
use crate::locale::Words;

/// A form as the templates render it.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) method: String,
    pub(crate) hidden: Vec<Hidden>,
    pub(crate) items: Vec<Item>,
}

impl Form {
    /// Whether something in it must be mended.
    pub(crate) fn has_errors(&self) -> bool {
        self.items.iter().any(has_errors)
    }

    /// The form beside another that has the cursor.
    pub(crate) fn without_focus(mut self) -> Self {
        for item in &mut self.items {
            if let Item::Field(field) | Item::Choice(field, _) = item {
                field.autofocus = false;
            }
        }
        self
    }
}

/// A value that goes with a form unseen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// The name it is sent under.
    pub name: String,
    /// The value.
    pub value: String,
}

#[derive(Debug)]
pub(crate) enum Item {
    Field(Field),
    Check(Field),
    Choice(Field, Vec<Choice>),
    Button(Button),
    Link { href: String, title: String },
    Image { src: String, width: u32, height: u32, alt: String },
    Text { label: Option<String>, text: String },
    Codes { label: Option<String>, codes: Vec<Code> },
}

/// A backup code, or a word in the place of one that was used.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) text: String,
    pub(crate) used: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Field {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) required: bool,
    pub(crate) disabled: bool,
    pub(crate) autocomplete: Option<String>,
    pub(crate) pattern: Option<String>,
    pub(crate) maxlength: Option<u32>,
    pub(crate) autofocus: bool,
    pub(crate) checked: bool,
    pub(crate) hint: Option<String>,
    pub(crate) errors: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Field {
    /// The ids of what describes the field; empty if nothing does.
    pub(crate) fn described_by(&self) -> String {
        let mut ids = Vec::new();
        if !self.errors.is_empty() {
            ids.push(format!("{}-error", self.id));
        }
        if self.hint.is_some() || !self.notes.is_empty() {
            ids.push(format!("{}-hint", self.id));
        }
        ids.join(" ")
    }

    /// Names and addresses are not prose: no capitals, no corrections.
    pub(crate) fn is_literal(&self) -> bool {
        matches!(
            self.autocomplete.as_deref(),
            Some("username" | "username webauthn" | "email" | "one-time-code")
        ) || matches!(self.kind, "email" | "url")
    }
}

#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) selected: bool,
}

#[derive(Debug)]
pub(crate) struct Button {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) primary: bool,
    pub(crate) disabled: bool,
    /// What the script calls when it is clicked: the button is there only for whom that works.
    pub(crate) trigger: Option<String>,
    /// What the script calls when the page is there.
    pub(crate) onload: Option<String>,
}

/// The messages of pages whose heading says the same: confirm that it is you, and the second step.
const SAID_BY_HEADINGS: [u64; 2] = [1_010_003, 1_010_004];
/// A text that is a list of backup codes.
const BACKUP_CODES: u64 = 1_050_015;
/// In that list, a code that was used.
const USED_CODE: u64 = 1_050_014;
/// Buttons that lead away or back, of which none is what a person came for.
const NEVER_PRIMARY: [&str; 6] =
    ["screen", "resend", "totp_unlink", "lookup_secret_disable", "passkey_remove", "webauthn_remove"];
/// The functions of the script; a button names no other.
const TRIGGERS: [&str; 6] = [
    "oryWebAuthnRegistration",
    "oryWebAuthnLogin",
    "oryPasskeyLogin",
    "oryPasskeyLoginAutocompleteInit",
    "oryPasskeyRegistration",
    "oryPasskeySettingsRegistration",
];

/// A message that concerns a whole form.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) kind: UiTextType,
    pub(crate) text: String,
}

impl Notice {
    pub(crate) fn class(&self) -> &'static str {
        match self.kind {
            UiTextType::Info => "info",
            UiTextType::Error => "error",
            UiTextType::Success => "success",
        }
    }
}

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
                UiNodeAttributes::Input(input) if input.r#type == "hidden" => {
                    form.hidden
                        .push(Hidden { name: input.name.clone(), value: text_of(input.value.as_ref()) });
                }
                _ => form.items.extend(self.item(node)),
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
        if self.purpose != Purpose::Settings || items.iter().any(has_errors) {
            focus_first(&mut items);
        }
        items.append(&mut buttons);
        form.items = items;
        form
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

    /// What concerns the whole flow; a word about marked fields if only they have errors.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        let mut notices: Vec<Notice> = self
            .ui
            .messages
            .iter()
            .filter(|text| !SAID_BY_HEADINGS.contains(&text.id))
            .map(|text| Notice { kind: text.r#type, text: self.words.text(text) })
            .collect();
        let has_error = |texts: &[UiText]| texts.iter().any(|m| m.r#type == UiTextType::Error);
        if !has_error(&self.ui.messages) && self.ui.nodes.iter().any(|n| has_error(&n.messages)) {
            notices.push(Notice { kind: UiTextType::Error, text: self.words.common.form_error.clone() });
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
            UiNodeAttributes::Script {} | UiNodeAttributes::Div {} => None,
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

    fn field(&self, node: &UiNode, input: &UiInput, label: Option<String>) -> Item {
        let of = |kind: UiTextType| move |text: &&UiText| text.r#type == kind;
        let errors = node.messages.iter().filter(of(UiTextType::Error)).map(|t| self.words.text(t)).collect();
        let notes = node
            .messages
            .iter()
            .filter(|t| t.r#type != UiTextType::Error)
            .map(|t| self.words.text(t))
            .collect();
        let kind = input_kind(&input.r#type);
        let autocomplete = input.autocomplete.clone().or_else(|| self.autocomplete(input).map(str::to_owned));
        let is_new_password = autocomplete.as_deref() == Some("new-password");
        let field = Field {
            id: format!("{}-{}", node.group, input.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
            name: input.name.clone(),
            kind,
            label: if is_new_password && self.purpose == Purpose::Settings {
                self.words.settings.new_password.clone()
            } else {
                label.unwrap_or_else(|| input.name.clone())
            },
            // A password never comes back, even if the API were to send it.
            value: if kind == "password" { String::new() } else { text_of(input.value.as_ref()) },
            required: input.required,
            disabled: input.disabled,
            autocomplete,
            pattern: input.pattern.clone(),
            maxlength: input.maxlength,
            autofocus: false,
            checked: input.value.as_ref().is_some_and(|v| v.as_bool() == Some(true)),
            hint: if is_new_password { self.password_hint.clone() } else { None },
            errors,
            notes,
        };
        if kind == "checkbox" {
            return Item::Check(Field { value: "true".to_owned(), ..field });
        }
        if input.options.is_empty() {
            return Item::Field(field);
        }
        let choice = |option: &UiOption| {
            let value = text_of(Some(&option.value));
            Choice {
                label: option.label.as_ref().map_or_else(|| value.clone(), |text| self.words.text(text)),
                selected: value == field.value,
                value,
            }
        };
        let choices = input.options.iter().map(choice).collect();
        Item::Choice(field, choices)
    }

    /// What a browser may fill in, by the field's name (HTML section 4.10.18.7).
    fn autocomplete(&self, input: &UiInput) -> Option<&'static str> {
        match (input.name.rsplit('.').next().unwrap_or_default(), input.r#type.as_str()) {
            ("identifier", _) => Some("username"),
            ("password", _) if self.purpose == Purpose::Login => Some("current-password"),
            ("password", _) => Some("new-password"),
            ("email", _) | (_, "email") => Some("email"),
            ("username", _) => Some("username"),
            ("name" | "full_name", _) => Some("name"),
            ("first" | "first_name" | "given_name", _) => Some("given-name"),
            ("last" | "last_name" | "family_name", _) => Some("family-name"),
            ("company" | "organization" | "organisation", _) => Some("organization"),
            (_, "tel") => Some("tel"),
            ("code" | "totp_code", _) => Some("one-time-code"),
            _ => None,
        }
    }
}

/// Only kinds of input that a page may show; anything else is a plain text.
fn input_kind(kind: &str) -> &'static str {
    const KINDS: [&str; 9] =
        ["password", "number", "checkbox", "email", "tel", "datetime-local", "date", "url", "text"];
    KINDS.into_iter().find(|k| *k == kind).unwrap_or("text")
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => yes.to_string(),
        Some(Value::Number(number)) => number.to_string(),
    }
}

fn has_errors(item: &Item) -> bool {
    field_of(item).is_some_and(|f| !f.errors.is_empty())
}

fn field_of(item: &Item) -> Option<&Field> {
    match item {
        Item::Field(f) | Item::Check(f) | Item::Choice(f, _) => Some(f),
        Item::Button(_) | Item::Link { .. } | Item::Image { .. } | Item::Text { .. } | Item::Codes { .. } => {
            None
        }
    }
}

/// Puts the cursor where the person goes on: the first field with an error, else the first empty one.
fn focus_first(items: &mut [Item]) {
    let wanted = items.iter().position(has_errors).or_else(|| {
        items.iter().position(|item| field_of(item).is_some_and(|f| f.value.is_empty() && !f.disabled))
    });
    if let Some(Item::Field(field) | Item::Choice(field, _)) = wanted.and_then(|at| items.get_mut(at)) {
        field.autofocus = true;
    }
}
