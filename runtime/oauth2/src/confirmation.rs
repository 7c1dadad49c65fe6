//! What a token is bound to (RFC 7800 section 3.1): whoever presents it must hold that key.

use std::fmt;
use std::str::FromStr;

use primitives::base64url;
use serde::{Deserialize, Serialize};

/// A SHA-256 hash in base64url, without padding: of a key (RFC 7638) or of a certificate (RFC 8705 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Thumbprint(String);

/// The text is no thumbprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 thumbprint in base64url")]
pub struct InvalidThumbprint;

impl Thumbprint {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Thumbprint {
    type Error = InvalidThumbprint;

    fn try_from(text: String) -> Result<Self, InvalidThumbprint> {
        // One text for each hash: what decodes is encoded the same way again.
        match base64url::decode(&text) {
            Some(bytes) if bytes.len() == 32 => Ok(Self(text)),
            _ => Err(InvalidThumbprint),
        }
    }
}

impl FromStr for Thumbprint {
    type Err = InvalidThumbprint;

    fn from_str(text: &str) -> Result<Self, InvalidThumbprint> {
        text.to_owned().try_into()
    }
}

impl From<Thumbprint> for String {
    fn from(thumbprint: Thumbprint) -> Self {
        thumbprint.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of whoever may use a token: `cnf`, as tokens and introspection have it, and as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// A key whose possession a proof shows (RFC 9449 section 6).
    #[serde(rename = "jkt")]
    Key(Thumbprint),
    /// The certificate that the connection shows (RFC 8705 section 3.1).
    #[serde(rename = "x5t#S256")]
    Certificate(Thumbprint),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    #[test]
    fn confirmation_is_written_as_the_rfcs_have_it_and_read_back() {
        let hash: Thumbprint = JKT.parse().unwrap();
        for (bound, document) in [
            (Confirmation::Key(hash.clone()), json!({"jkt": JKT})),
            (Confirmation::Certificate(hash), json!({"x5t#S256": JKT})),
        ] {
            assert_eq!(serde_json::to_value(&bound).unwrap(), document);
            assert_eq!(serde_json::from_value::<Confirmation>(document).unwrap(), bound);
        }
    }

    #[test]
    fn what_is_no_hash_is_no_thumbprint() {
        for text in ["", "AA", &format!("{JKT}="), &format!("{JKT}A"), &JKT.replace('-', "+"), &JKT[..42]] {
            assert_eq!(text.parse::<Thumbprint>(), Err(InvalidThumbprint), "{text}");
        }
        for broken in
            [json!({}), json!({"jkt": "x"}), json!({"jwk": {}}), json!({"jkt": JKT, "x5t#S256": JKT})]
        {
            assert!(serde_json::from_value::<Confirmation>(broken.clone()).is_err(), "{broken}");
        }
    }
}
