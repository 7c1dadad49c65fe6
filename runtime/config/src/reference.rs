//! The reference page and the JSON Schema, generated from the types and their doc comments.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::Config;

/// The JSON Schema of a configuration file, for editors and checks.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Config).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), Value::from("Portcullis configuration"));
    }
    schema
}

/// The schema as the committed file holds it.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

/// The reference page in Markdown.
pub fn page() -> String {
    let schema = schema();
    let mut page = String::from(
        "# Configuration reference\n\n\
         Generated from the types in `runtime/config`; do not edit. `portcullis config check FILE` checks a file,\n\
         `portcullis config example` prints one. An unknown key, a wrong type or a contradiction is an error with its\n\
         place. Secrets are only referred to: `{ file = \"/run/secrets/x\" }` or `{ env = \"NAME\" }`. A length of time\n\
         is a whole number and a unit: `500ms`, `30s`, `15m`, `12h`, `30d`.\n",
    );
    if let Some(root) = schema.as_object() {
        section(&schema, &[], root, &mut page);
    }
    page
}

type Object = Map<String, Value>;

/// Writes one table's heading, its keys, then the tables inside it.
fn section(schema: &Value, path: &[(&str, bool)], object: &Object, page: &mut String) {
    if let Some((_, many)) = path.last() {
        let name = path.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(".");
        let heading = if *many { format!("[[{name}]]") } else { format!("[{name}]") };
        write!(page, "\n## `{heading}`\n").ok();
    }
    if let Some(text) = text_of(object) {
        write!(page, "\n{text}\n").ok();
    }
    let required: Vec<&str> = strings(object.get("required")).collect();
    let mut tables = Vec::new();
    let mut rows = String::new();
    for (name, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let Some(property) = property.as_object() else { continue };
        let (inner, many) = looked_through(schema, property);
        if inner.contains_key("properties") {
            tables.push((name.as_str(), many, inner));
            continue;
        }
        let default = match property.get("default") {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            Some(Value::Null) | None => "none".to_owned(),
            Some(value) => format!("`{value}`"),
        };
        let meaning = text_of(property).or_else(|| text_of(inner)).unwrap_or_default();
        let words = words(inner, many);
        writeln!(rows, "| `{name}` | {words} | {default} | {} |", one_line(meaning)).ok();
    }
    if !rows.is_empty() {
        write!(page, "\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n{rows}").ok();
    }
    for (name, many, inner) in tables {
        let path: Vec<_> = path.iter().copied().chain([(name, many)]).collect();
        section(schema, &path, inner, page);
    }
}

/// Follows references, options and arrays to the schema that says something; whether it is a list.
fn looked_through<'a>(schema: &'a Value, object: &'a Object) -> (&'a Object, bool) {
    if let Some(reference) = object.get("$ref").and_then(Value::as_str)
        && let Some(target) = schema.pointer(reference.trim_start_matches('#')).and_then(Value::as_object)
    {
        return looked_through(schema, target);
    }
    if let Some(some) = object
        .get("anyOf")
        .and_then(Value::as_array)
        .and_then(|variants| {
            variants.iter().find(|variant| variant.get("type") != Some(&Value::from("null")))
        })
        .and_then(Value::as_object)
    {
        return looked_through(schema, some);
    }
    if let Some(items) = object.get("items").and_then(Value::as_object) {
        return (looked_through(schema, items).0, true);
    }
    (object, false)
}

fn words(inner: &Object, many: bool) -> String {
    let of_variants: Vec<String> = inner
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(variant)
        .chain(strings(inner.get("enum")).map(|word| format!("`{word:?}`")))
        .collect();
    let one = if of_variants.is_empty() {
        strings(inner.get("type"))
            .chain(inner.get("type").and_then(Value::as_str))
            .filter(|name| *name != "null")
            .collect::<Vec<_>>()
            .join(" or ")
    } else {
        of_variants.join(" or ")
    };
    if many { format!("list of {one}") } else { one }
}

/// One case of an enum: a word, or a small table such as `{ file = … }`.
fn variant(case: &Value) -> Option<String> {
    if let Some(word) = case.get("const").and_then(Value::as_str) {
        return Some(format!("`\"{word}\"`"));
    }
    if case.get("enum").is_some() {
        return Some(
            strings(case.get("enum")).map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(" or "),
        );
    }
    let (name, _) = case.get("properties")?.as_object()?.iter().next()?;
    Some(format!("`{{ {name} = … }}`"))
}

fn strings(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn text_of(object: &Object) -> Option<&str> {
    object.get("description").and_then(Value::as_str)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
