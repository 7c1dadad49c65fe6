//! A key pair.

use primitives::base64url;
use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::{JwkError, MAX_KEY_BYTES, PublicJwk, PublicParts, bytes, bytes_of, parse_document};
use crate::signer::Pair;

/// A private key with its public half. Wiped when dropped, never printed, never serialised by derive.
#[derive(Clone)]
pub struct PrivateJwk {
    pub(crate) public: PublicJwk,
    pub(crate) parts: PrivateParts,
}

/// The private members, by type.
#[derive(Clone)]
pub(crate) enum PrivateParts {
    /// `d` of an EC or OKP key.
    Scalar(Zeroizing<Vec<u8>>),
    /// Of an RSA key with two primes, big-endian.
    Rsa(Box<RsaParts>),
}

#[derive(Clone)]
pub(crate) struct RsaParts {
    pub(crate) d: Zeroizing<Vec<u8>>,
    pub(crate) p: Zeroizing<Vec<u8>>,
    pub(crate) q: Zeroizing<Vec<u8>>,
    pub(crate) dp: Zeroizing<Vec<u8>>,
    pub(crate) dq: Zeroizing<Vec<u8>>,
    pub(crate) qi: Zeroizing<Vec<u8>>,
}

impl PrivateJwk {
    /// Parses a private key document and checks that its halves belong together.
    pub fn parse(text: &[u8]) -> Result<Self, JwkError> {
        let mut map = parse_document(text, MAX_KEY_BYTES)?;
        let parsed = Self::from_map(&map);
        wipe(&mut map);
        parsed
    }

    fn from_map(map: &Map<String, Value>) -> Result<Self, JwkError> {
        let public = PublicJwk::from_public_members(map)?;
        let member = |name| bytes(map, name).map(Zeroizing::new);
        let parts = match &public.parts {
            PublicParts::Ec { curve, .. } => {
                PrivateParts::Scalar(Zeroizing::new(bytes_of(map, "d", curve.width())?))
            }
            PublicParts::Okp { .. } => PrivateParts::Scalar(Zeroizing::new(bytes_of(map, "d", 32)?)),
            // Keys with more than two primes have `oth`; nobody makes them and ring does not take them.
            PublicParts::Rsa { .. } if map.contains_key("oth") => return Err(JwkError::Unsupported),
            PublicParts::Rsa { .. } => PrivateParts::Rsa(Box::new(RsaParts {
                d: member("d")?,
                p: member("p")?,
                q: member("q")?,
                dp: member("dp")?,
                dq: member("dq")?,
                qi: member("qi")?,
            })),
        };
        let key = Self { public, parts };
        Pair::new(&key)?;
        Ok(key)
    }

    /// The public half.
    pub const fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// The whole key as JSON text. For sealing, and for the operator who asks for an export.
    pub fn to_json(&self) -> Zeroizing<String> {
        let mut json = Zeroizing::new(serde_json::to_string(&self.public).unwrap_or_default());
        json.pop();
        let mut member = |name: &str, value: &[u8]| {
            let encoded = Zeroizing::new(base64url::encode(value));
            for part in [",\"", name, "\":\"", encoded.as_str(), "\""] {
                json.push_str(part);
            }
        };
        match &self.parts {
            PrivateParts::Scalar(d) => member("d", d),
            PrivateParts::Rsa(rsa) => {
                for (name, value) in [
                    ("d", &rsa.d),
                    ("p", &rsa.p),
                    ("q", &rsa.q),
                    ("dp", &rsa.dp),
                    ("dq", &rsa.dq),
                    ("qi", &rsa.qi),
                ] {
                    member(name, value);
                }
            }
        }
        json.push('}');
        json
    }
}

impl std::fmt::Debug for PrivateJwk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateJwk").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

fn wipe(map: &mut Map<String, Value>) {
    for value in map.values_mut() {
        if let Value::String(text) = value {
            text.zeroize();
        }
    }
}
