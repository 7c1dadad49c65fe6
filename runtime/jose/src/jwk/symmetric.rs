//! A shared secret as a key.

use primitives::Secret;

use super::public::purpose;
use super::{JwkError, KeyUse, MAX_KEY_BYTES, bytes, parse_document, text};
use crate::algorithm::Algorithm;

/// A shared secret (`oct`), for verifying only, where a specification asks for one.
#[derive(Debug, Clone)]
pub struct SymmetricJwk {
    pub(crate) secret: Secret<Vec<u8>>,
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: Algorithm,
}

impl SymmetricJwk {
    /// Parses a document. It must name its algorithm, and the secret must be at least as long as the
    /// hash (RFC 7518 section 3.2).
    pub fn parse(document: &[u8]) -> Result<Self, JwkError> {
        Self::from_map(&parse_document(document, MAX_KEY_BYTES)?)
    }

    pub(super) fn from_map(map: &serde_json::Map<String, serde_json::Value>) -> Result<Self, JwkError> {
        if text(map, "kty")? != Some("oct") {
            return Err(JwkError::Member("kty"));
        }
        let secret = Secret::new(bytes(map, "k")?);
        let algorithm: Algorithm =
            text(map, "alg")?.ok_or(JwkError::Member("alg"))?.parse().map_err(|_| JwkError::Unsupported)?;
        let least = match algorithm {
            Algorithm::Hs256 => 32,
            Algorithm::Hs384 => 48,
            Algorithm::Hs512 => 64,
            _ => return Err(JwkError::AlgorithmMismatch),
        };
        if secret.expose().len() < least {
            return Err(JwkError::Weak);
        }
        let (key_use, key_ops) = purpose(map)?;
        if key_use == Some(KeyUse::Encryption)
            || key_ops.is_some_and(|ops| !ops.iter().any(|op| op == "verify"))
        {
            return Err(JwkError::NotForSignatures);
        }
        Ok(Self { secret, kid: text(map, "kid")?.map(str::to_owned), algorithm })
    }
}
