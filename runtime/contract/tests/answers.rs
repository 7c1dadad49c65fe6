//! A small description and small lists, and what is said of answers.

#![expect(clippy::unwrap_used, reason = "a test says by panicking that it failed")]

use std::collections::BTreeSet;

use portcullis_contract::{Answer, Contract};
use serde_json::{Value, json};

fn document() -> Value {
    json!({
        "paths": {
            "/admin/things": {
                "get": { "operationId": "listThings", "responses": {
                    "200": { "$ref": "#/components/responses/things" },
                    "404": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/fault" } } } },
                } },
            },
            "/things/{id}": {
                "delete": { "operationId": "deleteThing", "responses": {
                    "204": { "$ref": "#/components/responses/nothing" },
                    "default": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/fault" } } } },
                } },
                "get": { "operationId": "getThing", "responses": {} },
            },
            "/things/first": { "get": { "operationId": "getFirst", "responses": {
                "200": { "content": { "text/plain": { "schema": { "type": "string" } } } },
            } } },
        },
        "components": {
            "responses": {
                "nothing": { "description": "nothing" },
                "things": { "content": { "application/json": { "schema": {
                    "type": "array", "items": { "$ref": "#/components/schemas/thing" },
                } } } },
            },
            "schemas": {
                "thing": { "type": "object", "required": ["id"], "properties": {
                    "id": { "type": "string", "format": "uuid4" },
                    "kind": { "type": "string", "enum": ["tall", "small"] },
                    "at": { "type": "string", "format": "date-time", "nullable": true },
                } },
                "fault": { "type": "object", "required": ["error"], "properties": { "error": { "type": "string" } } },
            },
        },
    })
}

fn contract(list: &str) -> Contract {
    Contract::parse(document().to_string().as_bytes(), list).unwrap()
}

const THING: &str = r#"[{"id": "0190163d-8694-739b-aea5-966c26f8ad90", "kind": "tall", "at": null}]"#;

/// What is said about an answer, with `{}` in its place where it is not an operation's.
fn said(list: &str, request: &str, status: u16, content_type: &str, body: &str) -> String {
    let (method, path) = request.split_once(' ').unwrap();
    let (content_type, body) = (content_type, body.as_bytes());
    let answer = Answer { method, path, accept: "text/html", status, content_type, body };
    match contract(list).check(&answer) {
        None => "{}".to_owned(),
        Some(checked) => format!("{}: {}", checked.operation, checked.violations.join("; ")),
    }
}

#[test]
fn an_answer_is_held_against_its_operation() {
    let check = |request: &str, status: u16, content_type: &str, body: &str, expected: &str| {
        let said = said("", request, status, content_type, body);
        let is_whole = expected.ends_with(": ") || expected == "{}";
        assert!(if is_whole { said == expected } else { said.starts_with(expected) }, "{said}");
    };
    let json = "application/json";
    check("GET /admin/things", 200, json, THING, "listThings: ");
    check("GET /things", 200, "application/json; charset=utf-8", THING, "listThings: ");
    check("GET /t/acme/admin/things", 200, json, "[]", "listThings: ");
    check("GET /nothing", 200, json, "[]", "{}");
    check("POST /admin/things", 200, json, "[]", "{}");
    check("GET /things/first", 200, "text/plain", "x", "getFirst: ");
    check("GET /admin/things", 200, json, "{}", "listThings: : {} is not of type");
    check("GET /admin/things", 200, json, "[{}]", "listThings: /0: \"id\" is a required");
    check("GET /admin/things", 200, json, &THING.replace("0190163d-", ""), "listThings: /0/id:");
    check("GET /admin/things", 200, json, &THING.replace("tall", "huge"), "listThings: /0/kind:");
    check("GET /admin/things", 200, json, &THING.replace("null", "\"noon\""), "listThings: /0/at:");
    check("GET /admin/things", 200, json, &THING.replace("kind", "kinds"), "listThings: /0: Additional");
    check("GET /admin/things", 200, json, "[", "listThings: it is no JSON");
    check("GET /admin/things", 200, "text/html", "[]", "listThings: it is `text/html`");
    check("GET /admin/things", 201, json, "[]", "listThings: status 201 is not described");
    check("DELETE /things/1", 204, "", "", "deleteThing: ");
    check("DELETE /things/1", 204, json, "{}", "deleteThing: status 204 has a body");
    check("DELETE /things/1", 418, json, r#"{"error": "x"}"#, "deleteThing: ");
    check("DELETE /things/1", 418, json, r#"{"fault": "x"}"#, "deleteThing: :");
    check("DELETE /things/1", 418, "text/html", "<p>", "deleteThing: it is `text/html`");
}

#[test]
fn what_is_listed_with_its_reason_is_no_violation() {
    let check = |list: &str, request: &str, status: u16, content_type: &str, body: &str| {
        let listed = said(list, request, status, content_type, body);
        assert!(listed.ends_with(": "), "{listed}");
        assert!(
            !said("", request, status, content_type, body).ends_with(": "),
            "it is none without its line"
        );
    };
    check(
        r#"property = [{ schema = "thing", name = "age", type = "integer", reason = "r" }]"#,
        "GET /admin/things",
        200,
        "application/json",
        &THING.replace("null", "null, \"age\": 1"),
    );
    check(
        r#"status = [{ operations = ["getFirst"], status = 404, like = "fault", reason = "r" }]"#,
        "GET /things/first",
        404,
        "application/json",
        r#"{"error": "x"}"#,
    );
    check(
        r#"media_type = [{ operations = ["getFirst"], is = "text/javascript", reason = "r" }]"#,
        "GET /things/first",
        200,
        "text/javascript",
        "x",
    );
    check(r#"pages = { reason = "r" }"#, "DELETE /things/1", 403, "text/html; charset=utf-8", "<p>");
}

#[test]
fn a_line_without_its_reason_is_refused() {
    let line = r#"never = [{ operations = ["getFirst"], status = 200 }]"#;
    let refused = Contract::parse(document().to_string().as_bytes(), line).unwrap_err();
    assert!(refused.to_string().contains("reason"), "{refused}");
}

#[test]
fn every_answer_that_is_described_is_accounted_for() {
    let seen = |pairs: &[(&str, u16)]| -> BTreeSet<(String, u16)> {
        pairs.iter().map(|(operation, status)| ((*operation).to_owned(), *status)).collect()
    };
    let check = |list: &str, pairs: &[(&str, u16)], expected: &[&str]| {
        assert_eq!(contract(list).unaccounted(&seen(pairs)), expected);
    };
    let whole = "seen = { listThings = [200, 404], deleteThing = [204, 418], getFirst = [200] }";
    let all = [
        ("listThings", 200),
        ("listThings", 404),
        ("deleteThing", 204),
        ("deleteThing", 418),
        ("getFirst", 200),
    ];
    check(whole, &all, &[]);
    check(whole, &all[1..], &["listThings: 200 is listed and was not seen"]);
    check(whole, &[&all[..], &[("getFirst", 500)]].concat(), &["getFirst: 500 was seen and is not listed"]);
    check(
        "seen = { listThings = [200, 404], deleteThing = [204, 418] }",
        &all[..4],
        &["getFirst: 200 is nowhere listed"],
    );
    let never = r#"seen = { listThings = [200], deleteThing = [204], getFirst = [200] }
        never = [{ operations = ["listThings"], status = 404, reason = "r" }]"#;
    check(never, &[all[0], all[2], all[4]], &[]);
    check(
        &whole.replace("seen = {", "seen = { getLast = [200],"),
        &all,
        &["getLast: is listed, and there is no such operation"],
    );
    let absent = r#"seen = { listThings = [200, 404], deleteThing = [204, 418] }
        absent = [{ operation = "getFirst", reason = "r" }]"#;
    check(absent, &all[..4], &[]);
}
