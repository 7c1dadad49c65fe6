//! The API document of a listener, from the route table: printed by `portcullis openapi`, served at `/openapi.json`, and as a page.
//!
//! What an operation takes and answers is in two files of facts: `described.json`, of the operations whose description is the
//! Hydra or the Kratos API's, which a test holds against those, and `own.json`. It tells nothing that this source does not tell
//! anybody, and is the same for everybody.

pub(crate) mod described;
pub(crate) mod serve;
#[cfg(test)]
mod tests;

use config::Router;
use serde_json::{Map, Value, json};

use self::described::{Described, Parameter};
use crate::failure::ErrorForm;
use crate::routes::{self, Access, Route};

/// An OpenAPI 3.1 document of what a listener that serves `routers` serves.
pub fn document(routers: &[Router], version: &str) -> Value {
    let described = described::all();
    let mut paths = Map::new();
    for route in routes::all().iter().filter(|route| route.is_of(routers)) {
        // A place that takes what is left of a path is one like any other here.
        let methods = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            let known = described.get(route.operation);
            methods.insert(route.method.as_str().to_ascii_lowercase(), operation(route, known));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Portcullis", "version": version },
        "paths": paths,
        "components": { "securitySchemes": { "adminKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "An admin key, as Bearer token or as HTTP Basic password",
        }}},
    })
}

/// The places of a path.
pub(crate) fn places(path: &str) -> impl Iterator<Item = &str> {
    let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    named.map(|name| name.trim_start_matches('*'))
}

/// Whether a key is asked for, and the scope that it must have.
pub(crate) fn key_of(access: Access) -> (bool, Option<&'static str>) {
    match access {
        Access::Public | Access::PublicAnywhere | Access::Health | Access::Description => (false, None),
        Access::Tenant(scope) | Access::Organisation(scope) | Access::Operator(scope) => {
            (true, Some(scope.as_str()))
        }
        Access::AnyOperator => (true, None),
    }
}

fn operation(route: &Route, known: Option<&Described>) -> Value {
    let of_path =
        |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
    let named = known.iter().flat_map(|known| &known.parameters).map(Parameter::document);
    let parameters: Vec<Value> = places(route.path).map(of_path).chain(named).collect();
    let (needs_key, scope) = key_of(route.access);
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "responses": responses(route, known),
    });
    if let Some(fields) = operation.as_object_mut() {
        if !parameters.is_empty() {
            fields.insert("parameters".to_owned(), parameters.into());
        }
        let body = body_of(route, known);
        if !body.is_empty() {
            let of_type = |media_type: &String| (media_type.clone(), json!({}));
            let content: Map<String, Value> = body.iter().map(of_type).collect();
            let is_required = known.is_some_and(|known| known.body_required);
            fields.insert("requestBody".to_owned(), json!({ "required": is_required, "content": content }));
        }
        if needs_key {
            fields.insert("security".to_owned(), json!([{ "adminKey": [] }]));
        }
        if let Some(scope) = scope {
            fields.insert("x-portcullis-scope".to_owned(), scope.into());
        }
    }
    operation
}

/// The media types of an operation's body. What is not described takes what its neighbours take.
pub(crate) fn body_of(route: &Route, known: Option<&Described>) -> Vec<String> {
    match (known, route.method.as_str(), route.errors) {
        (Some(known), ..) => known.body.clone(),
        (None, "POST" | "PUT" | "PATCH", ErrorForm::Page | ErrorForm::OAuth) => {
            vec!["application/x-www-form-urlencoded".to_owned()]
        }
        (None, "POST" | "PUT" | "PATCH", ErrorForm::Api | ErrorForm::Problem) => {
            vec!["application/json".to_owned()]
        }
        (None, ..) => Vec::new(),
    }
}

fn responses(route: &Route, known: Option<&Described>) -> Value {
    let mut responses = Map::new();
    for status in known.iter().flat_map(|known| &known.answers) {
        let code = status.parse().ok().and_then(|code| http::StatusCode::from_u16(code).ok());
        let words = code.and_then(|code| code.canonical_reason()).unwrap_or_default();
        responses.insert(status.clone(), json!({ "description": words }));
    }
    let (media_type, words) = match route.errors {
        ErrorForm::OAuth => ("application/json", "An error of OAuth (RFC 6749 section 5.2)"),
        ErrorForm::Api => ("application/json", "An error of the flow APIs"),
        ErrorForm::Page => ("text/html", "A page; for whoever asks for JSON, an error of the flow APIs"),
        ErrorForm::Problem => ("application/problem+json", "A problem (RFC 9457)"),
    };
    let failed = json!({ "description": words, "content": { media_type: {} } });
    responses.insert("default".to_owned(), failed);
    responses.into()
}
