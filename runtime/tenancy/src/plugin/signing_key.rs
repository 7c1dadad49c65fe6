//! Keys that sign components: the private one of whoever signs, and what others know of it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use primitives::Secret;
use ring::digest;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::signature::{UnverifiedSignature, message};

const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";
/// PKCS#8 (RFC 8410 section 7) of an Ed25519 key, up to its 32 bytes.
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// The text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not a public key.
    #[error("not an Ed25519 public key: 32 bytes in base64")]
    Public,
    /// Not a private key.
    #[error("not an Ed25519 private key: PKCS#8 in PEM, not encrypted")]
    Private,
    /// Not a key's id.
    #[error("not a key's id: 16 digits of lower-case hex")]
    Id,
}

/// The public key of whoever signs components: 32 bytes, written in base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its short name in signatures, logs and reports: the first 8 bytes of its SHA-256.
    pub fn id(&self) -> KeyId {
        let digest = digest::digest(&digest::SHA256, &self.0);
        let mut id = [0; 8];
        id.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        KeyId(id)
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = STANDARD.decode(text).map_err(|_| InvalidKey::Public)?;
        bytes.try_into().map(Self).map_err(|_| InvalidKey::Public)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A key's short name. It says which key is meant, and proves nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

impl FromStr for KeyId {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(InvalidKey::Id);
        }
        u64::from_str_radix(text, 16).map(|id| Self(id.to_be_bytes())).map_err(|_| InvalidKey::Id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A private key that signs components. No node has one.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// The key of 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, InvalidKey> {
        Self::new(Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| InvalidKey::Private)?)
    }

    /// Reads what [`pem_of_seed`] or `openssl genpkey -algorithm ed25519` wrote.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        let body = text.trim().strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END));
        let body: String = body.ok_or(InvalidKey::Private)?.split_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| InvalidKey::Private)?;
        Self::new(Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| InvalidKey::Private)?)
    }

    fn new(pair: Ed25519KeyPair) -> Result<Self, InvalidKey> {
        let public = pair.public_key().as_ref().try_into().map(PublicKey).map_err(|_| InvalidKey::Private)?;
        Ok(Self { pair, public })
    }

    /// What others need to verify its signatures.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs the component with this SHA-256.
    pub fn sign(&self, sha256: &[u8; 32]) -> UnverifiedSignature {
        let mut bytes = [0; 64];
        let signature = self.pair.sign(&message(sha256));
        bytes.iter_mut().zip(signature.as_ref()).for_each(|(to, from)| *to = *from);
        UnverifiedSignature { key: self.public.id(), bytes }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

/// The private key of 32 random bytes as a file has it: PKCS#8 in PEM.
pub fn pem_of_seed(seed: &[u8; 32]) -> Secret<String> {
    let body = STANDARD.encode([PKCS8.as_slice(), seed.as_slice()].concat());
    Secret::new(format!("{PEM_BEGIN}\n{body}\n{PEM_END}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_comes_back_from_its_file() {
        let pem = pem_of_seed(&[9; 32]);
        let key = SigningKey::from_pem(pem.expose()).unwrap();
        assert_eq!(key.public(), SigningKey::from_seed([9; 32]).unwrap().public());
        assert!(!format!("{key:?} {pem:?}").contains("CQkJ"), "it is not printed");
    }

    /// RFC 8410 section 10.3, and what `openssl pkey -pubout` says of it.
    #[test]
    fn key_of_other_tools_is_read() {
        let pem = "-----BEGIN PRIVATE KEY-----\r\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\r\n\
                   -----END PRIVATE KEY-----\r\n";
        let key = SigningKey::from_pem(pem).unwrap();
        assert_eq!(key.public().to_string(), "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        let pem = pem_of_seed(&[9; 32]);
        let pem = pem.expose();
        for wrong in [
            String::new(),
            pem.replace("PRIVATE", "PUBLIC"),
            pem.replace("-----END", "----END"),
            pem.replace("MC4C", "MC4D"),
            pem.replacen("CQkJ", "", 1),
            format!("{pem}{pem}"),
        ] {
            assert_eq!(SigningKey::from_pem(&wrong).unwrap_err(), InvalidKey::Private, "{wrong}");
        }
    }

    #[test]
    fn public_keys_and_ids_have_one_form() {
        let key = SigningKey::from_seed([9; 32]).unwrap().public();
        let (text, id) = (key.to_string(), key.id().to_string());
        assert_eq!(text.parse(), Ok(key));
        assert_eq!(id.parse(), Ok(key.id()));
        for wrong in ["", "AAAA", &text[1..], text.trim_end_matches('='), &format!("{text} ")] {
            assert_eq!(wrong.parse::<PublicKey>(), Err(InvalidKey::Public), "{wrong}");
        }
        for wrong in
            ["", &id[1..], &id.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A"), "+23456789012345f"]
        {
            assert_eq!(wrong.parse::<KeyId>(), Err(InvalidKey::Id), "{wrong}");
        }
    }
}
