//! COSE keys (RFC 9052 section 7, RFC 9053) of the three algorithms that are offered.

use primitives::base64url;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cbor::{self, Map};

/// The algorithms, the preferred one first, by their COSE numbers: what is offered is what is taken.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];

pub(super) const ES256: i64 = -7;
pub(super) const EDDSA: i64 = -8;
pub(super) const RS256: i64 = -257;

/// Labels of a COSE key.
const KTY: i64 = 1;
const ALG: i64 = 3;

/// The public key of a credential, with the bytes that say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    cose: Vec<u8>,
    key: Key,
}

/// What a key is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// An uncompressed point on P-256.
    Es256([u8; 65]),
    EdDsa([u8; 32]),
    Rs256 {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// The key is of no algorithm that was offered, or not a key. The client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a public key of an algorithm that was offered")]
pub struct UnusableKey;

impl PublicKey {
    /// Reads a key that stands alone.
    pub fn parse(cose: &[u8]) -> Result<Self, UnusableKey> {
        let map = cbor::read_map(cose).map_err(|_| UnusableKey)?;
        Self::read(&map, cose)
    }

    pub(super) fn read(map: &Map<'_>, cose: &[u8]) -> Result<Self, UnusableKey> {
        let number = |label| map.integer(label).and_then(cbor::Item::as_integer);
        let bytes = |label| map.integer(label).and_then(cbor::Item::as_bytes);
        let key = match (number(KTY), number(ALG), number(-1)) {
            // EC2 on P-256. A compressed point has a sign in the place of y, and is not canonical here.
            (Some(2), Some(ES256), Some(1)) => {
                let (x, y) = bytes(-2).zip(bytes(-3)).ok_or(UnusableKey)?;
                let (x, y) = (half(x)?, half(y)?);
                let mut point = [4; 65];
                point.iter_mut().skip(1).zip(x.iter().chain(y)).for_each(|(to, from)| *to = *from);
                Key::Es256(point)
            }
            // OKP on Ed25519.
            (Some(1), Some(EDDSA), Some(6)) => Key::EdDsa(*half(bytes(-2).ok_or(UnusableKey)?)?),
            (Some(3), Some(RS256), None) => {
                let (n, e) = bytes(-1).zip(bytes(-2)).ok_or(UnusableKey)?;
                // 2048 to 4096 bits: what ring would refuse later is refused before it is kept, and a larger one
                // would only cost us time.
                if !(256..=512).contains(&n.len()) || n.first() == Some(&0) || !(1..=4).contains(&e.len()) {
                    return Err(UnusableKey);
                }
                Key::Rs256 { n: n.to_vec(), e: e.to_vec() }
            }
            _ => return Err(UnusableKey),
        };
        Ok(Self { cose: cose.to_vec(), key })
    }

    /// Its COSE number.
    pub const fn algorithm(&self) -> i64 {
        match self.key {
            Key::Es256(_) => ES256,
            Key::EdDsa(_) => EDDSA,
            Key::Rs256 { .. } => RS256,
        }
    }

    pub(super) const fn key(&self) -> &Key {
        &self.key
    }

    /// The key as the authenticator wrote it.
    pub fn cose(&self) -> &[u8] {
        &self.cose
    }

    /// Whether it made a signature.
    pub(super) fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let checked = match &self.key {
            Key::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Key::EdDsa(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Key::Rs256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        checked.is_ok()
    }
}

fn half(bytes: &[u8]) -> Result<&[u8; 32], UnusableKey> {
    bytes.try_into().map_err(|_| UnusableKey)
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(&self.cose))
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let cose = base64url::decode(text).ok_or_else(|| serde::de::Error::custom("not base64url"))?;
        Self::parse(&cose).map_err(serde::de::Error::custom)
    }
}
