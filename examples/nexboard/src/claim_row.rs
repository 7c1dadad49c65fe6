//! A claim of an ID token, as a row that a person can read.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// One row of the table of claims.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClaimRow {
    pub(crate) name: String,
    pub(crate) value: String,
    /// What a registered claim means, or the time that a number stands for.
    pub(crate) meaning: Option<String>,
}

impl ClaimRow {
    pub(crate) fn of(name: &str, value: &Value) -> Self {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let time = value.as_i64().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let meaning = match (name, time) {
            ("exp" | "iat" | "nbf" | "auth_time" | "updated_at", Some(time)) => {
                Some(format!("{}{}", prefix(name), clock_time(time)))
            }
            _ => registered(name).map(str::to_owned),
        };
        Self { name: name.to_owned(), value: text, meaning }
    }
}

/// Writes a time for people, to the minute.
pub(crate) fn clock_time(time: DateTime<Utc>) -> String {
    time.format("%-d %B %Y, %H:%M UTC").to_string()
}

fn prefix(name: &str) -> &'static str {
    match name {
        "exp" => "Good until ",
        "iat" => "Issued ",
        "nbf" => "Good from ",
        "auth_time" => "Signed in ",
        _ => "",
    }
}

fn registered(name: &str) -> Option<&'static str> {
    Some(match name {
        "iss" => "Who signed you in",
        "sub" => "Your account there, a name that never changes",
        "aud" => "The app that may use this token",
        "azp" => "The app that asked for it",
        "sid" => "Your session there",
        "jti" => "The number of this token",
        "email_verified" => "Whether you proved that the address is yours",
        "nonce" => "Ties the token to this browser’s sign-in",
        "at_hash" => "Ties the token to its access token",
        "acr" => "How strongly you proved who you are",
        "amr" => "What you proved it with",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(name: &str, value: &Value, shown: &str, meaning: Option<&str>) {
        let row = ClaimRow::of(name, value);
        assert_eq!((row.value.as_str(), row.meaning.as_deref()), (shown, meaning));
    }

    #[test]
    fn a_claim_is_shown_as_it_stands_with_its_meaning() {
        check("department", &json!("sales"), "sales", None);
        check("roles", &json!(["a", "b"]), r#"["a","b"]"#, None);
        check("exp", &json!(1_795_621_200), "1795621200", Some("Good until 25 November 2026, 15:40 UTC"));
        check("exp", &json!("soon"), "soon", None);
        check("exp", &json!(i64::MAX), "9223372036854775807", None);
    }
}
