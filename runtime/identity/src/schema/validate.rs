//! Traits against their schema.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Map, Value, json};

use super::field::{Keywords, resolve};
use super::{Schema, depth};
use crate::identifier::{Identifier, phone_number, visible};
use crate::identity::AddressKind;

const MAX_TRAITS_BYTES: usize = 32 * 1024;
const MAX_TRAITS_DEPTH: usize = 16;
const MAX_VIOLATIONS: usize = 10;

/// Traits that follow their schema. Only [`Schema::check_traits`] makes them.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedTraits {
    schema_id: String,
    traits: Map<String, Value>,
    identifiers: Vec<Identifier>,
    verifiable: Vec<(AddressKind, String)>,
    recovery: Vec<(AddressKind, String)>,
    codes: Vec<(AddressKind, String)>,
}

impl CheckedTraits {
    /// The schema that they follow.
    pub fn schema_id(&self) -> &str {
        &self.schema_id
    }

    /// The traits; those that identify are without invisible characters.
    pub const fn traits(&self) -> &Map<String, Value> {
        &self.traits
    }

    /// The login identifiers among them.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// The addresses to verify.
    pub fn verifiable(&self) -> &[(AddressKind, String)] {
        &self.verifiable
    }

    /// The addresses to which codes to sign in are sent.
    pub fn codes(&self) -> &[(AddressKind, String)] {
        &self.codes
    }

    /// The addresses through which the account can be recovered.
    pub fn recovery(&self) -> &[(AddressKind, String)] {
        &self.recovery
    }
}

/// One thing that is wrong with traits, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct TraitViolation {
    /// The form's name of the place, e.g. `traits.email`; `traits` for the whole.
    pub field: String,
    /// What is wrong.
    pub problem: TraitProblem,
}

/// What is wrong with a trait.
#[derive(Debug, Clone, PartialEq)]
pub enum TraitProblem {
    /// A required one is missing.
    Missing {
        /// Its name.
        property: String,
    },
    /// Too few characters.
    TooShort {
        /// The fewest.
        min: u64,
        /// What was given.
        actual: usize,
    },
    /// Too many characters.
    TooLong {
        /// The most.
        max: u64,
        /// What was given.
        actual: usize,
    },
    /// It does not match its pattern.
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// It is not of its format.
    Format {
        /// The format, e.g. `email`.
        format: String,
    },
    /// Another JSON type.
    WrongType {
        /// What may be given.
        expected: String,
        /// What was given.
        actual: &'static str,
    },
    /// A number below its bound.
    TooSmall {
        /// The bound.
        min: Value,
    },
    /// A number above its bound.
    TooLarge {
        /// The bound.
        max: Value,
    },
    /// Any other keyword.
    Other {
        /// The keyword that refused it.
        keyword: String,
    },
    /// It is to identify and cannot: nothing visible, too long, or control characters.
    NoIdentifier,
}

impl Schema {
    /// Checks traits, and gathers the identifiers and addresses among them.
    pub fn check_traits(&self, traits: Map<String, Value>) -> Result<CheckedTraits, Vec<TraitViolation>> {
        let mut traits = Value::Object(traits);
        let whole = |keyword: &str| {
            vec![TraitViolation {
                field: "traits".to_owned(),
                problem: TraitProblem::Other { keyword: keyword.to_owned() },
            }]
        };
        if depth(&traits) > MAX_TRAITS_DEPTH || traits.to_string().len() > MAX_TRAITS_BYTES {
            return Err(whole("size"));
        }
        let mut found = Found::default();
        if let Some(schema) = self.document().pointer("/properties/traits") {
            found.walk(self.document(), schema, &mut traits, "traits");
        }
        let instance = json!({ "traits": traits });
        let mut violations = found.violations;
        for error in self.validator.iter_errors(&instance).take(MAX_VIOLATIONS) {
            let violation = violation(&error);
            if !violations.iter().any(|known| known.field == violation.field) {
                violations.push(violation);
            }
        }
        let Value::Object(traits) = traits else { return Err(whole("type")) };
        if !violations.is_empty() {
            return Err(violations);
        }
        found.identifiers.sort();
        found.identifiers.dedup_by(|a, b| a.skeleton() == b.skeleton());
        Ok(CheckedTraits {
            schema_id: self.id().to_owned(),
            traits,
            identifiers: found.identifiers,
            verifiable: found.verifiable,
            recovery: found.recovery,
            codes: found.codes,
        })
    }

    /// The addresses among traits to which codes to sign in are sent, whether or not the traits still fit.
    pub fn code_addresses(&self, traits: &Map<String, Value>) -> Vec<(AddressKind, String)> {
        let mut found = Found::default();
        if let Some(schema) = self.document().pointer("/properties/traits") {
            found.walk(self.document(), schema, &mut Value::Object(traits.clone()), "traits");
        }
        found.codes
    }
}

#[derive(Default)]
struct Found {
    identifiers: Vec<Identifier>,
    verifiable: Vec<(AddressKind, String)>,
    recovery: Vec<(AddressKind, String)>,
    codes: Vec<(AddressKind, String)>,
    violations: Vec<TraitViolation>,
}

impl Found {
    /// Follows the instance (whose depth is capped) and its schema side by side.
    fn walk(&mut self, document: &Value, schema: &Value, value: &mut Value, name: &str) {
        let Some(schema) = resolve(document, schema) else { return };
        match value {
            Value::Object(fields) => {
                for (key, field) in fields.iter_mut() {
                    if let Some(property) = schema.get("properties").and_then(|p| p.get(key)) {
                        self.walk(document, property, field, &format!("{name}.{key}"));
                    }
                }
            }
            Value::Array(items) => {
                for (number, item) in items.iter_mut().enumerate() {
                    if let Some(schema) = schema.get("items") {
                        self.walk(document, schema, item, &format!("{name}.{number}"));
                    }
                }
            }
            Value::String(text) => self.read(Keywords::of(schema), text, name),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn read(&mut self, keywords: Keywords, text: &mut String, name: &str) {
        if keywords == Keywords::default() {
            return;
        }
        let (Some(kept), Some(identifier)) = (visible(text), Identifier::parse(text)) else {
            let problem = TraitProblem::NoIdentifier;
            return self.violations.push(TraitViolation { field: name.to_owned(), problem });
        };
        let by_phone =
            [keywords.code, keywords.verification, keywords.recovery].contains(&Some(AddressKind::Sms));
        // Attack: one phone is two accounts', as `030 1234567` and as `+49301234567`; and a national number is somebody else's
        // in another country. So where messages go a number is international, and has one spelling.
        let number = phone_number(&kept);
        if by_phone && number.is_none() {
            let problem = TraitProblem::Format { format: "tel".to_owned() };
            self.violations.push(TraitViolation { field: name.to_owned(), problem });
        }
        *text = number.filter(|_| by_phone).unwrap_or(kept);
        let address = identifier.as_str().to_owned();
        if let Some(via) = keywords.verification {
            self.verifiable.push((via, address.clone()));
        }
        if let Some(via) = keywords.code {
            self.codes.push((via, address.clone()));
        }
        if let Some(via) = keywords.recovery {
            self.recovery.push((via, address));
        }
        if keywords.identifies {
            self.identifiers.push(identifier);
        }
    }
}

fn violation(error: &ValidationError<'_>) -> TraitViolation {
    let place: Vec<&str> =
        error.instance_path().as_str().split('/').filter(|part| !part.is_empty()).collect();
    let mut field = if place.is_empty() { "traits".to_owned() } else { place.join(".") };
    let given = error.instance();
    let characters = given.as_str().map_or(0, |text| text.chars().count());
    let problem = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let property = property.as_str().unwrap_or_default().to_owned();
            if !place.is_empty() {
                field = format!("{field}.{property}");
            }
            TraitProblem::Missing { property }
        }
        ValidationErrorKind::MinLength { limit } => {
            TraitProblem::TooShort { min: *limit, actual: characters }
        }
        ValidationErrorKind::MaxLength { limit } => TraitProblem::TooLong { max: *limit, actual: characters },
        ValidationErrorKind::Pattern { pattern } => TraitProblem::Pattern { pattern: pattern.clone() },
        ValidationErrorKind::Format { format } => TraitProblem::Format { format: format.clone() },
        ValidationErrorKind::Minimum { limit } | ValidationErrorKind::ExclusiveMinimum { limit } => {
            TraitProblem::TooSmall { min: limit.clone() }
        }
        ValidationErrorKind::Maximum { limit } | ValidationErrorKind::ExclusiveMaximum { limit } => {
            TraitProblem::TooLarge { max: limit.clone() }
        }
        ValidationErrorKind::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(many) => {
                    many.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" or ")
                }
            };
            TraitProblem::WrongType { expected, actual: json_type(given) }
        }
        other => TraitProblem::Other { keyword: other.keyword().to_owned() },
    };
    TraitViolation { field, problem }
}

const fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schemas;
    use crate::settings::Settings;

    fn check(traits: Value) -> Result<CheckedTraits, Vec<TraitViolation>> {
        let Value::Object(traits) = traits else { panic!("traits are an object") };
        Schemas::compile(&Settings::default()).unwrap().default_schema().check_traits(traits)
    }

    #[test]
    fn identifiers_and_addresses_are_gathered() {
        let checked = check(json!({"email": "Ada\u{200B}@Example.com", "name": {"first": "Ada"}})).unwrap();
        assert_eq!(checked.traits().get("email"), Some(&json!("Ada@Example.com")));
        assert_eq!(checked.identifiers(), [Identifier::parse("ada@example.com").unwrap()]);
        assert_eq!(checked.verifiable(), [(AddressKind::Email, "ada@example.com".to_owned())]);
    }

    #[test]
    fn violations_name_the_form_field() {
        for (traits, field, problem) in [
            (json!({}), "traits.email", TraitProblem::Missing { property: "email".to_owned() }),
            (
                json!({"email": "ada.example"}),
                "traits.email",
                TraitProblem::Format { format: "email".to_owned() },
            ),
            (json!({"email": "\u{200B}"}), "traits.email", TraitProblem::NoIdentifier),
            (
                json!({"email": 3}),
                "traits.email",
                TraitProblem::WrongType { expected: "string".to_owned(), actual: "number" },
            ),
            (
                json!({"email": "a@b.example", "name": {"first": "x".repeat(101)}}),
                "traits.name.first",
                TraitProblem::TooLong { max: 100, actual: 101 },
            ),
            (
                json!({"email": "a@b.example", "admin": true}),
                "traits",
                TraitProblem::Other { keyword: "additionalProperties".to_owned() },
            ),
        ] {
            let violations = check(traits.clone()).unwrap_err();
            assert!(
                violations.contains(&TraitViolation { field: field.to_owned(), problem }),
                "{traits}: {violations:?}"
            );
        }
    }

    #[test]
    fn deep_traits_are_refused_before_they_are_walked() {
        let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
        assert!(check(json!({"email": "a@b.example", "x": deep})).is_err());
    }
}
