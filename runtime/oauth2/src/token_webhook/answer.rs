//! What the token hook answers.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::own::{OwnClaims, is_same};
use crate::hooks::{PROTECTED_CLAIMS, TokenShape};

/// The largest answer, in bytes.
pub const MOST_BYTES: usize = 64 << 10;
/// How deep claims may nest, as those of plugins may.
const MOST_DEEP: usize = 32;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenWebhookAnswer {
    /// 204, or 200 without a body: the tokens are as they would be.
    Unchanged,
    /// 200: the tokens have these claims instead of those that they would have. None of them is protected.
    Replaced(TokenShape),
    /// 403: there are no tokens.
    Refused,
}

/// It is no answer. The text is for the operator: it holds nothing of what was said but the name of a claim of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Improper {
    /// None of the three statuses.
    #[error("it answered {0}")]
    Status(u16),
    /// Not a document.
    #[error(
        "its answer is not a JSON object in which no member stands twice, of {MOST_BYTES} bytes and {MOST_DEEP} levels"
    )]
    Document,
    /// Not one with a session.
    #[error("its answer has no `session` with objects `access_token` and `id_token`")]
    Session,
    /// It sets what only the server sets, to something else.
    #[error("session.{document} sets the claim {claim}, which only the server sets, and not to what it is")]
    Protected {
        /// `access_token` or `id_token`.
        document: &'static str,
        /// Which.
        claim: &'static str,
    },
}

/// `session` of the answer. A member that is not there, or null, is no claims; members that Hydra passes over are passed over.
#[derive(Deserialize)]
struct Session {
    access_token: Option<Map<String, Value>>,
    id_token: Option<Map<String, Value>>,
}

/// Reads an answer about tokens of which the server itself says `own`.
pub fn read(status: u16, body: &[u8], own: &OwnClaims) -> Result<TokenWebhookAnswer, Improper> {
    match status {
        // Hydra's guide has both.
        204 => Ok(TokenWebhookAnswer::Unchanged),
        200 if body.is_empty() => Ok(TokenWebhookAnswer::Unchanged),
        200 => read_claims(body, own).map(TokenWebhookAnswer::Replaced),
        403 => Ok(TokenWebhookAnswer::Refused),
        other => Err(Improper::Status(other)),
    }
}

fn read_claims(body: &[u8], own: &OwnClaims) -> Result<TokenShape, Improper> {
    if body.len() > MOST_BYTES {
        return Err(Improper::Document);
    }
    let mut document = jose::json::parse_object(body).map_err(|_| Improper::Document)?;
    let session = document.remove("session").filter(|session| is_shallow(session, MOST_DEEP));
    let session: Session =
        session.and_then(|session| serde_json::from_value(session).ok()).ok_or(Improper::Session)?;
    let (access_token, id_token) =
        (session.access_token.unwrap_or_default(), session.id_token.unwrap_or_default());
    Ok(TokenShape {
        access_token: without_own("access_token", access_token, &own.access_token)?,
        id_token: without_own("id_token", id_token, &own.id_token)?,
    })
}

/// The claims without those that are the server's, each of which must be what the token says anyway.
fn without_own(
    document: &'static str,
    mut claims: Map<String, Value>,
    own: &Map<String, Value>,
) -> Result<Map<String, Value>, Improper> {
    for claim in PROTECTED_CLAIMS {
        let Some(said) = claims.remove(claim) else { continue };
        if !own.get(claim).is_some_and(|own| is_same(own, &said)) {
            return Err(Improper::Protected { document, claim });
        }
    }
    Ok(claims)
}

/// Whether a value nests no deeper than `levels`. What was parsed is bounded already, so that this ends.
fn is_shallow(value: &Value, levels: usize) -> bool {
    let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(values) => Box::new(values.iter()),
        Value::Object(members) => Box::new(members.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return true,
    };
    levels > 0 && inner.all(|value| is_shallow(value, levels - 1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What the tokens say themselves.
    fn own() -> OwnClaims {
        let object = |value: Value| {
            let Value::Object(object) = value else { panic!("{value}") };
            object
        };
        OwnClaims {
            access_token: object(json!({"azp": "app", "client_id": "app", "aud": ["https://api.example"],
                "iss": "https://id.example", "scope": "read", "auth_time": 7})),
            id_token: object(json!({"azp": "app", "aud": ["app"], "nonce": "n-1", "amr": ["pwd", "otp"]})),
        }
    }

    fn claims(text: &str) -> Result<(Value, Value), Improper> {
        match read(200, text.as_bytes(), &own())? {
            TokenWebhookAnswer::Replaced(shape) => {
                Ok((Value::Object(shape.access_token), Value::Object(shape.id_token)))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn three_statuses_are_answers() {
        let nothing = TokenWebhookAnswer::Replaced(TokenShape::default());
        let read = |status: u16, body: &[u8]| super::read(status, body, &own());
        assert_eq!(read(200, b"{\"session\":{}}"), Ok(nothing));
        assert_eq!(read(204, b""), Ok(TokenWebhookAnswer::Unchanged));
        assert_eq!(read(200, b""), Ok(TokenWebhookAnswer::Unchanged));
        assert_eq!(read(403, b"{\"error\":\"no\"}"), Ok(TokenWebhookAnswer::Refused));
        for status in [0, 100, 201, 202, 205, 206, 301, 302, 307, 400, 401, 404, 429, 500, 502, 503] {
            assert_eq!(read(status, b"{\"session\":{}}"), Err(Improper::Status(status)));
        }
    }

    #[test]
    fn claims_are_those_of_the_session() {
        let check = |text: &str, expect: (Value, Value)| assert_eq!(claims(text), Ok(expect), "{text}");
        check(
            r#"{"session":{"access_token":{"a":1},"id_token":{"b":[2]}}}"#,
            (json!({"a": 1}), json!({"b": [2]})),
        );
        check(r#"{"session":{"access_token":null,"other":7},"more":1}"#, (json!({}), json!({})));
    }

    #[test]
    fn what_is_no_document_with_a_session_is_a_failure() {
        for text in [" ", "null", "[]", "\"x\"", "{", "{}{}", r#"{"session":{},"session":{}}"#] {
            assert_eq!(claims(text), Err(Improper::Document), "{text}");
        }
        let twice = r#"{"session":{"access_token":{"a":1,"a":2}}}"#;
        assert_eq!(claims(twice), Err(Improper::Document));
        for text in ["{}", r#"{"session":null}"#, r#"{"session":[]}"#, r#"{"session":{"id_token":"x"}}"#] {
            assert_eq!(claims(text), Err(Improper::Session), "{text}");
        }
    }

    #[test]
    fn what_is_the_servers_is_refused_in_either_document() {
        for claim in PROTECTED_CLAIMS {
            for document in ["access_token", "id_token"] {
                let text = json!({"session": {document: {"fine": 1, claim: "x"}}}).to_string();
                assert_eq!(claims(&text), Err(Improper::Protected { document, claim }), "{claim}");
            }
        }
    }

    #[test]
    fn what_the_token_says_anyway_is_passed_over_and_nothing_else_by_that_name() {
        let said = |document: &str, claim: &str, value: &Value| {
            claims(&json!({"session": {document: {"fine": 1, claim: value}}}).to_string())
        };
        let fine = json!({"fine": 1});
        for (claim, value) in [
            ("azp", json!("app")),
            ("client_id", json!("app")),
            ("iss", json!("https://id.example")),
            ("aud", json!(["https://api.example"])),
            ("aud", json!("https://api.example")),
            ("scope", json!("read")),
            ("auth_time", json!(7)),
        ] {
            assert_eq!(said("access_token", claim, &value), Ok((fine.clone(), json!({}))), "{claim}");
        }
        for (claim, value) in [("azp", json!("app")), ("aud", json!("app")), ("nonce", json!("n-1"))] {
            assert_eq!(said("id_token", claim, &value), Ok((json!({}), fine.clone())), "{claim}");
        }
        for (document, claim, value) in [
            ("access_token", "azp", json!("another")),
            ("access_token", "aud", json!([])),
            ("access_token", "aud", json!(["https://api.example", "https://b.example"])),
            ("access_token", "aud", json!("app")),
            ("access_token", "scope", json!("read write")),
            ("access_token", "auth_time", json!("7")),
            ("access_token", "nonce", json!("n-1")),
            ("access_token", "exp", json!(9)),
            ("id_token", "amr", json!("pwd")),
            ("id_token", "client_id", json!("app")),
            ("id_token", "nonce", Value::Null),
        ] {
            assert_eq!(
                said(document, claim, &value),
                Err(Improper::Protected { document, claim }),
                "{claim}: {value}"
            );
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let of_size = |bytes: usize| {
            let empty = r#"{"session":{"access_token":{"a":""}}}"#;
            empty.replace("\"\"", &format!("\"{}\"", "x".repeat(bytes - empty.len())))
        };
        assert!(claims(&of_size(MOST_BYTES)).is_ok());
        assert_eq!(claims(&of_size(MOST_BYTES + 1)), Err(Improper::Document));
        // The session, the claims and what is in them.
        let of_depth = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 2), "]".repeat(levels - 2));
            format!(r#"{{"session":{{"access_token":{{"a":{open}{close}}}}}}}"#)
        };
        assert!(claims(&of_depth(MOST_DEEP)).is_ok());
        assert_eq!(claims(&of_depth(MOST_DEEP + 1)), Err(Improper::Session));
        assert!(claims(&of_depth(10_000)).is_err());
    }
}
