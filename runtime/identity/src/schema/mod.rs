//! Identity schemas: JSON Schema (draft-07 and 2020-12) with the `ory.sh/kratos` keywords.
//!
//! Attack: a schema or the traits checked against it are input. A reference that leaves the document
//! would fetch for the attacker, a deep document would exhaust the stack, and a backtracking pattern
//! would hold a thread. So references stay inside, documents are capped in size and depth, and
//! patterns run on an engine of linear time.

mod document;
mod field;
mod phones;
mod validate;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

pub use document::{DocumentError, JsonSchema};
pub use field::{Field, InputType};
pub use phones::PhoneUses;
pub use validate::{CheckedTraits, TraitProblem, TraitViolation};

use self::document::depth;
use crate::settings::Settings;

/// The schema that every tenant has unless it replaces it: e-mail and name.
const DEFAULT: &str = include_str!("default.json");

/// The compiled schemas of a tenant.
#[derive(Debug, Clone)]
pub struct Schemas {
    by_id: BTreeMap<String, Arc<Schema>>,
    default: Arc<Schema>,
}

/// One compiled schema.
#[derive(Debug)]
pub struct Schema {
    id: String,
    document: Value,
    selectable: bool,
    validator: jsonschema::Validator,
    fields: Vec<Field>,
    phones: PhoneUses,
}

/// Why settings hold no usable schemas. The operator's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// `default_schema` names none.
    #[error("default_schema names {0:?}, which is not one of the schemas")]
    UnknownDefault(String),
    /// Too large, or nested too deeply.
    #[error("schema {0:?} is larger than 64 KiB or nested more than 32 deep")]
    TooLarge(String),
    /// A reference that leaves the document.
    #[error("schema {schema:?} refers to {reference:?}; references must begin with '#'")]
    OutsideReference {
        /// Which schema.
        schema: String,
        /// The reference.
        reference: String,
    },
    /// Another dialect.
    #[error("schema {0:?} must be JSON Schema draft-07 or 2020-12")]
    UnknownDialect(String),
    /// Not a JSON Schema.
    #[error("schema {schema:?} is not valid: {reason}")]
    Invalid {
        /// Which schema.
        schema: String,
        /// What is wrong, by the compiler's words.
        reason: String,
    },
    /// It describes no traits.
    #[error("schema {0:?} must describe an object property \"traits\"")]
    NoTraits(String),
}

impl SchemaError {
    fn of(id: &str, error: DocumentError) -> Self {
        let schema = id.to_owned();
        match error {
            DocumentError::TooLarge => Self::TooLarge(schema),
            DocumentError::OutsideReference(reference) => Self::OutsideReference { schema, reference },
            DocumentError::UnknownDialect => Self::UnknownDialect(schema),
            DocumentError::Invalid(reason) => Self::Invalid { schema, reason },
        }
    }
}

impl Schemas {
    /// Compiles the schemas of a tenant's settings.
    pub fn compile(settings: &Settings) -> Result<Self, SchemaError> {
        let mut by_id = BTreeMap::new();
        if !settings.schemas.contains_key("default") {
            by_id.insert("default".to_owned(), built_in()?);
        }
        for (id, source) in &settings.schemas {
            let schema = Schema::compile(id, source.schema.clone(), source.selfservice_selectable)?;
            by_id.insert(id.clone(), Arc::new(schema));
        }
        let default = by_id
            .get(&settings.default_schema)
            .cloned()
            .ok_or_else(|| SchemaError::UnknownDefault(settings.default_schema.clone()))?;
        Ok(Self { by_id, default })
    }

    /// Finds a schema by its id.
    pub fn find(&self, id: &str) -> Option<&Arc<Schema>> {
        self.by_id.get(id)
    }

    /// The schema of new identities that name none.
    pub const fn default_schema(&self) -> &Arc<Schema> {
        &self.default
    }

    /// The schema for a self-service form: the one asked for if people may choose it.
    pub fn selectable(&self, requested: Option<&str>) -> Option<&Arc<Schema>> {
        match requested {
            None => Some(&self.default),
            Some(id) if id == self.default.id => Some(&self.default),
            Some(id) => self.by_id.get(id).filter(|schema| schema.selectable),
        }
    }

    /// Which forms take phone numbers, of people of whatever schema.
    pub fn phones(&self) -> PhoneUses {
        self.by_id.values().map(|schema| schema.phones).fold(PhoneUses::default(), PhoneUses::and)
    }

    /// All schemas in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.by_id.values()
    }
}

/// [`DEFAULT`], which all tenants without one of their own share.
fn built_in() -> Result<Arc<Schema>, SchemaError> {
    static COMPILED: LazyLock<Result<Arc<Schema>, SchemaError>> = LazyLock::new(|| {
        let document = serde_json::from_str(DEFAULT).map_err(|error: serde_json::Error| {
            SchemaError::Invalid { schema: "default".to_owned(), reason: error.to_string() }
        })?;
        Schema::compile("default", document, true).map(Arc::new)
    });
    COMPILED.clone()
}

impl Schema {
    fn compile(id: &str, document: Value, selectable: bool) -> Result<Self, SchemaError> {
        let JsonSchema { validator } =
            JsonSchema::compile(&document).map_err(|error| SchemaError::of(id, error))?;
        let fields = field::fields(&document).ok_or_else(|| SchemaError::NoTraits(id.to_owned()))?;
        let phones = PhoneUses::of(&document);
        Ok(Self { id: id.to_owned(), document, selectable, validator, fields, phones })
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The JSON Schema itself.
    pub const fn document(&self) -> &Value {
        &self.document
    }

    /// What a form asks for, in the order of the schema.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::SchemaSettings;

    fn compile(schema: Value) -> Result<Schemas, SchemaError> {
        let mut settings = Settings { default_schema: "x".to_owned(), ..Settings::default() };
        settings.schemas.insert("x".to_owned(), SchemaSettings { schema, selfservice_selectable: false });
        Schemas::compile(&settings)
    }

    #[test]
    fn references_stay_inside_the_document() {
        for reference in
            ["https://evil.example/s.json", "http://169.254.169.254/", "file:///etc/passwd", "other.json"]
        {
            let schema = json!({"properties": {"traits": {"type": "object", "properties": {"a": {"$ref": reference}}}}});
            assert!(matches!(compile(schema), Err(SchemaError::OutsideReference { .. })), "{reference}");
        }
        let inside = json!({
            "definitions": {"name": {"type": "string"}},
            "properties": {"traits": {"type": "object", "properties": {"a": {"$ref": "#/definitions/name"}}}}
        });
        assert!(compile(inside).is_ok());
    }

    #[test]
    fn deep_or_large_schemas_are_refused() {
        let deep = (0..40).fold(json!({}), |inner, _| json!({"not": inner}));
        assert_eq!(compile(deep).unwrap_err(), SchemaError::TooLarge("x".to_owned()));
        assert_eq!(
            compile(json!({"title": "x".repeat(70_000)})).unwrap_err(),
            SchemaError::TooLarge("x".to_owned())
        );
    }

    #[test]
    fn only_two_dialects() {
        for (dialect, known) in [
            ("http://json-schema.org/draft-07/schema#", true),
            ("https://json-schema.org/draft/2020-12/schema", true),
            ("http://json-schema.org/draft-04/schema#", false),
            ("https://evil.example/dialect", false),
        ] {
            let schema =
                json!({"$schema": dialect, "properties": {"traits": {"type": "object", "properties": {}}}});
            assert_eq!(compile(schema).is_ok(), known, "{dialect}");
        }
    }

    #[test]
    fn self_reference_ends() {
        let schema = json!({
            "definitions": {"node": {"type": "object", "properties": {"next": {"$ref": "#/definitions/node"}}}},
            "properties": {"traits": {"$ref": "#/definitions/node"}}
        });
        assert!(compile(schema).is_ok());
    }

    #[test]
    fn settings_without_schemas_have_the_default_one() {
        let schemas = Schemas::compile(&Settings::default()).unwrap();
        let names: Vec<_> =
            schemas.default_schema().fields().iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["traits.email", "traits.name.first", "traits.name.last"]);
    }
}
