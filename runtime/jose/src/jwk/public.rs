//! The public half of a key pair.

use primitives::base64url;
use ring::digest;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::{JwkError, MAX_KEY_BYTES, bytes, bytes_of, parse_document, roca, text};
use crate::algorithm::Algorithm;

/// A public key with its metadata. Holds no private member, by construction and by parsing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicJwk {
    pub(crate) parts: PublicParts,
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) key_use: Option<KeyUse>,
    pub(crate) key_ops: Option<Vec<String>>,
}

/// What the key is meant for (`use`, RFC 7517 section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// `sig`.
    Signature,
    /// `enc`.
    Encryption,
}

/// The NIST curves that we support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

impl Curve {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    /// Bytes of one coordinate.
    pub(crate) const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

/// The key itself, by type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicParts {
    /// An uncompressed point: `0x04`, x, y.
    Ec { curve: Curve, point: Vec<u8> },
    /// Ed25519.
    Okp { x: Vec<u8> },
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl PublicParts {
    pub(crate) const fn key_type(&self) -> &'static str {
        match self {
            Self::Ec { .. } => "EC",
            Self::Okp { .. } => "OKP",
            Self::Rsa { .. } => "RSA",
        }
    }

    /// The only algorithm of this type of key, or the usual one.
    pub(crate) const fn usual_algorithm(&self) -> Algorithm {
        match self {
            Self::Ec { curve: Curve::P256, .. } => Algorithm::Es256,
            Self::Ec { curve: Curve::P384, .. } => Algorithm::Es384,
            Self::Okp { .. } => Algorithm::EdDsa,
            Self::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// Whether `algorithm` can be used with this key.
    pub(crate) const fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Ec { curve: Curve::P256, .. } => matches!(algorithm, Algorithm::Es256),
            Self::Ec { curve: Curve::P384, .. } => matches!(algorithm, Algorithm::Es384),
            Self::Okp { .. } => matches!(algorithm, Algorithm::EdDsa),
            Self::Rsa { .. } => algorithm.is_rsa(),
        }
    }

    /// The members that the thumbprint covers, in its order (RFC 7638 section 3.2, RFC 8037 section 2).
    pub(crate) fn members(&self) -> Vec<(&'static str, String)> {
        let kty = ("kty", self.key_type().to_owned());
        match self {
            Self::Ec { curve, point } => {
                let (x, y) = point.get(1..).unwrap_or_default().split_at(curve.width());
                let crv = ("crv", curve.as_str().to_owned());
                vec![crv, kty, ("x", base64url::encode(x)), ("y", base64url::encode(y))]
            }
            Self::Okp { x } => vec![("crv", "Ed25519".to_owned()), kty, ("x", base64url::encode(x))],
            Self::Rsa { n, e } => vec![("e", base64url::encode(e)), kty, ("n", base64url::encode(n))],
        }
    }

    pub(crate) fn from_members(map: &Map<String, Value>) -> Result<Self, JwkError> {
        let kty = text(map, "kty")?.ok_or(JwkError::Member("kty"))?;
        let crv = text(map, "crv")?;
        match (kty, crv) {
            ("EC", Some(crv)) => {
                let curve = match crv {
                    "P-256" => Curve::P256,
                    "P-384" => Curve::P384,
                    _ => return Err(JwkError::Unsupported),
                };
                let mut point = vec![4];
                point.extend(bytes_of(map, "x", curve.width())?);
                point.extend(bytes_of(map, "y", curve.width())?);
                Ok(Self::Ec { curve, point })
            }
            ("OKP", Some("Ed25519")) => Ok(Self::Okp { x: bytes_of(map, "x", 32)? }),
            ("EC" | "OKP", None) => Err(JwkError::Member("crv")),
            ("RSA", _) => Self::rsa(bytes(map, "n")?, bytes(map, "e")?),
            _ => Err(JwkError::Unsupported),
        }
    }

    /// Checks the size of modulus and exponent, and that the modulus is not of the ROCA generator.
    pub(crate) fn rsa(mut n: Vec<u8>, e: Vec<u8>) -> Result<Self, JwkError> {
        // RFC 7518 section 6.3.1.1 forbids leading zeros and says that some implementations write one.
        if n.first() == Some(&0) {
            n.remove(0);
        }
        let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
        let exponent =
            e.iter().try_fold(0_u64, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte)));
        let exponent = exponent.ok_or(JwkError::Member("e"))?;
        if e.first() == Some(&0) || n.first() == Some(&0) {
            return Err(JwkError::Member("n"));
        }
        // The upper bounds keep a hostile key from making each verification slow.
        if bits < 2048 || exponent < 65_537 || exponent % 2 == 0 || roca::is_vulnerable(&n) {
            return Err(JwkError::Weak);
        }
        if bits > 8192 || exponent >= 1 << 33 {
            return Err(JwkError::Unsupported);
        }
        Ok(Self::Rsa { n, e })
    }
}

/// Members that only a private key or a shared secret has (RFC 7518 section 6).
pub(crate) const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl PublicJwk {
    /// Parses a public key document.
    pub fn parse(text: &[u8]) -> Result<Self, JwkError> {
        Self::from_map(&parse_document(text, MAX_KEY_BYTES)?)
    }

    /// Reads an already parsed document. What a parser that drops repeated members has read is not
    /// for this function.
    pub fn from_map(map: &Map<String, Value>) -> Result<Self, JwkError> {
        if PRIVATE_MEMBERS.iter().any(|member| map.contains_key(*member)) {
            return Err(JwkError::PrivateMaterial);
        }
        Self::from_public_members(map)
    }

    pub(super) fn from_public_members(map: &Map<String, Value>) -> Result<Self, JwkError> {
        let parts = PublicParts::from_members(map)?;
        let algorithm =
            text(map, "alg")?.map(str::parse::<Algorithm>).transpose().map_err(|_| JwkError::Unsupported)?;
        if algorithm.is_some_and(|algorithm| !parts.fits(algorithm)) {
            return Err(JwkError::AlgorithmMismatch);
        }
        let (key_use, key_ops) = purpose(map)?;
        Ok(Self { parts, kid: text(map, "kid")?.map(str::to_owned), algorithm, key_use, key_ops })
    }

    pub(crate) const fn for_signatures(parts: PublicParts, algorithm: Algorithm) -> Self {
        let key_use = Some(KeyUse::Signature);
        Self { parts, kid: None, algorithm: Some(algorithm), key_use, key_ops: None }
    }

    /// The key's name (`kid`).
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm that the key is bound to (`alg`).
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The key type (`kty`).
    pub const fn key_type(&self) -> &'static str {
        self.parts.key_type()
    }

    /// What the key is meant for (`use`).
    pub const fn key_use(&self) -> Option<KeyUse> {
        self.key_use
    }

    /// The same key under another name.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The SHA-256 thumbprint in base64url (RFC 7638).
    pub fn thumbprint(&self) -> String {
        base64url::encode(digest::digest(&digest::SHA256, self.bare().as_bytes()))
    }

    /// The key as the name of its holder (the method `did:jwk`): its own members alone. Whatever else stood in its
    /// document is somebody's words, and no part of who they are.
    pub fn did(&self) -> String {
        format!("did:jwk:{}", base64url::encode(self.bare()))
    }

    /// The members that the thumbprint covers, in its order, as JSON (RFC 7638 section 3).
    fn bare(&self) -> String {
        // All values are base64url or fixed names: nothing needs escaping.
        let members: Vec<String> =
            self.parts.members().into_iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        format!("{{{}}}", members.join(","))
    }

    /// Whether `use` and `key_ops` allow verifying signatures.
    pub(crate) fn verifies(&self) -> bool {
        self.allows("verify")
    }

    /// Whether `use` and `key_ops` allow signing.
    pub(crate) fn signs(&self) -> bool {
        self.allows("sign")
    }

    fn allows(&self, operation: &str) -> bool {
        self.key_use != Some(KeyUse::Encryption)
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == operation))
    }
}

/// `use` and `key_ops`.
pub(crate) fn purpose(map: &Map<String, Value>) -> Result<(Option<KeyUse>, Option<Vec<String>>), JwkError> {
    let key_use = match text(map, "use")? {
        None => None,
        Some("sig") => Some(KeyUse::Signature),
        Some("enc") => Some(KeyUse::Encryption),
        Some(_) => return Err(JwkError::Unsupported),
    };
    let key_ops = match map.get("key_ops") {
        None => None,
        Some(Value::Array(ops)) => {
            let ops: Option<Vec<_>> = ops.iter().map(|op| op.as_str().map(str::to_owned)).collect();
            Some(ops.ok_or(JwkError::Member("key_ops"))?)
        }
        Some(_) => return Err(JwkError::Member("key_ops")),
    };
    Ok((key_use, key_ops))
}

impl Serialize for PublicJwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kty", self.parts.key_type())?;
        if let Some(key_use) = self.key_use {
            let name = match key_use {
                KeyUse::Signature => "sig",
                KeyUse::Encryption => "enc",
            };
            map.serialize_entry("use", name)?;
        }
        if let Some(key_ops) = &self.key_ops {
            map.serialize_entry("key_ops", key_ops)?;
        }
        if let Some(kid) = &self.kid {
            map.serialize_entry("kid", kid)?;
        }
        if let Some(algorithm) = self.algorithm {
            map.serialize_entry("alg", algorithm.as_str())?;
        }
        for (name, value) in self.parts.members().into_iter().filter(|(name, _)| *name != "kty") {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 7638 section 3.1.
    const RFC7638: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    /// The key of RFC 8037 appendix A.2, thumbprint in A.3.
    const RFC8037: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw","use":"sig","kid":"e"}"#;

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        for (document, expect) in [
            (RFC7638, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
            (RFC8037, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ] {
            assert_eq!(PublicJwk::parse(document.as_bytes()).unwrap().thumbprint(), expect);
        }
    }

    #[test]
    fn written_document_reads_back() {
        for document in [RFC7638, RFC8037, EC] {
            let key = PublicJwk::parse(document.as_bytes()).unwrap();
            let again = PublicJwk::parse(&serde_json::to_vec(&key).unwrap()).unwrap();
            assert_eq!(again, key);
        }
    }

    #[test]
    fn refusals_name_their_reason() {
        let check = |document: String, expect: JwkError| {
            assert_eq!(PublicJwk::parse(document.as_bytes()), Err(expect), "{document}");
        };
        check(EC.replace("\"use\"", "\"d\":\"AA\",\"use\""), JwkError::PrivateMaterial);
        check(EC.replace("\"use\"", "\"kid\":\"a\",\"use\""), JwkError::Json);
        check(EC.replace("P-256", "P-384"), JwkError::Member("x"));
        check(EC.replace("P-256", "secp256k1"), JwkError::Unsupported);
        check(EC.replace("\"sig\"", "\"sig\",\"alg\":\"RS256\""), JwkError::AlgorithmMismatch);
        check(EC.replace("\"sig\"", "\"sig\",\"alg\":\"none\""), JwkError::Unsupported);
        check(EC.replace("UI8", "+I8"), JwkError::Member("y"));
        check(RFC7638.replace("AQAB", "Aw"), JwkError::Weak);
        check(RFC7638.replace("AQAB", "AQ"), JwkError::Weak);
        check(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(), JwkError::Weak);
        check(r#"{"kty":"oct","k":"AA"}"#.to_owned(), JwkError::PrivateMaterial);
        check(" ".repeat(MAX_KEY_BYTES + 1), JwkError::TooLarge);
    }
}
