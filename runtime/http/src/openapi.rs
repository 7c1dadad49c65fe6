//! The API document of a listener, from the route table.

use config::Router;
use serde_json::{Map, Value, json};

use crate::routes::{self, Access, Route};

/// An OpenAPI 3.1 document of what a listener that serves `routers` serves.
pub fn document(routers: &[Router], version: &str) -> Value {
    let mut paths = Map::new();
    for route in routes::all().iter().filter(|route| route.is_of(routers)) {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(route.method.as_str().to_ascii_lowercase(), operation(route));
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

fn operation(route: &Route) -> Value {
    let places: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name.trim_start_matches('*'), "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let (is_public, scope) = match route.access {
        Access::Public | Access::PublicAnywhere | Access::Health => (true, None),
        Access::Tenant(scope) | Access::Organisation(scope) | Access::Operator(scope) => {
            (false, Some(scope.as_str()))
        }
        Access::AnyOperator => (false, None),
    };
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "responses": { "default": { "description": "See the API that this operation is compatible with" } },
    });
    if let Some(fields) = operation.as_object_mut() {
        if !places.is_empty() {
            fields.insert("parameters".to_owned(), places.into());
        }
        if !is_public {
            fields.insert("security".to_owned(), json!([{ "adminKey": [] }]));
        }
        if let Some(scope) = scope {
            fields.insert("x-portcullis-scope".to_owned(), scope.into());
        }
    }
    operation
}
