//! JSON inside TOML: free-form values that rooms take as JSON.

use serde_json::{Map, Value};

use crate::problem::Report;

/// What the TOML reader calls a date when it is asked for JSON, which has none.
const DATE: &str = "$__toml_private_datetime";

/// Reports dates: TOML has them, JSON does not.
pub(super) fn check_object(key: &str, object: &Map<String, Value>, report: &mut Report<'_>) {
    for (name, value) in object {
        check(&format!("{key}.{name}"), value, report);
    }
}

fn check(key: &str, value: &Value, report: &mut Report<'_>) {
    match value {
        Value::Object(object) if object.contains_key(DATE) => {
            report(key, "is a date, which JSON does not have; put it in quotes".to_owned());
        }
        Value::Object(object) => check_object(key, object, report),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check(&format!("{key}[{index}]"), item, report);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
