//! `transient_payload`: what a page or application sends for webhooks and messages alone.
//!
//! It is kept with its form, so that the second step of a form, and whoever asks for another code, need not send it again;
//! it is never the account's. A submission that brings another replaces it.
//!
//! Attack: a stranger sends a form with a payload of any size, to be kept, sealed and read again with every look at the form;
//! or one so deep that whoever reads it runs out of stack. So both are bounded.
//!
//! Attack: a stranger has our mail server send somebody words of their own. No message of ours shows it; a tenant's own
//! words do where they name it, escaped in HTML and one line in a subject.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::submission::MalformedSubmission;
use crate::captcha;

/// The most of it, in bytes of JSON.
const MOST_BYTES: usize = 8 << 10;
/// How deep its objects and lists are nested at most, itself included.
const MOST_DEPTH: usize = 8;

/// A payload within its bounds. Few forms have one, and all are moved a lot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransientPayload(Box<Map<String, Value>>);

impl TransientPayload {
    /// Checks what a body has. What is no object is nothing, as with Kratos.
    ///
    /// The proof that a person is there comes in it too ([`crate::captcha`]); it counts once, and is not kept.
    pub fn check(given: Value) -> Result<Option<Self>, MalformedSubmission> {
        let Value::Object(mut given) = given else { return Ok(None) };
        for name in captcha::payload_names() {
            given.remove(name);
        }
        let given = Value::Object(given);
        if !is_shallow(&given, MOST_DEPTH) {
            return Err(MalformedSubmission("`transient_payload` is nested more than 8 deep"));
        }
        if given.to_string().len() > MOST_BYTES {
            return Err(MalformedSubmission("`transient_payload` is longer than 8 KiB"));
        }
        Ok(match given {
            Value::Object(given) => Some(Self(Box::new(given))),
            _ => None,
        })
    }

    /// The same of a form's field. What is no JSON is nothing.
    pub fn parse(text: &str) -> Result<Option<Self>, MalformedSubmission> {
        serde_json::from_str(text).map_or(Ok(None), Self::check)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As JSON.
    pub fn to_value(&self) -> Value {
        Value::Object((*self.0).clone())
    }
}

fn is_shallow(value: &Value, most: usize) -> bool {
    match value {
        Value::Object(fields) => most > 0 && fields.values().all(|value| is_shallow(value, most - 1)),
        Value::Array(items) => most > 0 && items.iter().all(|value| is_shallow(value, most - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_is_bounded_in_size_and_depth() {
        let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
        for (given, is_taken) in [
            (json!({"note": "x".repeat(MOST_BYTES - 11)}), true),
            (json!({"note": "x".repeat(MOST_BYTES - 10)}), false),
            (nested(MOST_DEPTH), true),
            (nested(MOST_DEPTH + 1), false),
            (json!({"a": [[[[[[[[]]]]]]]]}), false),
        ] {
            let bytes = given.to_string().len();
            assert_eq!(TransientPayload::check(given).is_ok(), is_taken, "{bytes} bytes");
        }
    }

    #[test]
    fn what_is_no_object_is_nothing_and_proofs_are_not_kept() {
        for given in [json!("p"), json!(null), json!([{}]), json!(1)] {
            assert_eq!(TransientPayload::check(given), Ok(None));
        }
        assert_eq!(TransientPayload::parse("{"), Ok(None));
        let given = r#"{"captcha_turnstile_response": "p", "campaign": "spring"}"#;
        let kept = TransientPayload::parse(given).unwrap().unwrap();
        assert_eq!(kept.to_value(), json!({"campaign": "spring"}));
    }
}
