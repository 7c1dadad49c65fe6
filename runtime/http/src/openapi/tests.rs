//! The document, held against the table and against the descriptions that operations are compatible with.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::*;

mod schemas;
mod security;
mod theirs;

use theirs::{Comparison, Missing};

const EVERYTHING: [Router; 3] = [Router::Public, Router::Admin, Router::Metrics];

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    })
}

#[test]
fn every_route_is_in_the_document_of_a_listener_that_serves_it_and_in_no_other() {
    for routers in [&EVERYTHING[..], &[Router::Public], &[Router::Admin], &[Router::Metrics]] {
        let document = document(routers, "1");
        let found: BTreeSet<_> = operations(&document)
            .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
            .collect();
        let served = routes::all().into_iter().filter(|route| route.is_of(routers));
        let served: BTreeSet<_> = served.map(|route| route.operation.to_owned()).collect();
        assert_eq!(found, served, "{routers:?}");
    }
}

#[test]
fn every_place_of_a_path_is_a_parameter_and_every_operation_says_how_it_fails() {
    let document = document(&EVERYTHING, "1");
    for (path, method, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let of_path: Vec<_> = parameters
            .iter()
            .filter(|one| one["in"] == "path")
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        let named: Vec<_> = places(path).collect();
        assert_eq!(of_path, named, "{method} {path}");
        assert!(!path.contains('*'), "{path}");
        assert!(operation["responses"]["default"]["content"].is_object(), "{method} {path}");
        let takes_body = operation.get("requestBody").is_some();
        assert!(
            !takes_body || matches!(method.as_str(), "post" | "put" | "patch" | "delete"),
            "{method} {path}"
        );
    }
}

#[test]
fn operations_stand_together_by_their_paths() {
    for (path, expect) in [
        ("/oauth2/token", "/oauth2"),
        ("/schemas", "/schemas"),
        ("/schemas/{id}", "/schemas"),
        ("/.well-known/oauth-protected-resource/{*resource}", "/.well-known"),
        ("/admin/identities", "/admin/identities"),
        ("/admin/identities/{id}/sessions", "/admin/identities"),
        ("/admin/portcullis/v1/tenants/{tenant}", "/admin/portcullis/v1/tenants"),
    ] {
        assert_eq!(serve::group(path), expect, "{path}");
    }
}

#[test]
fn what_is_described_is_served() {
    let served: BTreeSet<_> = routes::all().iter().map(|route| route.operation.to_owned()).collect();
    for text in [include_str!("described.json"), include_str!("own.json")] {
        let read: std::collections::BTreeMap<String, Described> = serde_json::from_str(text).unwrap();
        for operation in read.keys() {
            assert!(served.contains(operation), "{operation}");
        }
    }
}

fn resolved<'a>(description: &'a Value, node: &'a Value) -> &'a Value {
    match node["$ref"].as_str() {
        Some(place) => resolved(description, description.pointer(place.trim_start_matches('#')).unwrap()),
        None => node,
    }
}

/// The descriptions belong to others and lie beside the repository. Absent, the test is skipped by name; under `CI` it fails.
#[test]
fn described_operations_take_and_answer_what_their_description_says() {
    let ours = document(&EVERYTHING, "1");
    let mut seen = 0;
    let mut missing = Missing::default();
    for name in ["kratos", "hydra"] {
        let place = format!("../../../shared/specs/ory/{name}.api.json");
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
        let text = match std::fs::read_to_string(&place) {
            Ok(text) => text,
            Err(error) => {
                let missing = format!("{} is not beside the repository: {error}", place.display());
                assert!(std::env::var_os("CI").is_none(), "{missing}");
                eprintln!("skipped: {missing}");
                return;
            }
        };
        let description: Value = serde_json::from_str(&text).unwrap();
        let without_names = |path: &str| {
            let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
            path.split('/').map(part).collect::<Vec<_>>().join("/")
        };
        for (path, method, theirs) in operations(&description) {
            let same = |(own, of, _): &(&String, &String, &Value)| {
                *of == method && without_names(own) == without_names(path)
            };
            // What is not served is told by the suite that drives all of it.
            let Some((_, _, own)) = operations(&ours).find(same) else { continue };
            seen += 1;
            check_operation((method, path), &description, theirs, own);
            compare(Comparison::new(&description, &ours, &mut missing), theirs, own);
        }
    }
    assert!(seen > 100, "{seen}");
    missing.check();
}

/// Holds the members of what an operation takes, and of what it answers when all goes well.
fn compare<'a>(mut comparison: Comparison<'a>, theirs: &'a Value, own: &'a Value) {
    let operation = own["operationId"].as_str().unwrap();
    let description = comparison.theirs;
    let body = resolved(description, &theirs["requestBody"]);
    comparison.check(operation, &body["content"], &own["requestBody"]["content"]);
    for (status, answer) in theirs["responses"].as_object().unwrap() {
        if status.starts_with('2') {
            let answer = resolved(description, answer);
            comparison.check(operation, &answer["content"], &own["responses"][status]["content"]);
        }
    }
}

fn check_operation(at: (&str, &str), description: &Value, theirs: &Value, own: &Value) {
    let parameters = own["parameters"].as_array().cloned().unwrap_or_default();
    for parameter in theirs["parameters"].as_array().into_iter().flatten() {
        let parameter = resolved(description, parameter);
        if parameter["in"] != "path" {
            let is_it = |one: &&Value| (&one["in"], &one["name"]) == (&parameter["in"], &parameter["name"]);
            let found = parameters.iter().find(is_it).unwrap_or_else(|| panic!("{at:?}: {parameter}"));
            let is_required = parameter["required"].as_bool().unwrap_or_default();
            assert_eq!(found["required"], is_required, "{at:?}: {parameter}");
        }
    }
    let body = resolved(description, &theirs["requestBody"])["content"].as_object();
    let types = |content: Option<&Map<String, Value>>| -> BTreeSet<String> {
        content.into_iter().flat_map(|content| content.keys().cloned()).collect()
    };
    let own_types = types(own["requestBody"]["content"].as_object());
    // RFC 8628 section 3.1: a device says by a form who it is. The description has no body.
    assert!(own_types == types(body) || at == ("post", "/oauth2/device/auth"), "{at:?}: {own_types:?}");
    for status in theirs["responses"].as_object().unwrap().keys() {
        assert!(own["responses"].get(status).is_some(), "{at:?}: {status}");
    }
}
