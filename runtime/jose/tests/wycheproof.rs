//! Project Wycheproof's vectors for JWS and JWK: known attacks on signatures, padding, encodings and keys.
//!
//! Where we answer otherwise than a vector asks, a line of [`DEVIATIONS`] says why. A deviation is only
//! ever stricter: we refuse what the vector calls valid. Accepting what it calls invalid has no line to
//! stand in, and fails. So does a line whose vector we answer as asked.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use portcullis_jose::{
    JwkError, PrivateJwk, PublicJwk, SymmetricJwk, UnverifiedJws, VerifyingKey, VerifyingKeys,
};
use serde_json::{Map, Value};

#[path = "../src/tests_support.rs"]
mod tests_support;

use tests_support::wycheproof as load;

/// Vectors that are valid and that we refuse.
struct Deviation {
    file: &'static str,
    tests: Tests,
    reason: &'static str,
}

enum Tests {
    /// These numbers (`tcId`).
    Numbered(&'static [u64]),
    /// All valid ones of a file, and how many those are.
    AllValid(usize),
}

const DEVIATIONS: [Deviation; 5] = [
    Deviation {
        file: "json_web_signature_test.json",
        tests: Tests::Numbered(&[346, 350]),
        reason: "the key says PS256 and the header PS384: the algorithm is the key's, never the header's",
    },
    Deviation {
        file: "json_web_signature_test.json",
        tests: Tests::Numbered(&[347, 351]),
        reason: "P-521 is not supported (and `ES521` is no registered algorithm)",
    },
    Deviation {
        file: "json_web_signature_test.json",
        tests: Tests::Numbered(&[372, 373]),
        reason: "a character stands in it that is not of the base64url alphabet (RFC 7515 section 2)",
    },
    Deviation {
        file: "json_web_crypto_test.json",
        tests: Tests::Numbered(&[50, 67]),
        reason: "we decrypt nothing; `src/jwe/tests/vectors.rs` makes those that are ours again",
    },
    Deviation {
        file: "json_web_encryption_test.json",
        tests: Tests::AllValid(65),
        reason: "we decrypt nothing; `src/jwe/tests/vectors.rs` makes those that are ours again",
    },
];

/// Vectors that are called invalid and are, byte for byte, another one that is called valid: what made
/// them invalid (padding, in each) was lost when they were written down. File, number, the valid twin.
const DEFECTIVE: [(&str, u64, u64); 2] =
    [("json_web_signature_test.json", 367, 357), ("json_web_signature_test.json", 370, 357)];

#[test]
fn signatures() {
    check("json_web_signature_test.json", 401);
}

#[test]
fn keys() {
    check("json_web_key_test.json", 26);
}

#[test]
fn signatures_and_keys_among_other_objects() {
    check("json_web_crypto_test.json", 83);
}

/// We decrypt nothing; what is checked is that no JWE is ever taken for a JWS.
#[test]
fn encrypted_objects() {
    check("json_web_encryption_test.json", 139);
}

/// Runs every vector of a file, of which there must be `count`.
fn check(file: &'static str, count: usize) {
    let Some(document) = load(file) else { return };
    let (mut seen, mut refused, mut problems) = (0, BTreeSet::new(), Vec::new());
    for group in document["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            seen += 1;
            let (id, comment) = (test["tcId"].as_u64().unwrap(), &test["comment"]);
            let (accepted, valid) = (accepts(group, test), test["result"] == "valid");
            if accepted && !valid && !is_defective(file, id, group) {
                problems.push(format!("{id} {comment}: accepted, and the vector is invalid"));
            }
            if !accepted && valid {
                refused.insert(id);
            }
        }
    }
    let mut explained = BTreeSet::new();
    for Deviation { tests, reason, .. } in DEVIATIONS.iter().filter(|line| line.file == file) {
        match tests {
            Tests::Numbered(ids) => explained.extend(ids.iter().copied()),
            Tests::AllValid(valid) => {
                assert_eq!(refused.len(), *valid, "{reason}");
                explained.extend(refused.iter().copied());
            }
        }
    }
    problems.extend(refused.difference(&explained).map(|id| format!("{id}: refused without a reason")));
    problems.extend(explained.difference(&refused).map(|id| format!("{id}: stale line, it is accepted")));
    assert!(problems.is_empty(), "{file}:\n{}", problems.join("\n"));
    assert_eq!(seen, count, "{file} holds another number of vectors");
}

/// Whether an invalid vector is listed as defective, and is what its valid twin is.
fn is_defective(file: &str, id: u64, group: &Value) -> bool {
    let Some((.., twin)) = DEFECTIVE.iter().find(|(of, number, _)| *of == file && *number == id) else {
        return false;
    };
    let find = |id: u64| group["tests"].as_array().unwrap().iter().find(|test| test["tcId"] == id).unwrap();
    find(*twin)["result"] == "valid" && find(*twin)["jws"] == find(id)["jws"]
}

/// Whether the object verifies with the keys of its group.
fn accepts(group: &Value, test: &Value) -> bool {
    let object = test.get("jws").or_else(|| test.get("jwe")).unwrap();
    // The JSON serialisation stands in the vectors as text or as the object itself.
    let text = object.as_str().map_or_else(|| object.to_string(), str::to_owned);
    let Ok(keys) = verifying_keys(group) else { return false };
    UnverifiedJws::parse(&text).and_then(|jws| jws.verify_with(&keys)).is_ok()
}

/// The keys of a group: its public ones, or shared secrets.
fn verifying_keys(group: &Value) -> Result<VerifyingKeys, JwkError> {
    let source = group.get("public").filter(|public| !public.is_null()).unwrap_or(&group["private"]);
    let documents = documents(source);
    let keys: Result<Vec<_>, _> = documents
        .into_iter()
        .map(|document| {
            let text = Value::Object(document.clone()).to_string();
            match document["kty"].as_str() {
                Some("oct") => VerifyingKey::shared(&SymmetricJwk::parse(text.as_bytes())?),
                _ => VerifyingKey::new(&PublicJwk::parse(text.as_bytes())?, None),
            }
        })
        .collect();
    VerifyingKeys::new(keys?)
}

/// One key, or those of a set.
fn documents(source: &Value) -> Vec<&Map<String, Value>> {
    match source["keys"].as_array() {
        Some(keys) => keys.iter().filter_map(Value::as_object).collect(),
        None => source.as_object().into_iter().collect(),
    }
}

/// A key pair reads as a pair, its public half is the public key beside it, and as a public key it is
/// refused.
#[test]
fn key_pairs_hold_together() {
    let mut pairs = 0;
    for file in ["json_web_signature_test.json", "json_web_key_test.json"] {
        let Some(document) = load(file) else { return };
        for group in document["testGroups"].as_array().unwrap() {
            let Some(public) = group.get("public").filter(|public| !public.is_null()) else { continue };
            for (private, public) in documents(&group["private"]).into_iter().zip(documents(public)) {
                let text = |map: &Map<String, Value>| Value::Object(map.clone()).to_string();
                let Ok(public) = PublicJwk::parse(text(public).as_bytes()) else { continue };
                let private = text(private);
                assert_eq!(PublicJwk::parse(private.as_bytes()), Err(JwkError::PrivateMaterial));
                let Ok(pair) = PrivateJwk::parse(private.as_bytes()) else { continue };
                assert_eq!(pair.public().thumbprint(), public.thumbprint(), "{file}");
                pairs += 1;
            }
        }
    }
    assert!(pairs >= 15, "only {pairs} pairs were read");
}
