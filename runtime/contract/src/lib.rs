//! Answers, held against the description of the API that they belong to.
//!
//! For tests and developers' commands: no room and no binary imports this crate outside `[dev-dependencies]`, and nothing
//! here may be lenient by itself. What differs from the description on purpose is a line with its reason in
//! `tests/contract.toml`, and so is every answer that the suites have to provoke. Start at [`Contract::check`].
//!
//! The description (`kratos.api.json`, OpenAPI 3.0) belongs to others and is no part of the repository: it lies beside it.
//! Our own document is another matter ([`Own`]): it has no list of exceptions.

mod description;
mod list;
mod own;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use description::{Body, Description, Operation};
use list::List;
pub use own::{Own, Sent};

/// Where the description is, from the root of the repository.
pub const DESCRIPTION: &str = "../shared/specs/ory/kratos.api.json";

/// Where the list is, from the root of the repository.
pub const LIST: &str = "tests/contract.toml";

/// The longest report of one violation, in characters: some quote the whole document.
const LONGEST_REPORT: usize = 400;

/// There is no contract to check.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// The description is not beside the repository.
    #[error("the description of the API, {}, is missing: {source}", .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// Why it was not read.
        source: std::io::Error,
    },
    /// The list cannot be read.
    #[error("{LIST}: {0}")]
    List(String),
    /// The description is none.
    #[error("the description of the API: {0}")]
    Description(String),
}

/// An answer, as it left the server.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The request's path, without its query; below a tenant's prefix or not.
    pub path: &'a str,
    /// The request's `Accept`, or nothing.
    pub accept: &'a str,
    /// The answer's status.
    pub status: u16,
    /// The answer's `Content-Type`, or nothing.
    pub content_type: &'a str,
    /// The answer's body.
    pub body: &'a [u8],
}

/// What was found out about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The operation that it answers.
    pub operation: String,
    /// Its status.
    pub status: u16,
    /// Everything that is wrong with it.
    pub violations: Vec<String>,
}

/// The description, and what the repository says of it.
#[derive(Debug)]
pub struct Contract {
    description: Description,
    list: List,
}

impl Contract {
    /// Reads the description beside the repository whose root this is, and the repository's list.
    ///
    /// # Errors
    ///
    /// [`ContractError::Missing`] where there is no description, which callers may pass over where nothing has to be
    /// complete; the others are mistakes in the files.
    pub fn load(root: &Path) -> Result<Self, ContractError> {
        let path = root.join(DESCRIPTION);
        let document = fs::read(&path).map_err(|source| ContractError::Missing { path, source })?;
        let list =
            fs::read_to_string(root.join(LIST)).map_err(|error| ContractError::List(error.to_string()))?;
        Self::parse(&document, &list)
    }

    /// Reads a description in JSON, and a list in TOML.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them.
    pub fn parse(document: &[u8], list: &str) -> Result<Self, ContractError> {
        let list: List = toml::from_str(list).map_err(|error| ContractError::List(error.to_string()))?;
        let document = serde_json::from_slice(document)
            .map_err(|error| ContractError::Description(error.to_string()))?;
        let description = Description::new(document, &list.property).map_err(ContractError::Description)?;
        Ok(Self { description, list })
    }

    /// Everything that is wrong with a document as the description's schema of this name.
    ///
    /// # Errors
    ///
    /// [`ContractError::Description`] where it has no such schema.
    pub fn violations(&self, schema: &str, document: &Value) -> Result<Vec<String>, ContractError> {
        self.description
            .violations(&description::reference(schema), document)
            .map_err(ContractError::Description)
    }

    /// Holds an answer against the description; `None` for what it does not describe.
    #[must_use]
    pub fn check(&self, answer: &Answer<'_>) -> Option<Checked> {
        let operation = self.description.find(answer.method, without_tenant(answer.path))?;
        let violations = self.of_operation(operation, answer);
        let violations = violations.into_iter().map(shortened).collect();
        Some(Checked { operation: operation.id.clone(), status: answer.status, violations })
    }

    fn of_operation(&self, operation: &Operation, answer: &Answer<'_>) -> Vec<String> {
        let status = answer.status.to_string();
        let listed = self.list.status.iter().find(|one| one.is(&operation.id, answer.status));
        let body = match (operation.answers.get(&status), listed) {
            (Some(body), _) => body.clone(),
            (None, Some(listed)) => Body::json(description::reference(&listed.like)),
            (None, None) => match operation.answers.get("default") {
                Some(body) => body.clone(),
                None => return vec![format!("status {status} is not described")],
            },
        };
        let is_page = answer.status >= 400 && answer.accept.contains("text/html");
        let media_type = answer.content_type.split(';').next().unwrap_or_default().trim();
        if is_page && media_type == "text/html" && self.list.pages.is_some() {
            return Vec::new();
        }
        let Body::Of { media_type: described, schema } = body else {
            let is_empty = answer.body.is_empty() && media_type.is_empty();
            return if is_empty {
                Vec::new()
            } else {
                vec![format!("status {status} has a body ({media_type})")]
            };
        };
        let kept = self.list.media_type.iter().find(|one| one.is(&operation.id, answer.status));
        let expected = kept.map_or(described.as_str(), |kept| kept.is.as_str());
        if media_type != expected {
            return vec![format!("it is `{media_type}` instead of `{expected}`")];
        }
        let document = if media_type == "application/json" {
            match serde_json::from_slice(answer.body) {
                Ok(document) => document,
                Err(error) => return vec![format!("it is no JSON: {error}")],
            }
        } else {
            Value::String(String::from_utf8_lossy(answer.body).into_owned())
        };
        // A JSON document where the description has a text can only be an error.
        let is_error = kept.is_some() && media_type == "application/json";
        let schema = if is_error { description::reference("errorGeneric") } else { schema };
        self.description.violations(&schema, &document).unwrap_or_else(|error| vec![error])
    }

    /// Where what was seen and what the list says are not the same, in lines.
    ///
    /// Each answer that the description names has to be seen, or to be in the list with the reason for which it is never
    /// given; each that was seen has to be in the list, so that one that is no longer seen is noticed.
    #[must_use]
    pub fn unaccounted(&self, seen: &BTreeSet<(String, u16)>) -> Vec<String> {
        let mut lines = Vec::new();
        let mut by_operation: BTreeMap<&str, BTreeSet<u16>> = BTreeMap::new();
        for (operation, status) in seen {
            by_operation.entry(operation).or_default().insert(*status);
        }
        for operation in &self.description.operations {
            let seen = by_operation.remove(operation.id.as_str()).unwrap_or_default();
            let expected = self.list.seen.get(&operation.id).cloned().unwrap_or_default();
            if let Some(absent) = self.list.absent.iter().find(|one| one.operation == operation.id) {
                if !expected.is_empty() {
                    lines.push(format!("{}: is listed as not served ({})", operation.id, absent.reason));
                }
                continue;
            }
            for status in expected.difference(&seen) {
                lines.push(format!("{}: {status} is listed and was not seen", operation.id));
            }
            for status in seen.difference(&expected) {
                lines.push(format!("{}: {status} was seen and is not listed", operation.id));
            }
            for status in operation.answers.keys().filter_map(|key| key.parse::<u16>().ok()) {
                let never = self.list.never.iter().any(|one| one.is(&operation.id, status));
                if expected.contains(&status) == never {
                    let what =
                        if never { "is listed as never given, and as seen" } else { "is nowhere listed" };
                    lines.push(format!("{}: {status} {what}", operation.id));
                }
            }
        }
        lines.extend(self.unknown());
        lines
    }

    /// Lines of the list that are about nothing in the description.
    fn unknown(&self) -> Vec<String> {
        let known: BTreeSet<&str> = self.description.operations.iter().map(|one| one.id.as_str()).collect();
        self.list
            .operations()
            .filter(|name| !known.contains(name))
            .map(|name| format!("{name}: is listed, and there is no such operation"))
            .collect()
    }
}

/// A path without the prefix of its tenant.
fn without_tenant(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("/t/") else { return path };
    rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/")
}

fn shortened(violation: String) -> String {
    let end = violation.char_indices().nth(LONGEST_REPORT).map(|(end, _)| end);
    match end.and_then(|end| violation.get(..end)) {
        Some(begin) => format!("{begin}…"),
        None => violation,
    }
}
