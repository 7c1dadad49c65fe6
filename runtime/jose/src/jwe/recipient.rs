//! The recipient's public key, as it is found among those that a client publishes.

use rsa::BoxedUint;
use serde_json::{Map, Value};

use super::agreement::AgreementCurve;
use super::algorithm::{ContentEncryption, KeyManagement};
use crate::jwk::{JwkError, KeyUse, MAX_KEYS, MAX_SET_BYTES, PRIVATE_MEMBERS, PublicParts};
use crate::jwk::{bytes_of, parse_document, purpose, text};

/// A public key with the one algorithm by which it is encrypted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientKey {
    pub(super) kid: Option<String>,
    pub(super) algorithm: KeyManagement,
    pub(super) material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Material {
    Rsa(Box<rsa::PublicKey>),
    Agreement { curve: AgreementCurve, public: Vec<u8> },
}

/// Why there is nobody to encrypt to. The fault of whoever published the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRecipient {
    /// A document that is no set of public keys, or a key that is not what it says.
    #[error(transparent)]
    Key(#[from] JwkError),
    /// Keys, and none of them for this.
    #[error("no key among them is for {0}: such a key has \"use\": \"enc\", or \"alg\": \"{0}\"")]
    None(KeyManagement),
}

impl RecipientKey {
    /// Finds the key in the text of a set (RFC 7517 section 5).
    pub fn find(set: &[u8], algorithm: KeyManagement) -> Result<Self, NoRecipient> {
        Self::find_in(&parse_document(set, MAX_SET_BYTES)?, algorithm)
    }

    /// Finds the first key of a set that is for this algorithm: whoever changes its keys puts the new one first, and
    /// takes the old one away when nobody encrypts to it any more. Keys of types that we do not know are passed over; one that is
    /// private or malformed makes the whole set fail.
    pub fn find_in(set: &Map<String, Value>, algorithm: KeyManagement) -> Result<Self, NoRecipient> {
        let Some(Value::Array(keys)) = set.get("keys") else { return Err(JwkError::Member("keys").into()) };
        if keys.len() > MAX_KEYS {
            return Err(JwkError::TooLarge.into());
        }
        let mut found = None;
        for key in keys {
            let key = key.as_object().ok_or(JwkError::Member("keys"))?;
            if PRIVATE_MEMBERS.iter().any(|member| key.contains_key(*member)) {
                return Err(JwkError::PrivateMaterial.into());
            }
            if found.is_some() || !is_for(key, algorithm)? {
                continue;
            }
            match Self::from_map(key, algorithm) {
                Ok(key) => found = Some(key),
                Err(JwkError::Unsupported | JwkError::AlgorithmMismatch) => {}
                Err(error) => return Err(error.into()),
            }
        }
        found.ok_or(NoRecipient::None(algorithm))
    }

    fn from_map(map: &Map<String, Value>, algorithm: KeyManagement) -> Result<Self, JwkError> {
        let material = if (text(map, "kty")?, text(map, "crv")?) == (Some("OKP"), Some("X25519")) {
            Material::Agreement { curve: AgreementCurve::X25519, public: bytes_of(map, "x", 32)? }
        } else {
            match PublicParts::from_members(map)? {
                PublicParts::Ec { curve, point } => {
                    Material::Agreement { curve: AgreementCurve::Nist(curve), public: point }
                }
                PublicParts::Rsa { n, e } => {
                    let number = BoxedUint::from_be_slice_vartime;
                    let key = rsa::PublicKey::new(number(&n), number(&e));
                    Material::Rsa(Box::new(key.map_err(|_| JwkError::Member("n"))?))
                }
                // Ed25519 signs, and agrees on nothing.
                PublicParts::Okp { .. } => return Err(JwkError::Unsupported),
            }
        };
        let fits = match &material {
            Material::Rsa(_) => algorithm == KeyManagement::RsaOaep256,
            Material::Agreement { .. } => algorithm != KeyManagement::RsaOaep256,
        };
        if !fits {
            return Err(JwkError::AlgorithmMismatch);
        }
        if let Material::Agreement { curve, public } = &material {
            // What lies on no curve is known now, and not when somebody waits for a token.
            let bytes = ContentEncryption::default().key_bytes();
            curve.agree(public, algorithm.as_str(), bytes).map_err(|_| JwkError::Member("x"))?;
        }
        Ok(Self { kid: text(map, "kid")?.map(str::to_owned), algorithm, material })
    }
}

/// Whether a key says that it is for encryption by this algorithm. One that says nothing is not taken: it may be what its
/// owner signs with.
fn is_for(map: &Map<String, Value>, algorithm: KeyManagement) -> Result<bool, JwkError> {
    let (key_use, operations) = match purpose(map) {
        // A use that we do not know is none of ours.
        Err(JwkError::Unsupported) => return Ok(false),
        other => other?,
    };
    let named = text(map, "alg")?;
    if named.is_some_and(|named| named != algorithm.as_str()) || key_use == Some(KeyUse::Signature) {
        return Ok(false);
    }
    // Browsers say of the public half of an agreement that it may do nothing by itself (an empty list).
    let allows = operations.is_none_or(|operations| {
        operations.is_empty()
            || operations
                .iter()
                .any(|one| matches!(one.as_str(), "wrapKey" | "encrypt" | "deriveKey" | "deriveBits"))
    });
    Ok(allows && (key_use == Some(KeyUse::Encryption) || named.is_some()))
}
