//! What a component says of its settings: a JSON Schema in a custom section of its own.
//!
//! Attack: a schema that refers to somebody's server, or whose patterns take exponential time. It is compiled
//! as the schemas of identities are: capped, offline, on an engine of linear time.

use std::sync::Arc;

use identity::schema::JsonSchema;
use serde_json::{Map, Value};
use wasmparser::{Parser, Payload};

use crate::HostError;

/// The name of the custom section, in the component itself and not in what is nested in it.
pub const SETTINGS_SCHEMA_SECTION: &str = "portcullis:settings-schema";

/// How many violations are told at a time.
const TOLD: usize = 5;

/// Refuses settings that do not fit the component's schema, if it has one.
///
/// Looking for it walks the component: not on a thread that serves requests.
pub(crate) async fn check_settings(
    component: Arc<[u8]>,
    settings: Map<String, Value>,
) -> Result<(), HostError> {
    tokio::task::spawn_blocking(move || check(&component, settings))
        .await
        .map_err(|error| HostError::Internal(error.to_string()))?
}

/// Refuses a component whose schema is none.
pub(crate) fn check_schema(component: &[u8]) -> Result<(), HostError> {
    schema(component).map(drop)
}

fn check(component: &[u8], settings: Map<String, Value>) -> Result<(), HostError> {
    let Some(schema) = schema(component)? else { return Ok(()) };
    let violations = schema.violations(&Value::Object(settings), TOLD);
    if violations.is_empty() { Ok(()) } else { Err(HostError::SettingsDoNotFit { violations }) }
}

/// Puts a schema into a component that has none.
pub fn embed_settings_schema(mut component: Vec<u8>, schema: &str) -> Result<Vec<u8>, HostError> {
    if section(&component)?.is_some() {
        return Err(HostError::SettingsSchema("the component has one already".to_owned()));
    }
    compile(schema.as_bytes())?;
    let name = SETTINGS_SCHEMA_SECTION.as_bytes();
    let mut content = leb128(name.len());
    content.extend_from_slice(name);
    content.extend_from_slice(schema.as_bytes());
    component.push(0);
    component.extend(leb128(content.len()));
    component.extend(content);
    Ok(component)
}

fn schema(component: &[u8]) -> Result<Option<JsonSchema>, HostError> {
    section(component)?.map(compile).transpose()
}

fn compile(text: &[u8]) -> Result<JsonSchema, HostError> {
    let document: Value =
        serde_json::from_slice(text).map_err(|error| HostError::SettingsSchema(error.to_string()))?;
    JsonSchema::compile(&document).map_err(|error| HostError::SettingsSchema(error.to_string()))
}

/// The content of the section; the first one counts.
fn section(component: &[u8]) -> Result<Option<&[u8]>, HostError> {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(HostError::invalid)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == SETTINGS_SCHEMA_SECTION => {
                return Ok(Some(section.data()));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// A number as WebAssembly writes it.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn with(schema: &Value) -> Vec<u8> {
        embed_settings_schema(EMPTY.to_vec(), &schema.to_string()).unwrap()
    }

    #[test]
    fn settings_are_held_to_the_schema_that_was_embedded() {
        let component = with(&json!({
            "description": "x".repeat(1_000),
            "type": "object",
            "properties": { "seats": { "type": "integer", "minimum": 1 } },
            "required": ["seats"],
            "additionalProperties": false,
        }));
        for (settings, violation) in [
            (json!({ "seats": 3 }), None),
            (json!({ "seats": 0 }), Some("/seats: 0 is less than the minimum of 1")),
            (json!({}), Some("/: \"seats\" is a required property")),
            (json!({ "seats": 3, "seat": 4 }), Some("('seat' was unexpected)")),
        ] {
            let refused = check(&component, settings.as_object().unwrap().clone()).err();
            match (refused, violation) {
                (None, None) => {}
                (Some(error), Some(words)) => assert!(error.to_string().contains(words), "{error}"),
                (found, expect) => panic!("{settings}: {found:?}, expected {expect:?}"),
            }
        }
        let any = json!({ "whatever": 1 });
        assert!(check(EMPTY, any.as_object().unwrap().clone()).is_ok(), "without a schema anything fits");
    }

    #[test]
    fn what_is_no_schema_is_not_embedded_and_not_taken() {
        for schema in [r#"{"type": 3}"#, "{", r#"{"$ref": "https://evil.example/s.json"}"#] {
            assert!(embed_settings_schema(EMPTY.to_vec(), schema).is_err(), "{schema}");
        }
        let twice = embed_settings_schema(with(&json!({})), "{}").unwrap_err();
        assert!(twice.to_string().contains("has one already"), "{twice}");
        let mut forged = with(&json!({ "type": "object" }));
        let at = forged.len() - 2;
        forged[at] = b'!';
        assert!(check_schema(&forged).is_err());
    }

    #[test]
    fn section_of_a_nested_component_is_not_the_components() {
        let nested = with(&json!({ "required": ["never"] }));
        let mut outer = EMPTY.to_vec();
        outer.push(4);
        outer.extend(leb128(nested.len()));
        outer.extend(nested);
        assert!(check(&outer, Map::new()).is_ok());
    }
}
