//! Documents against the API's own description (`kratos.api.json`), strictly: a member that the
//! description does not have is a misspelt one.

use std::path::Path;

use serde_json::{Value, json};

/// The description, from beside the repository. Absent, the test is skipped by name; under `CI` it fails.
pub(crate) struct Description(Value);

impl Description {
    pub(crate) fn load() -> Option<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/ory/kratos.api.json");
        match std::fs::read(&path) {
            Ok(text) => Some(Self(serde_json::from_slice(&text).unwrap())),
            Err(error) => {
                let missing =
                    format!("kratos.api.json is not beside the repository ({}): {error}", path.display());
                assert!(std::env::var_os("CI").is_none(), "{missing}");
                eprintln!("skipped: {missing}");
                None
            }
        }
    }

    /// Everything that is wrong with `document` as a `schema`.
    pub(crate) fn violations(&self, schema: &str, document: &Value) -> Vec<String> {
        let mut schemas = self.0["components"]["schemas"].clone();
        for schema in schemas.as_object_mut().unwrap().values_mut() {
            translate(schema);
        }
        let whole =
            json!({ "$ref": format!("#/components/schemas/{schema}"), "components": { "schemas": schemas } });
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .build(&whole)
            .unwrap();
        validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect()
    }

    pub(crate) fn check(&self, schema: &str, document: &Value) {
        let violations = self.violations(schema, document);
        assert!(violations.is_empty(), "{schema}: {violations:#?}\n{document:#}");
    }
}

/// From OpenAPI 3.0 to JSON Schema: `nullable`, and objects with a list of members take no others.
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
                && fields.get("type").is_some_and(Value::is_string);
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

#[test]
fn a_wrong_document_is_noticed() {
    let Some(description) = Description::load() else { return };
    for wrong in [
        json!({}),
        json!({"logout_url": "x"}),
        json!({"logout_url": 1, "logout_token": "x"}),
        json!({"logout_url": "x", "logout_token": "x", "logout": "x"}),
    ] {
        assert!(!description.violations("logoutFlow", &wrong).is_empty(), "{wrong}");
    }
    description.check("logoutFlow", &json!({"logout_url": "x", "logout_token": "y"}));
}
