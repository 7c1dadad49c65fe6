//! What the document says of bodies and answers: of all of them, and nothing that nobody refers to.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::*;
use super::{EVERYTHING, operations};

/// Operations that are served and that nobody has described yet. What is new may be added here by whoever adds it, and leaves
/// with its schemas.
const UNDESCRIBED: [&str; 0] = [];

/// Pages that say what is missing and never of success.
const ALWAYS_AT_FAULT: [&str; 5] = [
    "showConsentFallback",
    "showDeviceFallback",
    "showErrorFallback",
    "showLoginFallback",
    "showLogoutFallback",
];

/// Answers of success with nothing in them (RFC 7009 section 2.2).
const EMPTY: [&str; 1] = ["revokeOAuth2Token"];

#[test]
fn every_body_and_every_answer_of_success_has_a_schema() {
    let document = document(&EVERYTHING, "1");
    let mut without = BTreeSet::new();
    for (_, _, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        let says_something = |content: &Value| {
            let each = content.as_object().into_iter().flat_map(Map::values);
            each.clone().count() > 0
                && each.clone().all(|one| one["schema"].as_object().is_some_and(|it| !it.is_empty()))
        };
        if operation.get("requestBody").is_some_and(|body| !says_something(&body["content"])) {
            without.insert(name);
        }
        let answers = operation["responses"].as_object().unwrap();
        let is_good = |status: &&String| status.starts_with(['2', '3']);
        if (answers.keys().filter(is_good).count() == 0) != ALWAYS_AT_FAULT.contains(&name) {
            without.insert(name);
        }
        for (status, answer) in answers {
            let may_be_empty = status == "204" || status.starts_with('3') || EMPTY.contains(&name);
            let is_said = match answer.get("content") {
                Some(content) => says_something(content),
                None => may_be_empty,
            };
            if !is_said {
                without.insert(name);
            }
        }
    }
    assert_eq!(without, UNDESCRIBED.into());
}

/// Every place of a value where a schema refers to another.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn references_lead_to_schemas_and_every_schema_is_referred_to() {
    for routers in [&EVERYTHING[..], &[Router::Public], &[Router::Admin], &[Router::Metrics]] {
        let document = document(routers, "1");
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        let names = document["components"]["schemas"].as_object().unwrap().keys();
        let known: BTreeSet<String> = names.map(|name| format!("#/components/schemas/{name}")).collect();
        assert_eq!(found, known.iter().map(String::as_str).collect(), "{routers:?}");
    }
    let document = document(&EVERYTHING, "1");
    let shown: BTreeSet<&str> =
        document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(shown, shapes::all().names().collect(), "one that is written down is of no operation");
}

/// The form of OpenAPI 3.1 as far as this document goes: a keyword that is none is one that nobody reads.
#[test]
fn document_has_the_form_of_openapi() {
    let document = document(&EVERYTHING, "1");
    let has_only = |value: &Value, names: &[&str], place: &str| {
        for name in value.as_object().unwrap().keys() {
            assert!(names.contains(&name.as_str()), "{place}: {name}");
        }
    };
    has_only(&document, &["openapi", "info", "paths", "components"], "document");
    has_only(&document["components"], &["securitySchemes", "schemas"], "components");
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        let known = [
            "operationId",
            "summary",
            "responses",
            "parameters",
            "requestBody",
            "security",
            "x-portcullis-client-authentication",
            "x-portcullis-scope",
        ];
        has_only(operation, &known, &place);
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{place}");
        let mut named = BTreeSet::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            has_only(parameter, &["name", "in", "required", "schema"], &place);
            let is_new =
                named.insert((parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap()));
            assert!(is_new, "{place}: {parameter}");
        }
        for (status, answer) in operation["responses"].as_object().unwrap() {
            has_only(answer, &["description", "content"], &place);
            let is_status = status.parse().is_ok_and(|code: u16| http::StatusCode::from_u16(code).is_ok());
            assert!(is_status || status == "default", "{place}: {status}");
            assert!(!answer["description"].as_str().unwrap().is_empty(), "{place}: {status}");
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        check_schema(schema, name);
    }
}

fn check_schema(schema: &Value, place: &str) {
    for (keyword, value) in schema.as_object().unwrap_or_else(|| panic!("{place}: {schema}")) {
        match keyword.as_str() {
            "type" | "format" | "enum" | "$ref" | "required" => {}
            "additionalProperties" if value.is_boolean() => {}
            "items" | "additionalProperties" => check_schema(value, place),
            "anyOf" => value.as_array().unwrap().iter().for_each(|one| check_schema(one, place)),
            "properties" => value.as_object().unwrap().values().for_each(|one| check_schema(one, place)),
            other => panic!("{place}: {other}"),
        }
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(schema["properties"].get(name.as_str().unwrap()).is_some(), "{place}: {name}");
    }
}

#[test]
fn words_are_those_of_the_code() {
    let document = document(&EVERYTHING, "1");
    for (name, words) in [
        ("Scope", json!(tenancy::Scope::EVERY)),
        ("HookName", json!(tenancy::plugin::HookName::ALL)),
        ("Capability", json!(tenancy::plugin::Capability::ALL)),
    ] {
        assert_eq!(document["components"]["schemas"][name]["enum"], words, "{name}");
    }
}
