//! Where two JSON documents differ, by JSON Pointer.

use serde::Serialize;
use serde_json::{Map, Value};

/// A place where what was found is not what was expected. Nothing is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) expected: Option<Value>,
    pub(super) found: Option<Value>,
}

/// How much of what was found must have been expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Exact,
    /// Objects may have more than was expected of them.
    Subset,
}

/// Compares, down to the smallest parts that differ.
pub(super) fn compare(expected: &Value, found: &Value, extent: Extent) -> Vec<Difference> {
    let mut differences = Vec::new();
    descend("", expected, found, extent, &mut differences);
    differences
}

fn descend(path: &str, expected: &Value, found: &Value, extent: Extent, differences: &mut Vec<Difference>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            objects(path, expected, found, extent, differences);
        }
        (Value::Array(wanted), Value::Array(had)) if wanted.len() == had.len() => {
            for (index, (wanted, had)) in wanted.iter().zip(had).enumerate() {
                descend(&format!("{path}/{index}"), wanted, had, extent, differences);
            }
        }
        _ if expected == found => {}
        _ => differences.push(difference(path, Some(expected), Some(found))),
    }
}

fn objects(
    path: &str,
    expected: &Map<String, Value>,
    found: &Map<String, Value>,
    extent: Extent,
    differences: &mut Vec<Difference>,
) {
    let below = |key: &str| format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
    for (key, wanted) in expected {
        match found.get(key) {
            Some(had) => descend(&below(key), wanted, had, extent, differences),
            None => differences.push(difference(&below(key), Some(wanted), None)),
        }
    }
    let more = found.iter().filter(|(key, _)| extent == Extent::Exact && !expected.contains_key(*key));
    differences.extend(more.map(|(key, had)| difference(&below(key), None, Some(had))));
}

fn difference(path: &str, expected: Option<&Value>, found: Option<&Value>) -> Difference {
    Difference { path: path.to_owned(), expected: expected.cloned(), found: found.cloned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(expected: &Value, found: &Value, exact: &[&str], subset: &[&str]) {
        for (extent, paths) in [(Extent::Exact, exact), (Extent::Subset, subset)] {
            let differences = compare(expected, found, extent);
            let found_at: Vec<&str> = differences.iter().map(|difference| difference.path.as_str()).collect();
            assert_eq!(found_at, paths, "{expected} {found} {extent:?}");
        }
    }

    #[test]
    fn differences_are_the_smallest_parts_that_differ() {
        check(&json!({"a": {"b": 1}}), &json!({"a": {"b": 1}}), &[], &[]);
        check(&json!({"a": {"b": 1, "c": 2}}), &json!({"a": {"b": 2, "c": 2}}), &["/a/b"], &["/a/b"]);
        check(&json!({"a": {}}), &json!({"a": {"b/c": 1}, "d": null}), &["/a/b~1c", "/d"], &[]);
        check(&json!({"a": null}), &json!({}), &["/a"], &["/a"]);
        check(&json!([1, {"a": 1}]), &json!([1, {"a": 1, "b": 2}]), &["/1/b"], &[]);
        check(&json!([1]), &json!([1, 2]), &[""], &[""]);
        check(&json!([1, 2]), &json!([2, 1]), &["/0", "/1"], &["/0", "/1"]);
        check(&json!(1), &json!("1"), &[""], &[""]);
        check(&json!({"a": {}}), &json!({"a": []}), &["/a"], &["/a"]);
    }

    #[test]
    fn difference_tells_both_sides() {
        let found = compare(&json!({"a": 1}), &json!({"b": 2}), Extent::Exact);
        assert_eq!(
            found,
            [
                Difference { path: "/a".to_owned(), expected: Some(json!(1)), found: None },
                Difference { path: "/b".to_owned(), expected: None, found: Some(json!(2)) },
            ]
        );
    }
}
