//! The tokens of a link as the API writes and reads them (`identityCredentialsOidcProvider`).

use primitives::Timestamp;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::providers::{TokenSet, UpstreamTokens};

/// The longest token that is taken, in bytes.
const LONGEST: usize = 16 * 1024;
const EXPIRES_AT: &str = "current_expires_at";

/// A token is no text or too long, or a time is none. The client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token of a link is malformed")]
pub(super) struct MalformedTokens;

/// Adds tokens to what is said of a link. What a provider did not give is empty.
pub(super) fn write(tokens: &UpstreamTokens, fields: &mut Map<String, Value>) {
    for (when, set) in [("initial", &tokens.initial), ("current", &tokens.current)] {
        let of = [
            ("access_token", &set.access_token),
            ("refresh_token", &set.refresh_token),
            ("id_token", &set.id_token),
        ];
        for (name, token) in of {
            fields.insert(format!("{when}_{name}"), json!(token.as_deref().unwrap_or_default()));
        }
    }
    fields.insert(EXPIRES_AT.to_owned(), json!(tokens.expires_at));
}

/// The tokens in what is said of a link; `None` if it has none.
pub(super) fn read(link: &Value) -> Result<Option<UpstreamTokens>, MalformedTokens> {
    let token = |when: &str, name: &str| match link.get(format!("{when}_{name}")) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= LONGEST => {
            Ok(Some(text.clone()).filter(|text| !text.is_empty()))
        }
        Some(_) => Err(MalformedTokens),
    };
    let set = |when: &str| {
        Ok(TokenSet {
            access_token: token(when, "access_token")?,
            refresh_token: token(when, "refresh_token")?,
            id_token: token(when, "id_token")?,
        })
    };
    let expires_at = match link.get(EXPIRES_AT) {
        None | Some(Value::Null) => None,
        Some(time) => Some(Timestamp::deserialize(time).map_err(|_| MalformedTokens)?),
    };
    let (initial, current) = (set("initial")?, set("current")?);
    let has_some = [&initial, &current].into_iter().any(|set| *set != TokenSet::default());
    Ok(has_some.then_some(UpstreamTokens { initial, current, expires_at }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_they_were_written() {
        let set = |text: &str| TokenSet { access_token: Some(text.to_owned()), ..TokenSet::default() };
        let expires_at = Some(Timestamp::from_seconds(1_800_000_000));
        let tokens = UpstreamTokens { initial: set("a"), current: set("b"), expires_at };
        let mut link = json!({"provider": "acme", "subject": "7"});
        assert_eq!(read(&link), Ok(None));
        write(&tokens, link.as_object_mut().unwrap());
        assert_eq!(read(&link), Ok(Some(tokens)));
        for (name, value) in [
            ("initial_access_token", json!(7)),
            ("current_id_token", json!("x".repeat(LONGEST + 1))),
            (EXPIRES_AT, json!("tomorrow")),
        ] {
            let mut wrong = link.clone();
            wrong[name] = value;
            assert_eq!(read(&wrong), Err(MalformedTokens), "{name}");
        }
    }
}
