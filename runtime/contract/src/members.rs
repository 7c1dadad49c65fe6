//! What is left to see of a description: each of its operations with each status that it names and each member of what that
//! status brings.
//!
//! [`Contract`](crate::Contract) says that nothing is in an answer that is not described; this says that everything which is
//! described is in some answer. What never is stands in `tests/contract-oauth2.toml`, with the reason. The schemas are taken as they
//! are meant by OpenAPI: what they do not name may be there too, since much of what we serve is newer than the description.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::description::{Body, Description, Operation};
use crate::{Answer, Checked, ContractError, shortened, without_tenant};

/// Where the description of the Hydra API is, from the root of the repository.
pub const OAUTH2_DESCRIPTION: &str = "../shared/specs/ory/hydra.api.json";

/// Where the list of what is never sent is, from the root of the repository.
pub const OAUTH2_LIST: &str = "tests/contract-oauth2.toml";

/// Any operation, or any status.
const ANY: &str = "*";

/// What an answer has shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// That an operation gives a status, or its `default`.
    Status(String, String),
    /// That a member is in what an operation gives with it.
    Member(String, String, String),
    /// That a member is in a document of a schema, wherever that stands in an answer.
    Within(String, String),
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(operation, status) => write!(f, "{operation} {status}"),
            Self::Member(operation, status, member) => write!(f, "{operation} {status}: {member}"),
            Self::Within(schema, member) => write!(f, "{schema}: {member}"),
        }
    }
}

/// The file of what is never sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unsent {
    #[serde(default)]
    never: Vec<Never>,
    /// What no suite provokes yet: whether it is ever sent is not known. It shrinks, and nothing is added.
    #[serde(default)]
    unproven: Vec<Never>,
    /// What has another status than is described.
    #[serde(default)]
    instead: Vec<Instead>,
}

/// A status, or members, that are never sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Never {
    /// Of these operations, or of all (`*`).
    #[serde(default)]
    operations: Vec<String>,
    /// With this status, or with every one.
    status: Option<String>,
    /// Or within this schema, wherever it stands.
    schema: Option<String>,
    /// These members; without them it is the status itself.
    #[serde(default)]
    members: Vec<String>,
    #[expect(dead_code, reason = "for the reader of the file; a line without it is refused")]
    reason: String,
}

/// A status that takes the place of one that is described.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Instead {
    operations: Vec<String>,
    described: String,
    sent: u16,
    #[expect(dead_code, reason = "for the reader of the file; a line without it is refused")]
    reason: String,
}

impl Never {
    fn is(&self, shown: &Shown) -> bool {
        let of = |operation: &str| self.operations.iter().any(|one| one == operation || one == ANY);
        let with = |status: &str| self.status.as_deref().is_none_or(|one| one == status);
        let has = |member: &str| self.members.iter().any(|one| one == member);
        match shown {
            Shown::Status(operation, status) => {
                self.members.is_empty() && of(operation) && self.status.as_ref() == Some(status)
            }
            Shown::Member(operation, status, member) => of(operation) && with(status) && has(member),
            Shown::Within(schema, member) => self.schema.as_ref() == Some(schema) && has(member),
        }
    }

    /// What it says, for whoever reads that it is wrong.
    fn text(&self) -> String {
        let of = self.schema.clone().unwrap_or_else(|| self.operations.join(", "));
        format!("{of} {} {}", self.status.as_deref().unwrap_or_default(), self.members.join(", "))
    }
}

/// A description, and what of it is never sent.
#[derive(Debug)]
pub struct Members {
    description: Description,
    unsent: Unsent,
}

impl Members {
    /// Reads the description of the Hydra API beside the repository whose root this is, and the repository's list.
    ///
    /// # Errors
    ///
    /// As [`Contract::load`](crate::Contract::load).
    pub fn load(root: &Path) -> Result<Self, ContractError> {
        let path = root.join(OAUTH2_DESCRIPTION);
        let document = fs::read(&path).map_err(|source| ContractError::Missing { path, source })?;
        let list = fs::read_to_string(root.join(OAUTH2_LIST))
            .map_err(|error| ContractError::List(error.to_string()))?;
        Self::parse(&document, &list)
    }

    /// Reads a description in JSON, and a list in TOML.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them.
    pub fn parse(document: &[u8], list: &str) -> Result<Self, ContractError> {
        let unsent = toml::from_str(list).map_err(|error| ContractError::List(error.to_string()))?;
        let document: Value = serde_json::from_slice(document)
            .map_err(|error| ContractError::Description(error.to_string()))?;
        let description = Description::open(&document).map_err(ContractError::Description)?;
        Ok(Self { description, unsent })
    }

    /// Holds an answer against the description, and says what it has shown; `None` for what is not described.
    #[must_use]
    pub fn check(&self, answer: &Answer<'_>) -> Option<(Checked, BTreeSet<Shown>)> {
        let operation = self.description.find(answer.method, without_tenant(answer.path))?;
        let mut violations = Vec::new();
        let mut shown = BTreeSet::new();
        let is_page = answer.content_type.starts_with("text/html");
        match self.body(operation, answer.status) {
            // A page is for whoever reads pages, and 404 of a path whose place is empty is of no operation.
            None if is_page => {}
            None => violations.push(format!("status {} is not described", answer.status)),
            Some((status, body)) => {
                let (id, status) = (operation.id.clone(), status.to_owned());
                if !(is_page && answer.status >= 400) {
                    self.read(answer, (&id, &status), body, (&mut violations, &mut shown));
                }
            }
        }
        let violations = violations.into_iter().map(shortened).collect();
        Some((Checked { operation: operation.id.clone(), status: answer.status, violations }, shown))
    }

    /// By which key the description has a status, and what it brings.
    fn body<'a>(&'a self, operation: &'a Operation, status: u16) -> Option<(&'a str, &'a Body)> {
        let of = |instead: &&Instead| instead.sent == status && instead.operations.contains(&operation.id);
        let text = self
            .unsent
            .instead
            .iter()
            .find(of)
            .map_or_else(|| status.to_string(), |instead| instead.described.clone());
        let found = operation.answers.get_key_value(&text);
        let default = || operation.answers.get_key_value("default").filter(|_| status >= 400);
        found.or_else(default).map(|(key, body)| (key.as_str(), body))
    }

    fn read(
        &self,
        answer: &Answer<'_>,
        (id, status): (&str, &str),
        body: &Body,
        (violations, shown): (&mut Vec<String>, &mut BTreeSet<Shown>),
    ) {
        shown.insert(Shown::Status(id.to_owned(), status.to_owned()));
        let Body::Of { schema, .. } = body else { return };
        // What is signed or encrypted is no document.
        if answer.body.is_empty() || !answer.content_type.contains("json") {
            return;
        }
        let Ok(document) = serde_json::from_slice::<Value>(answer.body) else {
            violations.push("it is no JSON".to_owned());
            return;
        };
        violations.extend(self.description.violations(schema, &document).unwrap_or_else(|error| vec![error]));
        for (member, _) in present(&self.properties(schema), &document) {
            shown.insert(Shown::Member(id.to_owned(), status.to_owned(), member));
        }
        self.within(schema, &document, shown);
    }

    /// The members of every document with a schema of its own that stands in another.
    fn within(&self, schema: &Value, document: &Value, shown: &mut BTreeSet<Shown>) {
        if let Some(items) = self.resolved(schema).get("items") {
            for item in document.as_array().into_iter().flatten() {
                self.named(items, item, shown);
            }
        }
        let properties = self.properties(schema);
        for (member, value) in present(&properties, document) {
            if let Some(of) = properties.get(&member) {
                self.named(of, value, shown);
            }
        }
    }

    fn named(&self, schema: &Value, document: &Value, shown: &mut BTreeSet<Shown>) {
        if let Some(name) = name_of(schema) {
            let members = present(&self.properties(schema), document);
            shown.extend(members.map(|(member, _)| Shown::Within(name.to_owned(), member)));
        }
        self.within(schema, document, shown);
    }

    /// Everything that there is to see.
    fn described(&self) -> BTreeSet<Shown> {
        let mut described = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for operation in &self.description.operations {
            for (status, body) in &operation.answers {
                described.insert(Shown::Status(operation.id.clone(), status.clone()));
                if let Body::Of { schema, .. } = body {
                    let members = self.properties(schema).into_keys();
                    described.extend(
                        members.map(|member| Shown::Member(operation.id.clone(), status.clone(), member)),
                    );
                    self.schemas_within(schema, &mut seen, &mut described);
                }
            }
        }
        described
    }

    fn schemas_within(&self, schema: &Value, seen: &mut BTreeSet<String>, described: &mut BTreeSet<Shown>) {
        let items = self.resolved(schema).get("items").cloned();
        for inner in self.properties(schema).into_values().chain(items) {
            if let Some(name) = name_of(&inner) {
                if !seen.insert(name.to_owned()) {
                    continue;
                }
                let members = self.properties(&inner).into_keys();
                described.extend(members.map(|member| Shown::Within(name.to_owned(), member)));
            }
            self.schemas_within(&inner, seen, described);
        }
    }

    /// The members of a schema.
    fn properties(&self, schema: &Value) -> BTreeMap<String, Value> {
        let resolved = self.resolved(schema);
        let properties = resolved.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(name, of)| (name.clone(), of.clone())).collect()
    }

    /// What a schema refers to, or itself.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        while let Some(found) = name_of(schema).and_then(|name| self.description.schema(name)) {
            schema = found;
        }
        schema
    }

    fn listed(&self) -> impl Iterator<Item = &Never> {
        self.unsent.never.iter().chain(&self.unsent.unproven)
    }

    /// What is described and was neither seen nor is listed, and what is listed and was seen, or is about nothing; in lines.
    #[must_use]
    pub fn unaccounted(&self, seen: &BTreeSet<Shown>) -> Vec<String> {
        let described = self.described();
        let mut lines = Vec::new();
        for one in &described {
            let never = self.listed().find(|never| never.is(one));
            match (seen.contains(one), never) {
                (true, None) | (false, Some(_)) => {}
                (true, Some(never)) if never.operations.iter().any(|one| one == ANY) => {}
                (true, Some(_)) => lines.push(format!("{one}: is listed as never sent, and was seen")),
                (false, None) => lines.push(format!("{one}: was not seen, and is nowhere listed")),
            }
        }
        for never in self.listed() {
            if !described.iter().any(|one| never.is(one)) {
                lines.push(format!("{}: is listed, and nothing like it is described", never.text()));
            }
        }
        lines
    }
}

/// The members that a document has, with their values; `null` is none.
fn present<'a>(
    properties: &BTreeMap<String, Value>,
    document: &'a Value,
) -> impl Iterator<Item = (String, &'a Value)> + use<'a> {
    let members = document.as_object().into_iter().flatten();
    let described: BTreeSet<String> = properties.keys().cloned().collect();
    members
        .filter(move |(name, value)| described.contains(*name) && !value.is_null())
        .map(|(name, value)| (name.clone(), value))
}

fn name_of(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}
