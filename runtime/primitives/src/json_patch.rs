//! JSON Patch (RFC 6902): a list of operations, all of which apply or none.
//!
//! Attack: `copy` doubles a document with each operation. Operations are counted and the document is
//! measured after each that can make it grow.

use serde::Deserialize;
use serde_json::Value;

/// The most operations of a patch.
pub const MOST_OPERATIONS: usize = 200;
/// The most bytes of a patched document, as JSON text.
pub const MOST_BYTES: usize = 256 * 1024;

/// How deep a patched document may nest; a parsed one is never deeper than 128.
pub const MOST_DEPTH: usize = 128;

/// One operation (RFC 6902 section 4).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    /// Adds a member, or inserts into an array.
    Add {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
    /// Removes what is there.
    Remove {
        /// Where.
        path: String,
    },
    /// Puts another value in the place of what is there.
    Replace {
        /// Where.
        path: String,
        /// What.
        value: Value,
    },
    /// Removes a value and adds it elsewhere.
    Move {
        /// From where.
        from: String,
        /// To where.
        path: String,
    },
    /// Adds a copy of a value elsewhere.
    Copy {
        /// Of what.
        from: String,
        /// To where.
        path: String,
    },
    /// Goes on only if the value is equal.
    Test {
        /// Where.
        path: String,
        /// To what.
        value: Value,
    },
}

/// Why a patch does not apply. The client's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Not a list of operations.
    #[error("the patch is not a list of JSON Patch operations")]
    Malformed,
    /// Too many operations, or a document grown too large.
    #[error("the patch or what it makes is too large")]
    TooLarge,
    /// A path that is no JSON Pointer, or that leads nowhere.
    #[error("there is nothing at {0:?}")]
    NoSuchPlace(String),
    /// A test did not hold.
    #[error("the test of {0:?} did not hold")]
    TestFailed(String),
}

impl Operation {
    /// Reads a patch document.
    pub fn parse_all(patch: &Value) -> Result<Vec<Self>, PatchError> {
        let operations = patch.as_array().ok_or(PatchError::Malformed)?;
        if operations.len() > MOST_OPERATIONS {
            return Err(PatchError::TooLarge);
        }
        operations
            .iter()
            .map(|operation| Self::deserialize(operation).map_err(|_| PatchError::Malformed))
            .collect()
    }

    /// The place that it changes.
    pub fn path(&self) -> &str {
        match self {
            Self::Add { path, .. }
            | Self::Remove { path }
            | Self::Replace { path, .. }
            | Self::Move { path, .. }
            | Self::Copy { path, .. }
            | Self::Test { path, .. } => path,
        }
    }

    /// The place that it reads besides.
    pub fn from(&self) -> Option<&str> {
        match self {
            Self::Move { from, .. } | Self::Copy { from, .. } => Some(from),
            Self::Add { .. } | Self::Remove { .. } | Self::Replace { .. } | Self::Test { .. } => None,
        }
    }
}

/// The document with the operations applied in order.
pub fn patched(document: &Value, operations: &[Operation]) -> Result<Value, PatchError> {
    let mut document = document.clone();
    for operation in operations {
        match operation {
            Operation::Add { path, value } => add(&mut document, path, value.clone())?,
            Operation::Remove { path } => drop(remove(&mut document, path)?),
            Operation::Replace { path, value } => {
                *find_mut(&mut document, path)? = value.clone();
            }
            Operation::Move { from, path } => {
                // A value cannot move into itself (section 4.4).
                if path.strip_prefix(from.as_str()).is_some_and(|rest| rest.starts_with('/')) {
                    return Err(PatchError::NoSuchPlace(path.clone()));
                }
                let value = remove(&mut document, from)?;
                add(&mut document, path, value)?;
            }
            Operation::Copy { from, path } => {
                let value = find_mut(&mut document, from)?.clone();
                add(&mut document, path, value)?;
                if is_deeper(&document, MOST_DEPTH) || document.to_string().len() > MOST_BYTES {
                    return Err(PatchError::TooLarge);
                }
            }
            Operation::Test { path, value } => {
                if find_mut(&mut document, path)? != value {
                    return Err(PatchError::TestFailed(path.clone()));
                }
            }
        }
        // After each operation, so that the next one meets a document of bounded depth.
        if is_deeper(&document, MOST_DEPTH) {
            return Err(PatchError::TooLarge);
        }
    }
    if document.to_string().len() > MOST_BYTES { Err(PatchError::TooLarge) } else { Ok(document) }
}

/// Looks no deeper than `depth`.
fn is_deeper(value: &Value, depth: usize) -> bool {
    let Some(below) = depth.checked_sub(1) else { return true };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper(item, below)),
        Value::Object(fields) => fields.values().any(|field| is_deeper(field, below)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn nowhere(path: &str) -> PatchError {
    PatchError::NoSuchPlace(path.to_owned())
}

/// A pointer's place: what holds it, and its name there (RFC 6901 section 4).
fn holder<'a>(document: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), PatchError> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| nowhere(path))?;
    let last = last.replace("~1", "/").replace("~0", "~");
    Ok((find_mut(document, parent)?, last))
}

fn find_mut<'a>(document: &'a mut Value, path: &str) -> Result<&'a mut Value, PatchError> {
    document.pointer_mut(path).ok_or_else(|| nowhere(path))
}

fn index(name: &str) -> Option<usize> {
    let plain = name == "0" || !name.starts_with('0');
    (plain && name.bytes().all(|b| b.is_ascii_digit())).then(|| name.parse().ok()).flatten()
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), PatchError> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    match holder(document, path)? {
        (Value::Object(fields), name) => {
            fields.insert(name, value);
        }
        (Value::Array(items), name) => {
            let at = if name == "-" { Some(items.len()) } else { index(&name) };
            let at = at.filter(|at| *at <= items.len()).ok_or_else(|| nowhere(path))?;
            items.insert(at, value);
        }
        _ => return Err(nowhere(path)),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, PatchError> {
    if path.is_empty() {
        return Ok(std::mem::take(document));
    }
    let removed = match holder(document, path)? {
        (Value::Object(fields), name) => fields.shift_remove(&name),
        (Value::Array(items), name) => index(&name).filter(|at| *at < items.len()).map(|at| items.remove(at)),
        _ => None,
    };
    removed.ok_or_else(|| nowhere(path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply(document: &Value, patch: &Value) -> Result<Value, PatchError> {
        patched(document, &Operation::parse_all(patch)?)
    }

    fn check(document: &Value, operation: &Value, expect: Option<&Value>) {
        assert_eq!(apply(document, &json!([operation])).ok().as_ref(), expect, "{document} {operation}");
    }

    #[test]
    fn each_operation_does_what_its_section_says() {
        let a = json!({"a": 1, "l": [1, 3], "~/": 0});
        for (operation, expect) in [
            (
                json!({"op": "add", "path": "/b", "value": null}),
                json!({"a": 1, "l": [1, 3], "~/": 0, "b": null}),
            ),
            (json!({"op": "add", "path": "/l/1", "value": 2}), json!({"a": 1, "l": [1, 2, 3], "~/": 0})),
            (json!({"op": "add", "path": "/l/-", "value": 4}), json!({"a": 1, "l": [1, 3, 4], "~/": 0})),
            (json!({"op": "add", "path": "", "value": 4}), json!(4)),
            (json!({"op": "remove", "path": "/l/0"}), json!({"a": 1, "l": [3], "~/": 0})),
            (json!({"op": "remove", "path": "/~0~1"}), json!({"a": 1, "l": [1, 3]})),
            (json!({"op": "replace", "path": "/a", "value": 2}), json!({"a": 2, "l": [1, 3], "~/": 0})),
            (json!({"op": "move", "from": "/a", "path": "/l/0"}), json!({"l": [1, 1, 3], "~/": 0})),
            (
                json!({"op": "copy", "from": "/a", "path": "/c"}),
                json!({"a": 1, "l": [1, 3], "~/": 0, "c": 1}),
            ),
            (json!({"op": "test", "path": "/l", "value": [1, 3]}), a.clone()),
        ] {
            check(&a, &operation, Some(&expect));
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused() {
        let a = json!({"a": 1, "l": [1]});
        for operation in [
            json!({"op": "remove", "path": "/b"}),
            json!({"op": "replace", "path": "/b", "value": 1}),
            json!({"op": "add", "path": "/b/c", "value": 1}),
            json!({"op": "add", "path": "/l/2", "value": 1}),
            json!({"op": "add", "path": "/l/01", "value": 1}),
            json!({"op": "add", "path": "/l/+1", "value": 1}),
            json!({"op": "add", "path": "a", "value": 1}),
            json!({"op": "add", "path": "/a"}),
            json!({"op": "move", "from": "/l", "path": "/l/0"}),
            json!({"op": "test", "path": "/a", "value": 2}),
            json!({"op": "become", "path": "/a"}),
        ] {
            check(&a, &operation, None);
        }
    }

    #[test]
    fn a_document_does_not_grow_without_end() {
        let doubling = |n: u32| json!({"op": "copy", "from": "", "path": format!("/x{n}")});
        let patch = Value::Array((0..60).map(doubling).collect());
        assert_eq!(apply(&json!({"a": "aaaaaaaa"}), &patch), Err(PatchError::TooLarge));
        let long = Value::Array(vec![json!({"op": "test", "path": "", "value": 1}); MOST_OPERATIONS + 1]);
        assert_eq!(apply(&json!(1), &long), Err(PatchError::TooLarge));
    }

    #[test]
    fn a_document_does_not_deepen_without_end() {
        // Each operation copies the whole into its own deepest place.
        let mut depth = 1;
        let mut patch = Vec::new();
        for _ in 0..12 {
            patch.push(json!({"op": "copy", "from": "", "path": "/a".repeat(depth)}));
            depth *= 2;
        }
        assert_eq!(apply(&json!({"a": 1}), &Value::Array(patch)), Err(PatchError::TooLarge));
    }

    #[test]
    fn operations_apply_together_or_not_at_all() {
        let a = json!({"a": 1});
        let patch = json!([{"op": "remove", "path": "/a"}, {"op": "remove", "path": "/a"}]);
        assert!(apply(&a, &patch).is_err());
        assert_eq!(a, json!({"a": 1}));
    }
}
