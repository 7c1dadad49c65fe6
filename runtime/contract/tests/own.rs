//! Our own document, and what is held against it.

#![expect(clippy::unwrap_used, reason = "a test says by panicking that it failed")]

use portcullis_contract::{Answer, Own, Sent};
use serde_json::{Value, json};

fn own() -> Own {
    let content = |media_type: &str, name: &str| json!({ media_type: { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    let public = json!({
        "paths": { "/token": { "post": {
            "operationId": "getToken",
            "requestBody": { "required": true, "content": content("application/x-www-form-urlencoded", "Asked") },
            "responses": {
                "200": { "description": "OK", "content": content("application/json", "Token") },
                "303": { "description": "See Other" },
                "default": { "description": "An error", "content": content("application/json", "Error") },
            },
        } } },
        "components": { "schemas": {
            "Asked": { "type": "object", "properties": { "grant_type": { "type": "string" }, "traits": { "type": "object" } }, "required": ["grant_type"] },
            "Token": { "type": "object", "properties": { "token": { "type": "string" }, "id": { "type": ["string", "null"], "format": "uuid" } }, "required": ["token"] },
            "Error": { "type": "object", "properties": { "error": { "type": "string" } }, "required": ["error"] },
        } },
    });
    let admin = json!({
        "paths": { "/admin/audit/{id}": {
            "get": { "operationId": "getAudit", "responses": { "200": { "description": "OK", "content": content("application/x-ndjson", "Line") } } },
            "put": {
                "operationId": "setAudit",
                "requestBody": { "content": content("application/json", "Line") },
                "responses": { "204": { "description": "No Content" } },
            },
        } },
        "components": { "schemas": { "Line": { "type": "object", "properties": { "at": { "type": "integer" } } } } },
    });
    Own::parse(&[&public.to_string(), &admin.to_string()]).unwrap()
}

/// `place` is a method and a path; `sent` and `answered` are a media type and a body.
fn check(place: (&str, &str), sent: (&str, &str), status: u16, answered: (&str, &str)) -> Vec<String> {
    let answer = Answer {
        method: place.0,
        path: place.1,
        accept: "text/html",
        status,
        content_type: answered.0,
        body: answered.1.as_bytes(),
    };
    let sent = Sent { content_type: sent.0, body: sent.1.as_bytes() };
    own().check(&answer, sent).unwrap().violations
}

const FORM: &str = "application/x-www-form-urlencoded";
const TOKEN: (&str, &str) = ("POST", "/t/acme/token");

#[test]
fn answers_have_what_is_described_and_nothing_else() {
    let sent = (FORM, "grant_type=a");
    let answered =
        |status, media_type, body: Value| check(TOKEN, sent, status, (media_type, &body.to_string()));
    let id = "4b2d7a0e-6b1c-4a53-8d5e-0d3c2b1a0f9e";
    for good in
        [json!({ "token": "t" }), json!({ "token": "t", "id": null }), json!({ "token": "t", "id": id })]
    {
        assert_eq!(answered(200, "application/json; charset=utf-8", good), [""; 0]);
    }
    for bad in [
        json!({ "token": "t", "more": 1 }),
        json!({}),
        json!({ "token": 1 }),
        json!({ "token": "t", "id": "x" }),
    ] {
        assert_eq!(answered(200, "application/json", bad.clone()).len(), 1, "{bad}");
    }
    assert_eq!(answered(200, "text/plain", json!("t")), ["it is `text/plain`, which is not described"]);
    assert_eq!(answered(201, "application/json", json!({ "token": "t" })), ["the status is not described"]);
    assert_eq!(answered(400, "application/json", json!({ "error": "e" })), [""; 0]);
    assert_eq!(answered(400, "application/json", json!({ "error": "e", "more": 1 })).len(), 1);
    assert_eq!(check(TOKEN, sent, 404, ("text/html", "<p>for a person</p>")), [""; 0]);
    assert_eq!(check(TOKEN, sent, 303, ("", "")), [""; 0]);
    assert_eq!(check(TOKEN, sent, 303, ("text/plain", "there")), ["it has a body (text/plain)"]);
}

#[test]
fn each_line_of_many_is_held_against_its_schema() {
    let lines = |body: &str| check(("GET", "/admin/audit/1"), ("", ""), 200, ("application/x-ndjson", body));
    assert_eq!(lines("{\"at\": 1}\n{\"at\": 2}\n"), [""; 0]);
    assert_eq!(lines("{\"at\": 1}\n{\"to\": 2}\n").len(), 1);
    assert_eq!(lines("{\"at\": 1}\n{\n").len(), 1);
}

#[test]
fn bodies_that_were_taken_are_described() {
    let posted = |media_type, body| check(TOKEN, (media_type, body), 303, ("", ""));
    assert_eq!(posted(FORM, "grant_type=a&traits.name.first=b"), [""; 0]);
    assert_eq!(posted(FORM, "grant_type=a&other=b"), ["its body: `other` is not described"]);
    assert_eq!(posted(FORM, "traits=a"), ["its body: `grant_type` is missing"]);
    assert_eq!(
        posted("application/json", "{}"),
        ["its body: it is `application/json`, which is not described"]
    );
    assert_eq!(posted("", ""), ["its body: it is required"]);
    let put = |media_type, body| check(("PUT", "/admin/audit/1"), (media_type, body), 204, ("", ""));
    assert_eq!(put("application/json", "{\"at\": 1}"), [""; 0]);
    assert_eq!(put("", ""), [""; 0]);
    assert_eq!(put("application/json", "{\"at\": 1, \"to\": 2}").len(), 1);
    let got = check(("GET", "/admin/audit/1"), ("application/json", "{}"), 200, ("application/x-ndjson", ""));
    assert_eq!(got, ["its body: none is described"]);
    // What was refused may have been anything.
    let refused = check(TOKEN, (FORM, "other=b"), 400, ("application/json", "{\"error\": \"e\"}"));
    assert_eq!(refused, [""; 0]);
}

#[test]
fn what_is_not_served_is_not_held_against_anything() {
    let answer =
        Answer { method: "GET", path: "/nothing", accept: "", status: 404, content_type: "", body: b"" };
    assert!(own().check(&answer, Sent { content_type: "", body: b"" }).is_none());
}
