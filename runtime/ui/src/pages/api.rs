//! What a listener serves, to read.

use askama::Template;

use super::{Pages, render};
use crate::frame::{Frame, PageContext};
use crate::locale::fill;

/// The API of a listener.
#[derive(Debug)]
pub struct ApiView {
    /// Where the document for programs is.
    pub document: String,
    /// Which version runs.
    pub version: &'static str,
    /// Operations that stand together, each group by the path that they share.
    pub groups: Vec<(String, Vec<ApiOperationView>)>,
    /// What bodies and answers are made of.
    pub schemas: Vec<ApiSchemaView>,
    /// Each way to prove something, with what it is.
    pub schemes: Vec<(&'static str, String)>,
}

/// One operation.
#[derive(Debug)]
pub struct ApiOperationView {
    /// Its name.
    pub id: &'static str,
    /// Its method.
    pub method: String,
    /// Its path, with `{places}`.
    pub path: String,
    /// What it does.
    pub summary: &'static str,
    /// What it takes beside its body.
    pub parameters: Vec<ApiParameterView>,
    /// Its body, in each media type; empty if it takes none.
    pub body: Vec<ApiContentView>,
    /// Its answers, by their statuses.
    pub answers: Vec<ApiContentView>,
    /// Whether callers bring an admin key.
    pub needs_key: bool,
    /// The scope that the key must have.
    pub scope: Option<&'static str>,
    /// The ways to prove something, of which one is enough.
    pub schemes: Vec<&'static str>,
    /// Whether none of them may be enough.
    pub is_optional: bool,
    /// How an app may prove itself in the body instead.
    pub in_body: &'static [&'static str],
}

/// One parameter.
#[derive(Debug)]
pub struct ApiParameterView {
    /// Its name.
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    /// Whether it must be there.
    pub is_required: bool,
}

/// A body, or an answer.
#[derive(Debug)]
pub struct ApiContentView {
    /// The answer's status, or `default`; empty for a body.
    pub status: String,
    /// Its media type; empty where there is nothing in it.
    pub media_type: String,
    /// What is in it.
    pub kind: Vec<ApiWord>,
}

/// A part of what a type is called.
#[derive(Debug)]
pub struct ApiWord {
    /// The part.
    pub text: String,
    /// Whether it is the name of a schema of the same page.
    pub is_name: bool,
}

/// A schema.
#[derive(Debug)]
pub struct ApiSchemaView {
    /// Its name.
    pub name: String,
    /// What it is, if it is no object.
    pub kind: Vec<ApiWord>,
    /// The members of an object.
    pub fields: Vec<ApiFieldView>,
}

/// A member of an object.
#[derive(Debug)]
pub struct ApiFieldView {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Vec<ApiWord>,
    /// Whether it must be there.
    pub is_required: bool,
}

#[derive(Template)]
#[template(path = "api.html")]
struct ApiPage<'a> {
    frame: Frame<'a>,
    view: &'a ApiView,
    lead: String,
}

impl ApiPage<'_> {
    /// Who may call it.
    fn access(&self, operation: &ApiOperationView) -> String {
        let words = &self.frame.words.api;
        match operation.scope {
            Some(scope) => fill(&words.scope, &[("scope", scope)]),
            None => words.key.clone(),
        }
    }
}

impl Pages {
    /// What a listener serves.
    pub fn api(&self, view: &ApiView, context: &PageContext<'_>) -> String {
        let words = &self.words(context).api;
        let frame = self.frame(context, words.title.clone());
        render(&ApiPage { frame, view, lead: fill(&words.lead, &[("version", view.version)]) })
    }
}
