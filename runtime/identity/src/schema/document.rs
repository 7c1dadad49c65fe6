//! One JSON Schema, compiled: capped, without references that leave it, with patterns of linear time.

use serde_json::Value;

const MAX_SCHEMA_BYTES: usize = 64 * 1024;
const MAX_SCHEMA_DEPTH: usize = 32;
/// The longest words about one violation, in characters.
const WORDS: usize = 300;

/// A compiled JSON Schema (draft-07 or 2020-12).
#[derive(Debug)]
pub struct JsonSchema {
    pub(super) validator: jsonschema::Validator,
}

/// Why a document is no usable schema. Whoever wrote it has to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Too large, or nested too deeply.
    #[error("it is larger than 64 KiB or nested more than 32 deep")]
    TooLarge,
    /// A reference that leaves the document.
    #[error("it refers to {0:?}; references must begin with '#'")]
    OutsideReference(String),
    /// Another dialect.
    #[error("it must be JSON Schema draft-07 or 2020-12")]
    UnknownDialect,
    /// Not a JSON Schema.
    #[error("it is not valid: {0}")]
    Invalid(String),
}

impl JsonSchema {
    /// Compiles a document.
    pub fn compile(document: &Value) -> Result<Self, DocumentError> {
        if document.to_string().len() > MAX_SCHEMA_BYTES || depth(document) > MAX_SCHEMA_DEPTH {
            return Err(DocumentError::TooLarge);
        }
        if let Some(reference) = outside_reference(document) {
            return Err(DocumentError::OutsideReference(reference));
        }
        let draft = dialect(document).ok_or(DocumentError::UnknownDialect)?;
        let validator = jsonschema::options()
            .with_draft(draft)
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(true)
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .build(document)
            .map_err(|error| DocumentError::Invalid(error.to_string()))?;
        Ok(Self { validator })
    }

    /// What of a value does not fit, in words, each with its place; at most so many.
    pub fn violations(&self, value: &Value, most: usize) -> Vec<String> {
        let words = |error: jsonschema::ValidationError<'_>| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "/".to_owned() } else { place };
            format!("{place}: {error}").chars().take(WORDS).collect()
        };
        self.validator.iter_errors(value).take(most).map(words).collect()
    }
}

/// How deep a document nests; stops counting past what any caller allows.
pub(super) fn depth(value: &Value) -> usize {
    fn below(value: &Value, at: usize) -> usize {
        if at > 2 * MAX_SCHEMA_DEPTH {
            return at;
        }
        match value {
            Value::Array(items) => items.iter().map(|item| below(item, at + 1)).max().unwrap_or(at),
            Value::Object(fields) => fields.values().map(|field| below(field, at + 1)).max().unwrap_or(at),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => at,
        }
    }
    below(value, 0)
}

fn outside_reference(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, field)| match field.as_str() {
            Some(target) if name == "$ref" || name == "$dynamicRef" || name == "$recursiveRef" => {
                (!target.starts_with('#')).then(|| target.to_owned())
            }
            _ => outside_reference(field),
        }),
        Value::Array(items) => items.iter().find_map(outside_reference),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn dialect(document: &Value) -> Option<jsonschema::Draft> {
    let Some(dialect) = document.get("$schema") else { return Some(jsonschema::Draft::Draft7) };
    match dialect.as_str()?.trim_end_matches('#') {
        "http://json-schema.org/draft-07/schema" | "https://json-schema.org/draft-07/schema" => {
            Some(jsonschema::Draft::Draft7)
        }
        "https://json-schema.org/draft/2020-12/schema" => Some(jsonschema::Draft::Draft202012),
        _ => None,
    }
}
