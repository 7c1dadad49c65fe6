//! What a form asks for, read from a schema.

use serde_json::Value;

use crate::identity::AddressKind;

/// One scalar trait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in forms, e.g. `traits.name.first`.
    pub name: String,
    /// Its place in the traits, e.g. `["name", "first"]`.
    pub path: Vec<String>,
    /// What a form shows beside it.
    pub title: String,
    /// How a form takes it.
    pub input: InputType,
    /// Whether it must be given.
    pub required: bool,
    /// A pattern it must match.
    pub pattern: Option<String>,
    /// The most characters.
    pub max_length: Option<u64>,
    /// What the `ory.sh/kratos` keywords say of it.
    pub keywords: Keywords,
}

/// The HTML input types that schemas lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputType {
    /// `text`
    Text,
    /// `number`
    Number,
    /// `checkbox`
    Checkbox,
    /// `email`
    Email,
    /// `tel`
    Tel,
    /// `url`
    Url,
    /// `date`
    Date,
    /// `datetime-local`
    DatetimeLocal,
}

impl InputType {
    /// As it is written in HTML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Checkbox => "checkbox",
            Self::Email => "email",
            Self::Tel => "tel",
            Self::Url => "url",
            Self::Date => "date",
            Self::DatetimeLocal => "datetime-local",
        }
    }

    /// The `autocomplete` word that goes with it.
    pub const fn autocomplete(self) -> Option<&'static str> {
        match self {
            Self::Email => Some("email"),
            Self::Tel => Some("tel"),
            Self::Url => Some("url"),
            Self::Text | Self::Number | Self::Checkbox | Self::Date | Self::DatetimeLocal => None,
        }
    }
}

/// The `ory.sh/kratos` keywords that we act on. The document keeps the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keywords {
    /// `credentials.password.identifier` or `credentials.code.identifier`
    pub identifies: bool,
    /// `credentials.code.via`, where that identifies.
    pub code: Option<AddressKind>,
    /// `verification.via`
    pub verification: Option<AddressKind>,
    /// `recovery.via`
    pub recovery: Option<AddressKind>,
}

impl Keywords {
    /// Reads the keywords of a property.
    pub(super) fn of(schema: &Value) -> Self {
        let via =
            |keyword| match schema.pointer(&format!("/ory.sh~1kratos/{keyword}/via")).and_then(Value::as_str)
            {
                Some("email") => Some(AddressKind::Email),
                Some("sms" | "phone") => Some(AddressKind::Sms),
                _ => None,
            };
        let identifies = |credential| {
            schema.pointer(&format!("/ory.sh~1kratos/credentials/{credential}/identifier"))
                == Some(&Value::Bool(true))
        };
        Self {
            identifies: identifies("password") || identifies("code"),
            code: via("credentials/code").filter(|_| identifies("code")),
            verification: via("verification"),
            recovery: via("recovery"),
        }
    }
}

/// How deep a form follows objects and references.
const MAX_DEPTH: usize = 8;

/// The scalar traits of a schema in its order; `None` if it describes no traits.
pub(super) fn fields(document: &Value) -> Option<Vec<Field>> {
    let traits = resolve(document, document.pointer("/properties/traits")?)?;
    let mut fields = Vec::new();
    collect(document, traits, &mut Vec::new(), &mut fields);
    Some(fields)
}

/// Follows local references.
pub(super) fn resolve<'a>(document: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => schema = document.pointer(reference.strip_prefix('#')?)?,
            None => return Some(schema),
        }
    }
    None
}

fn collect(document: &Value, schema: &Value, path: &mut Vec<String>, fields: &mut Vec<Field>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    if path.len() >= MAX_DEPTH {
        return;
    }
    let required = schema.get("required").and_then(Value::as_array);
    for (name, property) in properties {
        let Some(property) = resolve(document, property) else { continue };
        path.push(name.clone());
        if property.get("properties").is_some() {
            collect(document, property, path, fields);
        } else if let Some(input) = input_type(property) {
            let title = property.get("title").and_then(Value::as_str).unwrap_or(name);
            fields.push(Field {
                name: format!("traits.{}", path.join(".")),
                path: path.clone(),
                title: title.to_owned(),
                input,
                required: required.is_some_and(|names| names.iter().any(|n| n == name)),
                pattern: property.get("pattern").and_then(Value::as_str).map(str::to_owned),
                max_length: property.get("maxLength").and_then(Value::as_u64),
                keywords: Keywords::of(property),
            });
        }
        path.pop();
    }
}

/// Lists are not asked for by a plain form.
fn input_type(property: &Value) -> Option<InputType> {
    match property.get("type").and_then(Value::as_str) {
        Some("array" | "object" | "null") => None,
        Some("boolean") => Some(InputType::Checkbox),
        Some("number" | "integer") => Some(InputType::Number),
        _ => Some(match property.get("format").and_then(Value::as_str) {
            Some("email" | "idn-email") => InputType::Email,
            Some("tel") => InputType::Tel,
            Some("uri" | "iri") => InputType::Url,
            Some("date") => InputType::Date,
            Some("date-time") => InputType::DatetimeLocal,
            _ => InputType::Text,
        }),
    }
}
