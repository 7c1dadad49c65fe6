//! The schemas of a tenant's types of `authorization_details`, compiled as those of its identities are.

use std::collections::HashMap;

use identity::schema::{DocumentError, JsonSchema};
use oauth2::details::{DetailSchemas, DetailsType};
use serde_json::Value;

/// One compiled schema for each type.
#[derive(Debug)]
pub(crate) struct CompiledSchemas(HashMap<String, JsonSchema>);

impl CompiledSchemas {
    pub(crate) fn compile(types: &[DetailsType]) -> Result<Self, DocumentError> {
        let one = |one: &DetailsType| {
            Ok((one.name.clone(), JsonSchema::compile(&Value::Object(one.schema.clone()))?))
        };
        types.iter().map(one).collect::<Result<_, _>>().map(Self)
    }
}

impl DetailSchemas for CompiledSchemas {
    fn misfit(&self, name: &str, detail: &Value) -> Option<String> {
        match self.0.get(name) {
            Some(schema) => schema.violations(detail, 1).pop(),
            None => Some("has no schema".to_owned()),
        }
    }
}
