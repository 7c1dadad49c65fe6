//! Our own document of the API, which has to say everything: an answer, or a body that was taken, with a member that the
//! document does not name is a violation.

use serde_json::{Map, Value};

use crate::description::Description;
use crate::{Answer, Checked, ContractError, shortened, without_tenant};

/// The document, of all listeners.
#[derive(Debug)]
pub struct Own {
    description: Description,
    schemas: Value,
}

/// What was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// The request's `Content-Type`, or nothing.
    pub content_type: &'a str,
    /// The request's body.
    pub body: &'a [u8],
}

impl Own {
    /// Reads the documents of several listeners as one.
    ///
    /// # Errors
    ///
    /// [`ContractError::Description`] where one is none.
    pub fn parse(documents: &[&str]) -> Result<Self, ContractError> {
        let mut whole = Value::Object(Map::new());
        for text in documents {
            let document: Value =
                serde_json::from_str(text).map_err(|error| ContractError::Description(error.to_string()))?;
            merge(&mut whole, document);
        }
        let schemas = whole.pointer("/components/schemas").cloned().unwrap_or_default();
        let description = Description::new(whole, &[]).map_err(ContractError::Description)?;
        Ok(Self { description, schemas })
    }

    /// Holds an answer against the document, and the body that led to it unless it was refused; `None` for what is not served.
    #[must_use]
    pub fn check(&self, answer: &Answer<'_>, sent: Sent<'_>) -> Option<Checked> {
        let operation = self.description.find(answer.method, without_tenant(answer.path))?;
        let mut violations = self.of_answer(&operation.document, answer);
        if answer.status < 400 {
            let of_body = self.of_body(operation.document.get("requestBody"), sent);
            violations.extend(of_body.into_iter().map(|violation| format!("its body: {violation}")));
        }
        let violations = violations.into_iter().map(shortened).collect();
        Some(Checked { operation: operation.id.clone(), status: answer.status, violations })
    }

    fn of_answer(&self, operation: &Value, answer: &Answer<'_>) -> Vec<String> {
        let responses = operation.get("responses");
        let find = |status: &str| responses.and_then(|responses| responses.get(status));
        // What is not told by its status fails.
        let default = || if answer.status < 400 { None } else { find("default") };
        let Some(response) = find(&answer.status.to_string()).or_else(default) else {
            return vec!["the status is not described".to_owned()];
        };
        let media_type = essence(answer.content_type);
        let is_page =
            answer.status >= 400 && answer.accept.contains("text/html") && media_type == "text/html";
        let Some(content) = response.get("content").filter(|_| !is_page) else {
            let is_empty = is_page || answer.body.is_empty();
            return if is_empty { Vec::new() } else { vec![format!("it has a body ({media_type})")] };
        };
        match schema(content, media_type) {
            Some(schema) => self.of_document(schema, media_type, answer.body),
            None => vec![format!("it is `{media_type}`, which is not described")],
        }
    }

    fn of_body(&self, described: Option<&Value>, sent: Sent<'_>) -> Vec<String> {
        let Some(described) = described else {
            return if sent.body.is_empty() { Vec::new() } else { vec!["none is described".to_owned()] };
        };
        if sent.body.is_empty() {
            let is_required = described.get("required").and_then(Value::as_bool).unwrap_or_default();
            return if is_required { vec!["it is required".to_owned()] } else { Vec::new() };
        }
        let media_type = essence(sent.content_type);
        match described.get("content").and_then(|content| schema(content, media_type)) {
            Some(schema) if media_type == "application/x-www-form-urlencoded" => {
                self.of_form(schema, sent.body)
            }
            Some(schema) => self.of_document(schema, media_type, sent.body),
            None => vec![format!("it is `{media_type}`, which is not described")],
        }
    }

    fn of_document(&self, schema: &Value, media_type: &str, body: &[u8]) -> Vec<String> {
        let parsed: Result<Vec<Value>, _> = if media_type == "application/x-ndjson" {
            body.split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(serde_json::from_slice)
                .collect()
        } else if media_type == "application/json" || media_type.ends_with("+json") {
            serde_json::from_slice(body).map(|document| vec![document])
        } else {
            Ok(vec![Value::String(String::from_utf8_lossy(body).into_owned())])
        };
        match parsed {
            Ok(documents) => {
                let each = documents.iter();
                each.flat_map(|one| {
                    self.description.violations(schema, one).unwrap_or_else(|error| vec![error])
                })
                .collect()
            }
            Err(error) => vec![format!("it is no JSON: {error}")],
        }
    }

    /// The names of a form's fields: all are texts. What is within an object has its name before a point.
    fn of_form(&self, schema: &Value, body: &[u8]) -> Vec<String> {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|place| place.rsplit('/').next());
        let schema = name.and_then(|name| self.schemas.get(name)).unwrap_or(schema);
        let names: Vec<String> = url::form_urlencoded::parse(body)
            .map(|(name, _)| name.split('.').next().unwrap_or_default().to_owned())
            .collect();
        let is_open = schema.get("additionalProperties").is_some();
        let is_known =
            |name: &String| schema.get("properties").is_some_and(|known| known.get(name).is_some());
        let unknown = names.iter().filter(|name| !is_open && !is_known(name));
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required = required.filter_map(Value::as_str);
        let missing = required.filter(|required| !names.iter().any(|name| name == required));
        unknown
            .map(|name| format!("`{name}` is not described"))
            .chain(missing.map(|name| format!("`{name}` is missing")))
            .collect()
    }
}

/// A media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn schema<'a>(content: &'a Value, media_type: &str) -> Option<&'a Value> {
    content.get(media_type).or_else(|| content.get("*/*"))?.get("schema")
}

/// Adds the members of a document to those of another.
fn merge(whole: &mut Value, other: Value) {
    match (whole, other) {
        (Value::Object(whole), Value::Object(other)) => {
            for (name, value) in other {
                merge(whole.entry(name).or_insert(Value::Null), value);
            }
        }
        (whole, other) => *whole = other,
    }
}
