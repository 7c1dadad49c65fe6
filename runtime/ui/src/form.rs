//! The forms that a page shows, as its template renders them.

mod field;
mod nodes;

use crate::flow::{UiTextType, Widget};

pub(crate) use nodes::{Forms, Purpose, SAID_BY_LEADS};

/// A form as the templates render it.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) method: String,
    pub(crate) hidden: Vec<Hidden>,
    /// The keys that there are, above everything else.
    pub(crate) keys: Vec<Key>,
    pub(crate) items: Vec<Item>,
}

/// A passkey or security key, and the button that takes it away.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) added: Option<String>,
    /// Its label says which key it removes, for whoever only hears it.
    pub(crate) remove: Button,
}

impl Form {
    /// Whether something in it must be mended.
    pub(crate) fn has_errors(&self) -> bool {
        self.items.iter().any(has_errors)
    }

    /// Whether nothing can be done with it where no script runs.
    pub(crate) fn needs_script(&self) -> bool {
        let mut buttons = self.items.iter().filter_map(|item| match item {
            Item::Button(button) => Some(button),
            _ => None,
        });
        let is_all = buttons.clone().all(|button| button.trigger.is_some());
        is_all && buttons.next().is_some() && self.keys.is_empty()
    }

    /// The form beside another that has the cursor.
    pub(crate) fn without_focus(mut self) -> Self {
        for item in &mut self.items {
            if let Item::Field(field) | Item::Check(field) | Item::Choice(field, _) = item {
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
    Widget(Widget),
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

    /// Names, addresses and codes are not prose: no capitals, no corrections.
    pub(crate) fn is_literal(&self) -> bool {
        let purposes = self.autocomplete.as_deref().unwrap_or_default().split(' ');
        purposes.into_iter().any(|purpose| matches!(purpose, "username" | "email"))
            || matches!(self.kind, "email" | "url")
            || self.is_code()
    }

    /// Whether it takes a code, which is read and typed character by character.
    pub(crate) fn is_code(&self) -> bool {
        self.autocomplete.as_deref() == Some("one-time-code") || self.name == "lookup_secret"
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
    /// The letter that tells a provider from the others at a glance.
    pub(crate) mark: Option<String>,
    pub(crate) primary: bool,
    pub(crate) disabled: bool,
    /// What the script calls when it is clicked: the button is there only for whom that works.
    pub(crate) trigger: Option<String>,
    /// What the script calls when the page is there.
    pub(crate) onload: Option<String>,
}

/// A message that concerns a whole form.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) kind: UiTextType,
    pub(crate) text: String,
    /// Where to go on: the fields that must be mended.
    pub(crate) fields: Vec<FieldLink>,
}

/// A link to a field, which puts the cursor there.
#[derive(Debug)]
pub(crate) struct FieldLink {
    pub(crate) id: String,
    pub(crate) label: String,
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

fn has_errors(item: &Item) -> bool {
    field_of(item).is_some_and(|f| !f.errors.is_empty())
}

fn field_of(item: &Item) -> Option<&Field> {
    match item {
        Item::Field(f) | Item::Check(f) | Item::Choice(f, _) => Some(f),
        Item::Button(_)
        | Item::Link { .. }
        | Item::Image { .. }
        | Item::Text { .. }
        | Item::Codes { .. }
        | Item::Widget(_) => None,
    }
}
