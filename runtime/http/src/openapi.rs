//! The API document of a listener, from the route table: printed by `portcullis openapi`, served at `/openapi.json`, and as a page.
//!
//! Which parameters an operation takes and which statuses it answers with is in two files of facts: `described.json`, of the
//! operations whose description is the Hydra or the Kratos API's, which a test holds against those, and `own.json`. What is in
//! bodies and answers is in `shapes`, in a notation of its own (`shape`). It tells nothing that this source does not tell
//! anybody, and is the same for everybody.

pub(crate) mod described;
pub(crate) mod security;
pub(crate) mod serve;
pub(crate) mod shape;
pub(crate) mod shapes;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use config::Router;
use serde_json::{Map, Value, json};

use self::described::{Described, Parameter};
use self::shapes::Content;
use crate::failure::ErrorForm;
use crate::routes::{self, Access, Route};

/// An OpenAPI 3.1 document of what a listener that serves `routers` serves.
pub fn document(routers: &[Router], version: &str) -> Value {
    let described = described::all();
    let mut paths = Map::new();
    let mut kinds = BTreeSet::new();
    let mut schemes = Vec::new();
    for route in routes::all().iter().filter(|route| route.is_of(routers)) {
        // A place that takes what is left of a path is one like any other here.
        let methods = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            let known = described.get(route.operation);
            schemes.extend(security::of(route).schemes);
            methods.insert(route.method.as_str().to_ascii_lowercase(), operation(route, known, &mut kinds));
        }
    }
    let schemas = shapes::all().components(kinds.iter().map(String::as_str));
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Portcullis", "version": version },
        "paths": paths,
        "components": {
            "securitySchemes": security::schemes(&schemes),
            "schemas": schemas,
        },
    })
}

/// The same as it is served and printed.
pub fn text(routers: &[Router], version: &str) -> String {
    let mut text = format!("{:#}", document(routers, version));
    text.push('\n');
    text
}

/// The places of a path.
pub(crate) fn places(path: &str) -> impl Iterator<Item = &str> {
    let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    named.map(|name| name.trim_start_matches('*'))
}

/// Whether a key is asked for, and the scope that it must have.
pub(crate) fn key_of(access: Access) -> (bool, Option<&'static str>) {
    match access {
        Access::Public | Access::PublicAnywhere | Access::PageFile | Access::Health | Access::Description => {
            (false, None)
        }
        Access::Tenant(scope) | Access::Organisation(scope) | Access::Operator(scope) => {
            (true, Some(scope.as_str()))
        }
        Access::AnyOperator => (true, None),
    }
}

/// An operation; the types of what it takes and answers are added to `kinds`.
fn operation(route: &Route, known: Option<&Described>, kinds: &mut BTreeSet<String>) -> Value {
    let of_path =
        |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
    let named = known.iter().flat_map(|known| &known.parameters).map(Parameter::document);
    let parameters: Vec<Value> = places(route.path).map(of_path).chain(named).collect();
    let (_, scope) = key_of(route.access);
    let asked = security::of(route);
    let shapes = shapes::all();
    let taken = shapes.taken(route, known);
    let given = shapes.given(route, known);
    let contents = taken.iter().chain(given.values().flatten());
    kinds.extend(contents.map(|content| content.kind.clone()));
    let answers = given.iter().map(|(status, contents)| (status.clone(), answer(route, status, contents)));
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "responses": answers.collect::<Map<_, _>>(),
    });
    if let Some(fields) = operation.as_object_mut() {
        if !parameters.is_empty() {
            fields.insert("parameters".to_owned(), parameters.into());
        }
        if !taken.is_empty() {
            // Of what is described, the description says whether it may be left out.
            let is_required = known.is_none_or(|known| known.body_required);
            let body = json!({ "required": is_required, "content": content(&taken) });
            fields.insert("requestBody".to_owned(), body);
        }
        if let Some(alternatives) = asked.document() {
            fields.insert("security".to_owned(), alternatives);
        }
        if !asked.in_body.is_empty() {
            fields.insert("x-portcullis-client-authentication".to_owned(), asked.in_body.into());
        }
        if let Some(scope) = scope {
            fields.insert("x-portcullis-scope".to_owned(), scope.into());
        }
    }
    operation
}

fn answer(route: &Route, status: &str, contents: &[Content]) -> Value {
    let code = status.parse().ok().and_then(|code| http::StatusCode::from_u16(code).ok());
    let words = match code {
        Some(code) => code.canonical_reason().unwrap_or_default(),
        None => match route.errors {
            ErrorForm::OAuth => "An error of OAuth (RFC 6749 section 5.2)",
            ErrorForm::Api => "An error of the flow APIs",
            ErrorForm::Page => "A page; for whoever asks for JSON, an error of the flow APIs",
            ErrorForm::Problem => "A problem (RFC 9457)",
        },
    };
    let mut answer = json!({ "description": words });
    if let (false, Some(fields)) = (contents.is_empty(), answer.as_object_mut()) {
        fields.insert("content".to_owned(), content(contents).into());
    }
    answer
}

fn content(contents: &[Content]) -> Map<String, Value> {
    let of_type = |one: &Content| (one.media_type.clone(), json!({ "schema": one.schema() }));
    contents.iter().map(of_type).collect()
}
