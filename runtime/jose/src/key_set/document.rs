//! Keys of a set as they travel and as they are kept: the document that was given, once it was found to be a key.

use primitives::Timestamp;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{MOST_KEYS, SetName, es512};
use crate::json::parse_object;
use crate::jwk::{JwkError, PrivateJwk, PublicJwk, SymmetricJwk};
use crate::signing_key::KeyId;

/// Why a document is not kept. All are the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyDocumentError {
    /// It is no key that we take.
    #[error("not a key: {0}")]
    Key(#[from] JwkError),
    /// Its name is missing, or not one that we take.
    #[error("kid is missing, or not 1 to 255 visible ASCII characters")]
    Name,
    /// Not a set, or of too many keys.
    #[error("keys is missing, is no list of keys, or holds more than 100")]
    Set,
    /// Two keys have the same name.
    #[error("two keys have the same kid")]
    SameName,
}

/// One key of a set. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct KeyOfSet {
    /// Its set.
    pub set: SetName,
    /// Its name in the set.
    pub kid: KeyId,
    /// When it was put there.
    pub created_at: Timestamp,
    document: Zeroizing<String>,
}

impl std::fmt::Debug for KeyOfSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyOfSet").field("set", &self.set).field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl KeyOfSet {
    /// Reads a document. Every member of it is kept, known or not: whoever sent it gets back what was sent.
    pub fn parse(set: &SetName, text: &[u8], now: Timestamp) -> Result<Self, KeyDocumentError> {
        Self::from_map(set, parse_object(text).map_err(|_| JwkError::Json)?, now)
    }

    pub(super) fn from_map(
        set: &SetName,
        mut map: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Self, KeyDocumentError> {
        let kid = map.get("kid").and_then(Value::as_str).and_then(|kid| kid.parse().ok());
        let kid = kid.ok_or(KeyDocumentError::Name)?;
        let document = Zeroizing::new(Value::Object(map.clone()).to_string());
        // What it is for is not our business here, as long as it is something.
        if map.get("use").is_some_and(|purpose| purpose == "enc") {
            map.remove("use");
        }
        map.remove("key_ops");
        let text = Zeroizing::new(Value::Object(map.clone()).to_string());
        if map.get("kty").is_some_and(|kty| kty == "oct") {
            SymmetricJwk::parse(text.as_bytes())?;
        } else if es512::is_of_curve(&map) {
            es512::check(&map)?;
        } else if map.contains_key("d") {
            PrivateJwk::parse(text.as_bytes())?;
        } else {
            PublicJwk::parse(text.as_bytes())?;
        }
        Ok(Self { set: set.clone(), kid, created_at: now, document })
    }

    /// A key as it was kept; `None` if the text is no key of that name.
    pub fn stored(set: &SetName, kid: &KeyId, text: &[u8], created_at: Timestamp) -> Option<Self> {
        Self::parse(set, text, created_at).ok().filter(|key| key.kid == *kid)
    }

    /// The whole document, private members included. For sealing, and for whoever may make keys.
    pub fn document(&self) -> &str {
        &self.document
    }

    /// The whole document, to be written out.
    pub fn whole(&self) -> Value {
        serde_json::from_str(&self.document).unwrap_or_default()
    }

    /// What everybody may know of it: no private member, and of a shared secret its name, type and use alone.
    pub fn public(&self) -> Value {
        const PUBLIC: [&str; 12] =
            ["kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "x5c", "x5t#S256"];
        let mut document = self.whole();
        if let Value::Object(members) = &mut document {
            members.retain(|name, _| PUBLIC.contains(&name.as_str()));
        }
        document
    }
}

/// A set as it travels.
#[derive(Debug, Clone)]
pub struct SetDocument {
    keys: Vec<KeyOfSet>,
}

impl SetDocument {
    /// Reads a set whose keys have a name each.
    pub fn parse(set: &SetName, text: &[u8], now: Timestamp) -> Result<Self, KeyDocumentError> {
        let mut map = parse_object(text).map_err(|_| JwkError::Json)?;
        let Some(Value::Array(items)) = map.remove("keys") else { return Err(KeyDocumentError::Set) };
        if items.len() > MOST_KEYS {
            return Err(KeyDocumentError::Set);
        }
        let mut keys: Vec<KeyOfSet> = Vec::with_capacity(items.len());
        for item in items {
            let Value::Object(item) = item else { return Err(KeyDocumentError::Set) };
            let key = KeyOfSet::from_map(set, item, now)?;
            if keys.iter().any(|other| other.kid == key.kid) {
                return Err(KeyDocumentError::SameName);
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }

    /// Its keys.
    pub fn into_keys(self) -> Vec<KeyOfSet> {
        self.keys
    }
}
