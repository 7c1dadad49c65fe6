//! `tests/contract.toml`: the answers that have to be seen, and where ours differ from the description on purpose.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// By operation, the statuses that the suites provoke.
    #[serde(default)]
    pub(crate) seen: BTreeMap<String, BTreeSet<u16>>,
    /// Operations that are not served.
    #[serde(default)]
    pub(crate) absent: Vec<Absent>,
    /// Answers that the description has and that are never given.
    #[serde(default)]
    pub(crate) never: Vec<Never>,
    /// Answers that the description has not.
    #[serde(default)]
    pub(crate) status: Vec<OtherStatus>,
    /// Answers of another media type.
    #[serde(default)]
    pub(crate) media_type: Vec<MediaType>,
    /// Properties that a schema has not, or has otherwise.
    #[serde(default)]
    pub(crate) property: Vec<Property>,
    /// Refusals that a person reads, which are pages.
    pub(crate) pages: Option<Pages>,
}

/// An operation that is not served.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Absent {
    pub(crate) operation: String,
    pub(crate) reason: String,
}

/// Answers that are never given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Never {
    operations: Vec<String>,
    status: u16,
    #[expect(dead_code, reason = "for the reader of the file; a line without it is refused")]
    reason: String,
}

/// Answers that the description has not: of another status.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OtherStatus {
    operations: Vec<String>,
    status: u16,
    /// The schema that they follow.
    pub(crate) like: String,
    #[expect(dead_code, reason = "for the reader of the file; a line without it is refused")]
    reason: String,
}

/// Answers of another media type than the description says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MediaType {
    operations: Vec<String>,
    /// Only with this status, or with every one.
    status: Option<u16>,
    pub(crate) is: String,
    #[expect(dead_code, reason = "for the reader of the file; a line without it is refused")]
    reason: String,
}

/// A property that a schema has not, or has otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Property {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// The schema that it follows.
    pub(crate) like: Option<String>,
    /// Or the type that it is of.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    #[expect(dead_code, reason = "for the reader of the file; a line without it is refused")]
    reason: String,
}

/// Why a person reads pages.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pages {
    #[expect(dead_code, reason = "for the reader of the file; a table without it is refused")]
    reason: String,
}

impl Never {
    pub(crate) fn is(&self, operation: &str, status: u16) -> bool {
        self.status == status && self.operations.iter().any(|one| one == operation)
    }
}

impl OtherStatus {
    pub(crate) fn is(&self, operation: &str, status: u16) -> bool {
        self.status == status && self.operations.iter().any(|one| one == operation)
    }
}

impl MediaType {
    pub(crate) fn is(&self, operation: &str, status: u16) -> bool {
        self.status.is_none_or(|only| only == status) && self.operations.iter().any(|one| one == operation)
    }
}

impl List {
    /// Every operation that a line is about.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &str> {
        let several = [
            self.never.iter().flat_map(|one| &one.operations).collect::<Vec<_>>(),
            self.status.iter().flat_map(|one| &one.operations).collect(),
            self.media_type.iter().flat_map(|one| &one.operations).collect(),
        ];
        let absent = self.absent.iter().map(|one| &one.operation);
        self.seen.keys().chain(absent).chain(several.into_iter().flatten()).map(String::as_str)
    }
}
