//! What a tenant's plugin says of a session, kept with it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How many bytes the claims of one session take at most, as JSON text: each request of the session reads them.
pub const SESSION_CLAIMS_BYTES: usize = 4096;

/// A JSON object of bounded size. Only [`check`](Self::check) makes one that is not empty; what is read back was
/// checked before it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionClaims(Map<String, Value>);

/// The claims take more than [`SESSION_CLAIMS_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claims of a session take more than {SESSION_CLAIMS_BYTES} bytes")]
pub struct SessionClaimsTooLarge;

impl SessionClaims {
    /// Takes claims that are not too large.
    pub fn check(claims: Map<String, Value>) -> Result<Self, SessionClaimsTooLarge> {
        let checked = Self(claims);
        if checked.to_string().len() > SESSION_CLAIMS_BYTES {
            Err(SessionClaimsTooLarge)
        } else {
            Ok(checked)
        }
    }

    /// The object.
    pub const fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The text of the JSON object.
impl std::fmt::Display for SessionClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| std::fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_bounded_by_the_text_that_is_kept() {
        let of_length = |bytes: usize| {
            let value = "x".repeat(bytes - r#"{"a":""}"#.len());
            SessionClaims::check(Map::from_iter([("a".to_owned(), Value::from(value))]))
        };
        assert_eq!(of_length(SESSION_CLAIMS_BYTES).map(|claims| claims.to_string().len()), Ok(4096));
        assert_eq!(of_length(SESSION_CLAIMS_BYTES + 1), Err(SessionClaimsTooLarge));
        assert!(SessionClaims::default().is_empty());
    }
}
