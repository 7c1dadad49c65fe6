//! What comes back from the authorization endpoint (OAuth 2.0 Multiple Response Type Encoding Practices).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A response type, by its registered name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ResponseType {
    /// A code, and nothing else: everything else comes from the token endpoint, to whoever proves who they are.
    #[default]
    #[serde(rename = "code")]
    Code,
    /// An ID token.
    #[serde(rename = "id_token")]
    IdToken,
    /// An access token (RFC 6749 section 4.2).
    #[serde(rename = "token")]
    Token,
    /// Both.
    #[serde(rename = "id_token token")]
    IdTokenToken,
    /// A code, and an ID token that is bound to it.
    #[serde(rename = "code id_token")]
    CodeIdToken,
    /// A code and an access token.
    #[serde(rename = "code token")]
    CodeToken,
    /// All three.
    #[serde(rename = "code id_token token")]
    CodeIdTokenToken,
}

impl ResponseType {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::Code,
        Self::IdToken,
        Self::Token,
        Self::IdTokenToken,
        Self::CodeIdToken,
        Self::CodeToken,
        Self::CodeIdTokenToken,
    ];

    /// Its registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdToken => "id_token",
            Self::Token => "token",
            Self::IdTokenToken => "id_token token",
            Self::CodeIdToken => "code id_token",
            Self::CodeToken => "code token",
            Self::CodeIdTokenToken => "code id_token token",
        }
    }

    /// Reads a name; the order of its words does not matter (RFC 6749 section 3.1.1).
    pub fn parse(text: &str) -> Option<Self> {
        let sorted = |text: &'_ str| {
            let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            words.sort_unstable();
            words
        };
        Self::ALL
            .into_iter()
            .find(|known| known.as_str().len() == text.len() && sorted(known.as_str()) == sorted(text))
    }

    /// Whether a code comes back.
    pub const fn has_code(self) -> bool {
        matches!(self, Self::Code | Self::CodeIdToken | Self::CodeToken | Self::CodeIdTokenToken)
    }

    /// Whether an access token comes back through the browser.
    pub const fn has_token(self) -> bool {
        matches!(self, Self::Token | Self::IdTokenToken | Self::CodeToken | Self::CodeIdTokenToken)
    }

    /// Whether an ID token comes back through the browser.
    pub const fn has_id_token(self) -> bool {
        matches!(self, Self::IdToken | Self::IdTokenToken | Self::CodeIdToken | Self::CodeIdTokenToken)
    }

    /// Whether any token comes back through the browser: never in a query, which logs and other sites get to see.
    pub const fn is_front_channel(self) -> bool {
        self.has_token() || self.has_id_token()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_in_any_order_and_say_what_they_hold() {
        for known in ResponseType::ALL {
            let words: Vec<_> = known.as_str().split(' ').collect();
            let turned: Vec<_> = words.iter().rev().copied().collect();
            assert_eq!(ResponseType::parse(known.as_str()), Some(known));
            assert_eq!(ResponseType::parse(&turned.join(" ")), Some(known));
            assert_eq!(serde_json::to_value(known).unwrap(), known.as_str());
            let held = [known.has_code(), known.has_id_token(), known.has_token()];
            assert_eq!(held, ["code", "id_token", "token"].map(|word| words.contains(&word)));
        }
        for unknown in ["", "none", "CODE", "code code", "code  id_token", " code", "code id_token id_token"]
        {
            assert_eq!(ResponseType::parse(unknown), None, "{unknown}");
        }
    }
}
