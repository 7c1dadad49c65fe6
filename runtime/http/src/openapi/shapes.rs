//! What is in the bodies and answers of operations: facts, each beside the operations that it is about.
//!
//! They are written down and not derived from Rust types: most answers are documents that are put together from several, with
//! members that are there only sometimes, and a derived schema would say less than is true of them. So nothing but a test keeps them
//! true: `contract::Own` holds an answer, and the body that led to it, against the document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::described::Described;
use super::shape::{self, Shape, Written};
use crate::failure::ErrorForm;
use crate::routes::Route;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The files.
const FILES: [&str; 13] = [
    include_str!("shapes/errors.json"),
    include_str!("shapes/node.json"),
    include_str!("shapes/oauth2.json"),
    include_str!("shapes/clients.json"),
    include_str!("shapes/challenges.json"),
    include_str!("shapes/keys.json"),
    include_str!("shapes/flows.json"),
    include_str!("shapes/sessions.json"),
    include_str!("shapes/identities.json"),
    include_str!("shapes/pages.json"),
    include_str!("shapes/tenants.json"),
    include_str!("shapes/plugins.json"),
    include_str!("shapes/organisations.json"),
];

/// A file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schemas: BTreeMap<String, Written>,
    operations: BTreeMap<String, Bodies>,
}

/// What an operation takes and gives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bodies {
    /// Unsaid, where the operation takes nothing or what its neighbours take.
    #[serde(default)]
    takes: Option<Several>,
    /// By status.
    gives: BTreeMap<String, Several>,
}

/// `Type`, `media/type Type`, `media/type` of a text, or nothing; or several, one for each media type.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Several {
    One(String),
    Each(Vec<String>),
}

/// A body or an answer of one media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) media_type: String,
    /// In the notation of [`shape`].
    pub(crate) kind: String,
}

impl Content {
    fn new(media_type: &str, kind: &str) -> Self {
        Self { media_type: media_type.to_owned(), kind: kind.to_owned() }
    }

    /// Of an answer without any.
    pub(super) fn nothing() -> Self {
        Self::new("", "")
    }

    /// Reads one; nothing is none.
    fn parse(text: &str, usual: &str) -> Option<Self> {
        let (first, rest) = text.split_once(' ').unwrap_or((text, "string"));
        match (text, first.contains('/')) {
            ("", _) => None,
            (_, true) => Some(Self::new(first, rest)),
            (_, false) => Some(Self::new(usual, text)),
        }
    }

    pub(super) fn schema(&self) -> Value {
        shape::schema(&self.kind).unwrap_or_default()
    }
}

impl Several {
    fn each(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Each(all) => all,
        }
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    schemas: BTreeMap<String, Shape>,
    operations: BTreeMap<String, Bodies>,
}

/// Reads the files, which are part of the program; `None` where one is none, which a test would see.
fn read() -> Option<Shapes> {
    let mut written = BTreeMap::new();
    let mut operations = BTreeMap::new();
    for text in FILES {
        let file: File = serde_json::from_str(text).ok()?;
        written.extend(file.schemas);
        operations.extend(file.operations);
    }
    let shown = written.iter().filter(|(name, _)| name.starts_with(|first: char| first.is_ascii_uppercase()));
    let shapes = shown.map(|(name, one)| Some((name.clone(), one.shape(&written)?)));
    Some(Shapes { schemas: shapes.collect::<Option<_>>()?, operations })
}

/// What is known of bodies and answers.
pub(crate) fn all() -> &'static Shapes {
    static ALL: OnceLock<Shapes> = OnceLock::new();
    ALL.get_or_init(|| read().unwrap_or_default())
}

impl Shapes {
    /// The names of all schemas.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.schemas.keys().map(String::as_str)
    }

    /// What an operation takes.
    pub(crate) fn taken(&self, route: &Route, known: Option<&Described>) -> Vec<Content> {
        let usual = media_types(route, known);
        match self.operations.get(route.operation).and_then(|bodies| bodies.takes.as_ref()) {
            None => usual.iter().map(|media_type| Content::new(media_type, "any")).collect(),
            Some(takes) => {
                let each = takes.each().iter();
                each.flat_map(|one| usual_or_said(one, &usual)).collect()
            }
        }
    }

    /// What an operation answers, by status, with `default` for how it fails.
    pub(crate) fn given(&self, route: &Route, known: Option<&Described>) -> BTreeMap<String, Vec<Content>> {
        let failed = errors(route.errors);
        let is_failure = |status: &str| status.starts_with(['4', '5']);
        let statuses = known.iter().flat_map(|known| &known.answers);
        let mut given: BTreeMap<String, Vec<Content>> = statuses
            .map(|status| (status.clone(), if is_failure(status) { failed.clone() } else { Vec::new() }))
            .collect();
        if let Some(bodies) = self.operations.get(route.operation) {
            for (status, several) in &bodies.gives {
                let each = several.each().iter().filter_map(|one| Content::parse(one, JSON));
                given.insert(status.clone(), each.collect());
            }
        }
        given.insert("default".to_owned(), failed);
        given
    }

    /// The schemas that are behind some types, with those that are behind them.
    pub(crate) fn behind<'a>(&'a self, kinds: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, &'a Shape> {
        let mut found = BTreeMap::new();
        let mut open: BTreeSet<&str> = kinds.flat_map(names).collect();
        while let Some(name) = open.pop_first() {
            let Some((name, shape)) = self.schemas.get_key_value(name) else { continue };
            if found.insert(name.as_str(), shape).is_none() {
                open.extend(shape.kinds().flat_map(names));
            }
        }
        found
    }

    /// The same as `components/schemas`.
    pub(super) fn components<'a>(&'a self, kinds: impl Iterator<Item = &'a str>) -> Map<String, Value> {
        let behind = self.behind(kinds).into_iter();
        behind.map(|(name, shape)| (name.to_owned(), shape.schema().unwrap_or_default())).collect()
    }
}

impl Shape {
    /// The types that it is made of.
    fn kinds(&self) -> impl Iterator<Item = &str> {
        let (one, fields, others) = match self {
            Self::Type(kind) => (Some(kind), [].as_slice(), None),
            Self::Object { fields, others } => (None, fields.as_slice(), others.as_ref()),
        };
        one.into_iter().chain(others).chain(fields.iter().map(|field| &field.kind)).map(String::as_str)
    }
}

fn names(kind: &str) -> impl Iterator<Item = &str> {
    shape::parts(kind).into_iter().filter_map(|(part, is_name)| is_name.then_some(part))
}

/// One that says its media type is of that; any other is of each that is usual.
fn usual_or_said(text: &str, usual: &[String]) -> Vec<Content> {
    match Content::parse(text, "") {
        None => Vec::new(),
        Some(said) if !said.media_type.is_empty() => vec![said],
        Some(unsaid) => usual.iter().map(|media_type| Content::new(media_type, &unsaid.kind)).collect(),
    }
}

/// The media types of an operation's body. What is not described takes what its neighbours take.
fn media_types(route: &Route, known: Option<&Described>) -> Vec<String> {
    match (known, route.method.as_str(), route.errors) {
        (Some(known), ..) if !known.body.is_empty() => known.body.clone(),
        (None, "POST" | "PUT" | "PATCH", ErrorForm::Page | ErrorForm::OAuth) => vec![FORM.to_owned()],
        (None, "POST" | "PUT" | "PATCH", ErrorForm::Api | ErrorForm::Problem) => vec![JSON.to_owned()],
        (Some(_) | None, ..) => Vec::new(),
    }
}

/// How operations fail.
fn errors(form: ErrorForm) -> Vec<Content> {
    match form {
        ErrorForm::OAuth => vec![Content::new(JSON, "OAuthError")],
        ErrorForm::Api => vec![Content::new(JSON, "ApiError")],
        ErrorForm::Page => vec![Content::new("text/html", "string"), Content::new(JSON, "ApiError")],
        ErrorForm::Problem => vec![Content::new("application/problem+json", "Problem")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_nothing_stands_in_two() {
        let mut schemas = BTreeSet::new();
        let mut operations = BTreeSet::new();
        for text in FILES {
            let file: File = serde_json::from_str(text).unwrap();
            for name in file.schemas.into_keys() {
                assert!(schemas.insert(name.clone()), "{name}");
            }
            for operation in file.operations.into_keys() {
                assert!(operations.insert(operation.clone()), "{operation}");
            }
        }
        let read = read().unwrap();
        assert_eq!(read.operations.len(), operations.len());
    }

    #[test]
    fn what_an_operation_takes_is_of_some_media_type() {
        let described = super::super::described::all();
        for route in crate::routes::all() {
            let known = described.get(route.operation);
            let said = all().operations.get(route.operation).and_then(|bodies| bodies.takes.as_ref());
            let says_something = said.is_some_and(|takes| takes.each().iter().any(|one| !one.is_empty()));
            let taken = all().taken(&route, known);
            assert_eq!(says_something, !taken.is_empty(), "{}", route.operation);
        }
    }

    #[test]
    fn contents_say_their_media_type_or_are_of_the_usual_one() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(media_type, kind)| Content::new(media_type, kind));
            assert_eq!(Content::parse(text, JSON), expect, "{text}");
        };
        check("", None);
        check("Tenant", Some((JSON, "Tenant")));
        check("A | B", Some((JSON, "A | B")));
        check("text/html", Some(("text/html", "string")));
        check("application/x-ndjson AuditRecord", Some(("application/x-ndjson", "AuditRecord")));
        check("*/* binary", Some(("*/*", "binary")));
    }
}
