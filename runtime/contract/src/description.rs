//! The description: its operations with their answers, and its schemas, strictly.
//!
//! A property that a schema does not have is a violation, though OpenAPI lets it pass: it is a misspelt one, or one that
//! generated clients do not know.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::list::Property;

/// The methods that an OpenAPI path may have and that we serve.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A description that can be asked.
pub(crate) struct Description {
    pub(crate) operations: Vec<Operation>,
    /// `components`, as JSON Schema.
    components: Value,
    /// By the schema's text.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description").field("operations", &self.operations.len()).finish_non_exhaustive()
    }
}

/// An operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    /// In capitals.
    method: String,
    path: Vec<Segment>,
    /// By status, or `default`.
    pub(crate) answers: BTreeMap<String, Body>,
    /// All that is said of it.
    pub(crate) document: Value,
}

/// A part of a path between slashes.
#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Place,
}

/// What an answer brings.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// Nothing.
    Empty,
    /// A document.
    Of { media_type: String, schema: Value },
}

impl Body {
    pub(crate) fn json(schema: Value) -> Self {
        Self::Of { media_type: "application/json".to_owned(), schema }
    }
}

/// The schema of a name.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

impl Description {
    /// Reads a document of OpenAPI 3.0, some of whose schemas have other properties.
    pub(crate) fn new(mut document: Value, properties: &[Property]) -> Result<Self, String> {
        for property in properties {
            let of_schema =
                document.pointer_mut(&format!("/components/schemas/{}/properties", property.schema));
            let of_schema = of_schema.and_then(Value::as_object_mut);
            let of_schema = of_schema.ok_or_else(|| format!("there is no schema `{}`", property.schema))?;
            let schema = match (&property.like, &property.kind) {
                (Some(name), None) => reference(name),
                (None, Some(kind)) => json!({ "type": kind }),
                _ => return Err(format!("{}: `like` or `type`", property.name)),
            };
            of_schema.insert(property.name.clone(), schema);
        }
        let operations = operations(&document)?;
        let mut components = document.get("components").cloned().ok_or("it has no components")?;
        if let Some(schemas) = components.get_mut("schemas").and_then(Value::as_object_mut) {
            schemas.values_mut().for_each(translate);
        }
        Ok(Self { operations, components, validators: Mutex::default() })
    }

    /// The operation of a request; that with the fewest places, where several match. The old paths of operators'
    /// operations, without `/admin`, lead to the same.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<&Operation> {
        let matching = |path: &str| {
            let segments: Vec<&str> = path.split('/').collect();
            let of_method = self.operations.iter().filter(|one| one.method == method);
            of_method.filter(|one| one.matches(&segments)).min_by_key(|one| one.places())
        };
        // Our own operations never had others.
        let has_older_path = !path.starts_with("/portcullis/");
        matching(path).or_else(|| has_older_path.then(|| matching(&format!("/admin{path}"))).flatten())
    }

    /// Everything that is wrong with a document as this schema.
    pub(crate) fn violations(&self, schema: &Value, document: &Value) -> Result<Vec<String>, String> {
        let validator = self.validator(schema)?;
        let errors = validator.iter_errors(document);
        Ok(errors.map(|error| format!("{}: {error}", error.instance_path())).collect())
    }

    fn validator(&self, schema: &Value) -> Result<Arc<Validator>, String> {
        let key = schema.to_string();
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = validators.get(&key) {
            return Ok(Arc::clone(known));
        }
        let mut whole = schema.clone();
        translate(&mut whole);
        let fields = whole.as_object_mut().ok_or("a schema is no object")?;
        fields.insert("components".to_owned(), self.components.clone());
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let validator = Arc::new(options.build(&whole).map_err(|error| format!("{key}: {error}"))?);
        validators.insert(key, Arc::clone(&validator));
        Ok(validator)
    }
}

impl Operation {
    fn matches(&self, segments: &[&str]) -> bool {
        let same = |(one, text): (&Segment, &&str)| match one {
            Segment::Literal(literal) => literal == text,
            Segment::Place => !text.is_empty(),
        };
        self.path.len() == segments.len() && self.path.iter().zip(segments).all(same)
    }

    fn places(&self) -> usize {
        self.path.iter().filter(|one| **one == Segment::Place).count()
    }
}

fn operations(document: &Value) -> Result<Vec<Operation>, String> {
    let paths = document.get("paths").and_then(Value::as_object).ok_or("it has no paths")?;
    let mut operations = Vec::new();
    for (path, methods) in paths {
        let of_path = METHODS.iter().filter_map(|method| Some((*method, methods.get(method)?)));
        for (method, operation) in of_path {
            let id = operation.get("operationId").and_then(Value::as_str);
            let id = id.ok_or_else(|| format!("{method} {path} has no operationId"))?.to_owned();
            let responses = operation.get("responses").and_then(Value::as_object);
            let responses = responses.ok_or_else(|| format!("{id} has no responses"))?;
            let segment = |text: &str| {
                if text.starts_with('{') { Segment::Place } else { Segment::Literal(text.to_owned()) }
            };
            operations.push(Operation {
                id,
                method: method.to_ascii_uppercase(),
                path: path.split('/').map(segment).collect(),
                answers: answers(document, responses)?,
                document: operation.clone(),
            });
        }
    }
    if operations.is_empty() { Err("it has no operations".to_owned()) } else { Ok(operations) }
}

fn answers(document: &Value, responses: &Map<String, Value>) -> Result<BTreeMap<String, Body>, String> {
    let mut answers = BTreeMap::new();
    for (status, response) in responses {
        let response = match response.get("$ref").and_then(Value::as_str) {
            None => response,
            Some(reference) => reference
                .strip_prefix('#')
                .and_then(|pointer| document.pointer(pointer))
                .ok_or_else(|| format!("there is no {reference}"))?,
        };
        let content = response.get("content").and_then(Value::as_object);
        let body = match content.and_then(|content| content.iter().next()) {
            None => Body::Empty,
            Some((media_type, content)) => Body::Of {
                media_type: media_type.clone(),
                schema: content
                    .get("schema")
                    .cloned()
                    .ok_or_else(|| format!("{media_type} has no schema"))?,
            },
        };
        answers.insert(status.clone(), body);
    }
    Ok(answers)
}

/// From OpenAPI 3.0 to JSON Schema 2020-12: `nullable`, and objects with a list of properties take no others.
fn translate(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let nullable = fields.remove("nullable") == Some(Value::Bool(true));
            if nullable && let Some(kind) = fields.get("type").cloned() {
                fields.insert("type".to_owned(), json!([kind, "null"]));
            }
            if fields.get("format") == Some(&json!("uuid4")) {
                fields.insert("format".to_owned(), json!("uuid"));
            }
            let is_schema = fields.get("properties").is_some_and(Value::is_object)
                && fields.get("type").is_some_and(|kind| kind.is_string() || kind.is_array());
            if is_schema && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            fields.remove("example");
            fields.values_mut().for_each(translate);
        }
        Value::Array(items) => items.iter_mut().for_each(translate),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
