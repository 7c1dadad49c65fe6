//! What operations take and answer, beyond what their row in the route table says.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Value, json};

/// An operation.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Described {
    pub(crate) parameters: Vec<Parameter>,
    /// Media types of its body; none if it takes none.
    pub(crate) body: Vec<String>,
    pub(crate) body_required: bool,
    /// Statuses of its answers.
    pub(crate) answers: Vec<String>,
}

/// A parameter: where it is, its name, whether it must be there, its type.
#[derive(Debug, Deserialize)]
pub(crate) struct Parameter(pub(crate) String, pub(crate) String, pub(crate) bool, pub(crate) Type);

/// `string`, or `["array", "string"]`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Type {
    One(String),
    Many(String, String),
}

impl Parameter {
    pub(super) fn document(&self) -> Value {
        let schema = match &self.3 {
            Type::One(name) => json!({ "type": name }),
            Type::Many(name, items) => json!({ "type": name, "items": { "type": items } }),
        };
        json!({ "in": self.0, "name": self.1, "required": self.2, "schema": schema })
    }
}

/// Every operation that is described, by its name.
pub(crate) fn all() -> &'static BTreeMap<String, Described> {
    static ALL: OnceLock<BTreeMap<String, Described>> = OnceLock::new();
    ALL.get_or_init(|| {
        // Both are part of the program, and a test reads them.
        let read = |text: &str| serde_json::from_str::<BTreeMap<_, _>>(text).unwrap_or_default();
        let mut all: BTreeMap<String, Described> = read(include_str!("described.json"));
        all.extend(read(include_str!("own.json")));
        all
    })
}
