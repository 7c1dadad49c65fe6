//! JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037): public and private are different types.
//!
//! A [`PublicJwk`] cannot hold private members and refuses to parse a document that has some, so that a
//! private key pasted into a public place is an error at once. A [`PrivateJwk`] never serialises by
//! itself; [`PrivateJwk::to_json`] is the one place where it becomes text.

mod private;
mod public;
mod roca;
mod set;
mod symmetric;

pub use private::PrivateJwk;
pub use public::{KeyUse, PublicJwk};
pub use set::JwkSet;
pub use symmetric::SymmetricJwk;

pub(crate) use private::{PrivateParts, RsaParts};
pub(crate) use public::{Curve, PRIVATE_MEMBERS, PublicParts, purpose};
pub(crate) use set::{MAX_KEYS, MAX_SET_BYTES};

use serde_json::{Map, Value};

/// Why a document is not a key that we take. All are the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Not one JSON object, or a member is repeated.
    #[error("not a JSON object, or a member is repeated")]
    Json,
    /// The document is larger than any key that we take.
    #[error("the document is too large")]
    TooLarge,
    /// A member that the key type needs is missing or is not of its type.
    #[error("member {0} is missing or malformed")]
    Member(&'static str),
    /// The key type, curve or algorithm is not one that we support.
    #[error("unsupported key type, curve or algorithm")]
    Unsupported,
    /// `alg` does not fit the key.
    #[error("the algorithm does not fit the key")]
    AlgorithmMismatch,
    /// `use` or `key_ops` do not allow what the key is needed for.
    #[error("the key is not meant for signatures")]
    NotForSignatures,
    /// The key is too short, or was made by a generator known to be broken.
    #[error("the key is weak")]
    Weak,
    /// A private member stands in a public document.
    #[error("the document holds private key material")]
    PrivateMaterial,
    /// The private part does not belong to the public part.
    #[error("private and public parts do not fit")]
    Inconsistent,
    /// Two keys of a set have the same `kid` and are for the same, or it mixes shared secrets with public keys.
    #[error("the set is ambiguous")]
    AmbiguousSet,
}

/// The largest key document that is read. An RSA key of 8192 bits takes about 8 KiB with all members.
const MAX_KEY_BYTES: usize = 16 * 1024;

pub(crate) fn parse_document(text: &[u8], limit: usize) -> Result<Map<String, Value>, JwkError> {
    if text.len() > limit {
        return Err(JwkError::TooLarge);
    }
    crate::json::parse_object(text).map_err(|_| JwkError::Json)
}

/// A text member that may be absent.
pub(crate) fn text<'a>(map: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, JwkError> {
    match map.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwkError::Member(name)),
    }
}

/// A base64url member that must be there.
fn bytes(map: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    text(map, name)?.and_then(primitives::base64url::decode).ok_or(JwkError::Member(name))
}

/// A base64url member of exactly `length` bytes (RFC 7518 section 6.2.1.2: leading zeros are kept).
pub(crate) fn bytes_of(
    map: &Map<String, Value>,
    name: &'static str,
    length: usize,
) -> Result<Vec<u8>, JwkError> {
    Some(bytes(map, name)?).filter(|b| b.len() == length).ok_or(JwkError::Member(name))
}
