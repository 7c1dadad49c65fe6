//! From a node to a field: what it is called, what a browser may fill in, and what is said of it.

use serde_json::Value;

use super::{Choice, Field, Forms, Item, Purpose};
use crate::flow::{UiInput, UiNode, UiOption, UiText, UiTextType};

impl Forms<'_> {
    pub(super) fn field(&self, node: &UiNode, input: &UiInput, label: Option<String>) -> Item {
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

    /// What a browser may fill in, by the field's name (HTML section 4.10.18.7; WCAG 2.2, 1.3.5).
    fn autocomplete(&self, input: &UiInput) -> Option<&'static str> {
        match (input.name.rsplit('.').next().unwrap_or_default(), input.r#type.as_str()) {
            ("identifier", _) => Some("username"),
            ("password", _) if self.purpose == Purpose::Login => Some("current-password"),
            ("password", _) => Some("new-password"),
            ("email", _) | (_, "email") => Some("email"),
            ("username", _) => Some("username"),
            ("name" | "full_name", _) => Some("name"),
            ("first" | "first_name" | "given_name", _) => Some("given-name"),
            ("middle_name", _) => Some("additional-name"),
            ("last" | "last_name" | "family_name", _) => Some("family-name"),
            ("nickname", _) => Some("nickname"),
            ("company" | "organization" | "organisation", _) => Some("organization"),
            ("job_title", _) => Some("organization-title"),
            ("phone" | "phone_number", _) | (_, "tel") => Some("tel"),
            ("website", _) | (_, "url") => Some("url"),
            ("birthday" | "birthdate" | "date_of_birth", _) => Some("bday"),
            ("street_address", _) => Some("street-address"),
            ("postal_code" | "zip", _) => Some("postal-code"),
            ("city" | "locality", _) => Some("address-level2"),
            ("country", _) => Some("country-name"),
            ("code" | "totp_code", _) => Some("one-time-code"),
            // Nothing about the person, or nothing that a browser may keep.
            ("lookup_secret" | "webauthn_register_displayname", _) => Some("off"),
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

pub(super) fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => yes.to_string(),
        Some(Value::Number(number)) => number.to_string(),
    }
}
