//! The notation in which bodies and answers are written down, and what it is as JSON Schema (2020-12).
//!
//! A type is `string`, `integer`, `boolean`, `object`, `any` or `binary`; or a text of a form: `uuid`, `uri`, `date-time`; or
//! the name of another schema. `'a' | 'b'` is one of these words, `A | B` one of these types; `[]` before a type is a list of
//! it, `{}` an object whose members have it; `?` at the end is all of that, or null.
//!
//! An object is its members, each with its type; one whose name ends with `?` may be missing. The member `...` says which type
//! members have that are not named, `&` whose members it has too. A schema whose name begins with a small letter is there for
//! that alone, and in no document.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Whose members an object has too.
const INCLUDED: &str = "&";
/// The members that are not named.
const OTHERS: &str = "...";

/// A schema, as it is written down.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Written {
    Type(String),
    Object(Map<String, Value>),
}

/// A schema.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Another type under a name.
    Type(String),
    /// An object.
    Object {
        /// Its members.
        fields: Vec<Field>,
        /// The type of those that are not named, if there may be some.
        others: Option<String>,
    },
}

/// A member of an object.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) is_required: bool,
}

impl Written {
    /// Reads one, with the members of those that it includes. `None` for what is not in the notation.
    pub(super) fn shape(&self, all: &BTreeMap<String, Self>) -> Option<Shape> {
        match self {
            Self::Type(kind) => Some(Shape::Type(kind.clone())),
            Self::Object(_) => {
                let (mut fields, mut others) = (Vec::new(), None);
                self.read(all, (&mut fields, &mut others))?;
                Some(Shape::Object { fields, others })
            }
        }
    }

    /// Adds the members; one that is there already is replaced where it stands.
    fn read(
        &self,
        all: &BTreeMap<String, Self>,
        (fields, others): (&mut Vec<Field>, &mut Option<String>),
    ) -> Option<()> {
        let Self::Object(members) = self else { return None };
        for (name, kind) in members {
            let kind = kind.as_str()?;
            if name == INCLUDED {
                for included in kind.split(' ') {
                    all.get(included)?.read(all, (&mut *fields, &mut *others))?;
                }
            } else if name == OTHERS {
                *others = Some(kind.to_owned());
            } else {
                let (name, is_required) =
                    name.strip_suffix('?').map_or((name.as_str(), true), |it| (it, false));
                let field = Field { name: name.to_owned(), kind: kind.to_owned(), is_required };
                match fields.iter_mut().find(|known| known.name == name) {
                    Some(known) => *known = field,
                    None => fields.push(field),
                }
            }
        }
        Some(())
    }
}

impl Shape {
    /// As JSON Schema. `None` for a type that is not in the notation.
    pub(crate) fn schema(&self) -> Option<Value> {
        let (fields, others) = match self {
            Self::Type(kind) => return schema(kind),
            Self::Object { fields, others } => (fields, others),
        };
        let mut properties = Map::new();
        for field in fields {
            properties.insert(field.name.clone(), schema(&field.kind)?);
        }
        let required: Vec<&str> =
            fields.iter().filter(|field| field.is_required).map(|field| field.name.as_str()).collect();
        let mut document = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            document.as_object_mut()?.insert("required".to_owned(), json!(required));
        }
        if let Some(kind) = others {
            let of_others = if kind == "any" { Value::Bool(true) } else { schema(kind)? };
            document.as_object_mut()?.insert("additionalProperties".to_owned(), of_others);
        }
        Some(document)
    }
}

/// A type as JSON Schema. `None` for what is not in the notation.
pub(super) fn schema(kind: &str) -> Option<Value> {
    if let Some(kind) = kind.strip_suffix('?') {
        return or_null(schema(kind)?);
    }
    let alternatives: Vec<&str> = kind.split(" | ").collect();
    if let Some(words) = alternatives.iter().map(|one| word(one)).collect::<Option<Vec<_>>>() {
        return Some(json!({ "type": "string", "enum": words }));
    }
    if alternatives.len() > 1 {
        let each = alternatives.iter().map(|one| schema(one)).collect::<Option<Vec<_>>>()?;
        return Some(json!({ "anyOf": each }));
    }
    if let Some(items) = kind.strip_prefix("[]") {
        return Some(json!({ "type": "array", "items": schema(items)? }));
    }
    if let Some(values) = kind.strip_prefix("{}") {
        return Some(json!({ "type": "object", "additionalProperties": schema(values)? }));
    }
    if is_name(kind) {
        return Some(json!({ "$ref": format!("#/components/schemas/{kind}") }));
    }
    match kind {
        "any" => Some(json!({})),
        "string" | "integer" | "boolean" | "object" => Some(json!({ "type": kind })),
        "uuid" | "uri" | "date-time" | "binary" => Some(json!({ "type": "string", "format": kind })),
        _ => None,
    }
}

fn word(kind: &str) -> Option<&str> {
    kind.strip_prefix('\'')?.strip_suffix('\'')
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The same, or null.
fn or_null(schema: Value) -> Option<Value> {
    let Value::Object(mut fields) = schema else { return None };
    match fields.get("type").and_then(Value::as_str) {
        Some(kind) if !fields.contains_key("enum") => {
            let kinds = json!([kind, "null"]);
            fields.insert("type".to_owned(), kinds);
            Some(fields.into())
        }
        // Anything may be null anyway.
        None if fields.is_empty() => Some(fields.into()),
        _ => Some(json!({ "anyOf": [fields, { "type": "null" }] })),
    }
}

/// The parts of a type in their order, each with whether it is the name of a schema.
pub(crate) fn parts(kind: &str) -> Vec<(&str, bool)> {
    let mut parts = Vec::new();
    let mut rest = kind;
    while !rest.is_empty() {
        let quoted = |rest: &str| rest.get(1..).and_then(|after| after.find('\'')).map(|end| end + 2);
        let end = if rest.starts_with('\'') {
            quoted(rest)
        } else if rest.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        } else {
            rest.find(|c: char| c.is_ascii_alphanumeric() || c == '\'')
        };
        let (part, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        parts.push((part, is_name(part)));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_json_schema() {
        let name = json!({ "$ref": "#/components/schemas/Client" });
        for (kind, expect) in [
            ("string", json!({ "type": "string" })),
            ("uuid", json!({ "type": "string", "format": "uuid" })),
            ("any", json!({})),
            ("any?", json!({})),
            ("string?", json!({ "type": ["string", "null"] })),
            ("[]string?", json!({ "type": ["array", "null"], "items": { "type": "string" } })),
            (
                "[][]integer",
                json!({ "type": "array", "items": { "type": "array", "items": { "type": "integer" } } }),
            ),
            ("{}Client", json!({ "type": "object", "additionalProperties": name })),
            ("Client?", json!({ "anyOf": [name, { "type": "null" }] })),
            ("'a' | 'b:c'", json!({ "type": "string", "enum": ["a", "b:c"] })),
            ("'a'?", json!({ "anyOf": [{ "type": "string", "enum": ["a"] }, { "type": "null" }] })),
            (
                "Client | []integer",
                json!({ "anyOf": [name, { "type": "array", "items": { "type": "integer" } }] }),
            ),
        ] {
            assert_eq!(schema(kind), Some(expect), "{kind}");
        }
        for kind in ["", "text", "'a", "Client|string", "[]", "client", "'a' | ", "string??x"] {
            assert_eq!(schema(kind), None, "{kind}");
        }
    }

    fn read(text: &str) -> Option<Value> {
        let all: BTreeMap<String, Written> = serde_json::from_str(text).unwrap();
        all.get("It").unwrap().shape(&all)?.schema()
    }

    #[test]
    fn objects_have_what_they_include_and_say_the_last_word() {
        let text = r#"{
            "one": {"a?": "string", "b": "integer"},
            "two": {"&": "one", "c": "any"},
            "It": {"&": "two", "a": "uuid", "d?": "any", "...": "any"}
        }"#;
        let expect = json!({
            "type": "object",
            "properties": {
                "a": { "type": "string", "format": "uuid" },
                "b": { "type": "integer" },
                "c": {},
                "d": {},
            },
            "required": ["a", "b", "c"],
            "additionalProperties": true,
        });
        assert_eq!(read(text), Some(expect));
    }

    #[test]
    fn what_is_not_in_the_notation_is_no_schema() {
        for text in [
            r#"{"It": {"a": {"b": "string"}}}"#,
            r#"{"It": {"a": "strin"}}"#,
            r#"{"It": {"&": "missing"}}"#,
            r#"{"It": {"&": "one"}, "one": "string"}"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_parts_of_a_type_are_all_of_it() {
        let kind = "[]Client | 'A word' | date-time | {}Scope?";
        let found = parts(kind);
        assert_eq!(found.iter().map(|(part, _)| *part).collect::<String>(), kind);
        let names: Vec<&str> = found.iter().filter(|(_, is_name)| *is_name).map(|(part, _)| *part).collect();
        assert_eq!(names, ["Client", "Scope"]);
    }
}
