//! A set of public keys.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{JwkError, PublicJwk, parse_document};

/// A JWK set (RFC 7517 section 5) of public keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<PublicJwk>,
}

/// The largest set that is read.
pub(crate) const MAX_SET_BYTES: usize = 256 * 1024;
/// The most keys that are looked at.
pub(crate) const MAX_KEYS: usize = 100;

impl JwkSet {
    /// Parses a set. Keys of a type, curve or algorithm that we do not know are left out, as section 5
    /// asks; a key that is malformed or private makes the whole set fail, and so do two of one `kid` that nothing else tells
    /// apart (FAPI 2.0 Security Profile section 5.4.3).
    pub fn parse(text: &[u8]) -> Result<Self, JwkError> {
        Self::from_map(&parse_document(text, MAX_SET_BYTES)?)
    }

    /// Reads an already parsed set.
    pub fn from_map(map: &Map<String, Value>) -> Result<Self, JwkError> {
        let Some(Value::Array(items)) = map.get("keys") else { return Err(JwkError::Member("keys")) };
        if items.len() > MAX_KEYS {
            return Err(JwkError::TooLarge);
        }
        let mut keys: Vec<PublicJwk> = Vec::with_capacity(items.len());
        for item in items {
            let key = match PublicJwk::from_map(item.as_object().ok_or(JwkError::Member("keys"))?) {
                Ok(key) => key,
                Err(JwkError::Unsupported) => continue,
                Err(error) => return Err(error),
            };
            if key.kid.is_some() && keys.iter().any(|other| is_ambiguous(&key, other)) {
                return Err(JwkError::AmbiguousSet);
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }
}

/// Whether two keys have the same name, and the same type, curve, algorithm and use.
fn is_ambiguous(one: &PublicJwk, other: &PublicJwk) -> bool {
    let kind = |key: &PublicJwk| (key.parts.usual_algorithm(), key.algorithm, key.key_use);
    one.kid == other.kid && kind(one) == kind(other)
}
