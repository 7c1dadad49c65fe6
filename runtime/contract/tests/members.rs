//! What of a small description is left to see.

#![expect(clippy::unwrap_used, reason = "a test says by panicking that it failed")]

use std::collections::BTreeSet;

use portcullis_contract::{Answer, Members, Shown};
use serde_json::{Value, json};

fn document() -> Value {
    let of = |schema: &str| json!({ "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } } });
    json!({
        "paths": { "/admin/things/{id}": {
            "get": { "operationId": "getThing", "responses": { "200": of("thing"), "default": of("fault") } },
            "delete": { "operationId": "deleteThing", "responses": { "302": { "description": "nothing" } } },
        } },
        "components": { "schemas": {
            "thing": { "type": "object", "required": ["id"], "properties": {
                "id": { "type": "string" }, "owner": { "$ref": "#/components/schemas/owner" },
            } },
            "owner": { "type": "object", "properties": { "name": { "type": "string" }, "desk": { "type": "integer" } } },
            "fault": { "type": "object", "properties": { "error": { "type": "string" } } },
        } },
    })
}

const INSTEAD: &str =
    r#"instead = [{ operations = ["deleteThing"], described = "302", sent = 303, reason = "r" }]"#;

/// What is wrong with the answers, and what is left to see after them.
fn left(list: &str, answers: &[(&str, u16, &str)]) -> (Vec<String>, Vec<String>) {
    let members = Members::parse(document().to_string().as_bytes(), list).unwrap();
    let (mut violations, mut seen) = (Vec::new(), BTreeSet::<Shown>::new());
    for (method, status, body) in answers {
        let content_type = if body.is_empty() { "" } else { "application/json" };
        let (path, body) = ("/t/acme/admin/things/1", body.as_bytes());
        let answer = Answer { method, path, accept: "", status: *status, content_type, body };
        let (checked, shown) = members.check(&answer).unwrap();
        violations.extend(checked.violations);
        seen.extend(shown);
    }
    (violations, members.unaccounted(&seen))
}

#[test]
fn everything_is_seen_or_listed_and_not_both() {
    let whole = r#"{"id": "1", "owner": {"name": "ada", "desk": 3}, "newer": 1}"#;
    let all = [("GET", 200, whole), ("GET", 404, r#"{"error": "x"}"#), ("DELETE", 303, "")];
    assert_eq!(left(INSTEAD, &all), (vec![], vec![]));
    let [first, ..] = all;
    let without_desk = ("GET", 200, r#"{"id": "1", "owner": {"name": "ada", "desk": null}}"#);
    let missing = "owner: desk: was not seen, and is nowhere listed";
    let (_, lines) = left(INSTEAD, &[without_desk, all[1], all[2]]);
    assert_eq!(lines, [missing]);
    let never = r#"never = [{ schema = "owner", members = ["desk"], reason = "they stand" }]"#;
    let list = format!("{INSTEAD}\n{never}");
    assert_eq!(left(&list, &[without_desk, all[1], all[2]]).1, Vec::<String>::new());
    assert_eq!(left(&list, &all).1, ["owner: desk: is listed as never sent, and was seen"]);
    let (_, lines) = left(INSTEAD, &[first]);
    let expect = [
        "deleteThing 302: was not seen, and is nowhere listed",
        "getThing default: was not seen, and is nowhere listed",
        "getThing default: error: was not seen, and is nowhere listed",
    ];
    assert_eq!(lines, expect);
}

#[test]
fn answers_are_held_against_what_is_described() {
    assert_eq!(left(INSTEAD, &[("GET", 200, r#"{"owner": {}}"#)]).0, [": \"id\" is a required property"]);
    assert_eq!(left("", &[("DELETE", 303, "")]).0, ["status 303 is not described"]);
    let nothing = r#"never = [{ operations = ["getThing"], status = "418", reason = "r" }]"#;
    let (_, lines) = left(nothing, &[]);
    assert!(
        lines.iter().any(|line| line.ends_with("is listed, and nothing like it is described")),
        "{lines:?}"
    );
}
