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
         is written `500ms`, `30s`, `15m`, `1h30m` or `30d`.\n",
    );
    if let Some(object) = schema.as_object() {
        let whole = Table { path: String::new(), many: Many::Once, schema: object, absent: None };
        let mut sections = String::new();
        section(&schema, &whole, &mut sections);
        contents(&sections, &mut page);
        page.push_str(&sections);
    }
    page
}

/// Lists the sections, each linked to its heading as Markdown viewers name it.
fn contents(sections: &str, page: &mut String) {
    page.push('\n');
    for heading in sections.lines().filter_map(|line| line.strip_prefix("## ")) {
        let anchor: String = heading.chars().filter(char::is_ascii_alphanumeric).collect();
        writeln!(page, "- [{heading}](#{})", anchor.to_ascii_lowercase()).ok();
    }
}

type Object = Map<String, Value>;

/// How often what a key holds is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Many {
    Once,
    List,
    ByName,
}

/// A table of the file.
struct Table<'a> {
    /// Its path, e.g. `tenant.identity`.
    path: String,
    many: Many,
    schema: &'a Object,
    /// What the whole table is when it is not written.
    absent: Option<&'a Value>,
}

/// Writes one table's heading, its keys, then the tables inside it.
fn section(root: &Value, table: &Table<'_>, page: &mut String) {
    if !table.path.is_empty() {
        let path = &table.path;
        let heading = match table.many {
            Many::Once => format!("[{path}]"),
            Many::List => format!("[[{path}]]"),
            Many::ByName => format!("[{path}.<name>]"),
        };
        write!(page, "\n## `{heading}`\n").ok();
    }
    if let Some(text) = text_of(table.schema) {
        write!(page, "\n{text}\n").ok();
    }
    if let Some(Value::Array(rows)) = table.absent
        && !rows.is_empty()
    {
        let rows: Vec<String> = rows.iter().map(|row| format!("`{row}`")).collect();
        write!(page, "\nWithout any: {}.\n", rows.join(", ")).ok();
    }
    let required: Vec<&str> = strings(table.schema.get("required")).collect();
    let mut tables = Vec::new();
    let mut rows = String::new();
    for (name, property) in table.schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let Some(property) = property.as_object() else { continue };
        let (inner, many) = looked_through(root, property);
        if inner.contains_key("properties") {
            let name = if table.many == Many::ByName { format!("<name>.{name}") } else { name.clone() };
            let path = if table.path.is_empty() { name } else { format!("{}.{name}", table.path) };
            let absent = property.get("default");
            tables.push(Table { path, many, schema: inner, absent });
            continue;
        }
        let own = property.get("default").filter(|_| !required.contains(&name.as_str()));
        let mut default = match own {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            Some(Value::Null) | None => "none".to_owned(),
            Some(value) => format!("`{value}`"),
        };
        if let Some(absent) =
            table.absent.and_then(|table| table.get(name)).filter(|value| own != Some(*value))
        {
            write!(default, "; `{absent}` without the table").ok();
        }
        let meaning = text_of(property).or_else(|| text_of(inner)).unwrap_or_default();
        writeln!(rows, "| `{name}` | {} | {default} | {} |", words(inner, many), one_line(meaning)).ok();
    }
    if !rows.is_empty() {
        write!(page, "\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n{rows}").ok();
    }
    for inner in &tables {
        section(root, inner, page);
    }
}

/// Follows references, options, arrays and maps to the schema that says something.
fn looked_through<'a>(root: &'a Value, object: &'a Object) -> (&'a Object, Many) {
    if let Some(reference) = object.get("$ref").and_then(Value::as_str)
        && let Some(target) = root.pointer(reference.trim_start_matches('#')).and_then(Value::as_object)
    {
        return looked_through(root, target);
    }
    if let Some(some) = object
        .get("anyOf")
        .and_then(Value::as_array)
        .and_then(|variants| {
            variants.iter().find(|variant| variant.get("type") != Some(&Value::from("null")))
        })
        .and_then(Value::as_object)
    {
        return looked_through(root, some);
    }
    if let Some(items) = object.get("items").and_then(Value::as_object) {
        return (looked_through(root, items).0, Many::List);
    }
    if let Some(values) = object.get("additionalProperties").and_then(Value::as_object) {
        return (looked_through(root, values).0, Many::ByName);
    }
    (object, Many::Once)
}

fn words(inner: &Object, many: Many) -> String {
    let of_variants: Vec<String> = inner
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(variant)
        .chain(strings(inner.get("enum")).map(|word| format!("`{word:?}`")))
        .collect();
    let one = if let Some(title) = inner.get("title").and_then(Value::as_str) {
        title.to_owned()
    } else if of_variants.is_empty() {
        strings(inner.get("type"))
            .chain(inner.get("type").and_then(Value::as_str))
            .filter(|name| *name != "null")
            .map(|name| if name == "object" { "table" } else { name })
            .collect::<Vec<_>>()
            .join(" or ")
    } else {
        of_variants.join(" or ")
    };
    let one = if one.is_empty() { "any value".to_owned() } else { one };
    match many {
        Many::Once => one,
        Many::List => format!("list of {one}"),
        Many::ByName => format!("table of {one}"),
    }
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
