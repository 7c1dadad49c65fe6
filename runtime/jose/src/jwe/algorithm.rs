//! The names of what encrypts: how the content key is given to the recipient, and what is done with it.

use std::fmt;
use std::str::FromStr;

/// How the content key reaches the recipient (`alg`, RFC 7518 section 4.1; RFC 8037 section 3.2). None is of a shared secret:
/// those of our clients are kept as hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyManagement {
    /// RSAES OAEP with SHA-256 and MGF1 with SHA-256 (RFC 7518 section 4.3).
    RsaOaep256,
    /// The agreed secret is the content key (section 4.6).
    EcdhEs,
    /// The agreed secret wraps it, with AES of 128 bits.
    EcdhEsA128Kw,
    /// The same with AES of 256 bits.
    EcdhEsA256Kw,
}

/// What encrypts and authenticates the content (`enc`, RFC 7518 section 5.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ContentEncryption {
    /// What OpenID Connect Registration section 2 has for whoever names none.
    #[default]
    A128CbcHs256,
    /// The same with keys of twice the length.
    A256CbcHs512,
    /// AES of 128 bits in Galois/Counter mode.
    A128Gcm,
    /// AES of 256 bits in Galois/Counter mode.
    A256Gcm,
}

/// The name is not that of an algorithm that we encrypt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown encryption algorithm")]
pub struct UnknownEncryption;

impl KeyManagement {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::RsaOaep256, Self::EcdhEs, Self::EcdhEsA128Kw, Self::EcdhEsA256Kw];

    /// The registered name, as it stands in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }
}

impl ContentEncryption {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::A128CbcHs256, Self::A256CbcHs512, Self::A128Gcm, Self::A256Gcm];

    /// The registered name, as it stands in `enc`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }

    /// Bytes of a content key.
    pub(super) const fn key_bytes(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A128CbcHs256 | Self::A256Gcm => 32,
            Self::A256CbcHs512 => 64,
        }
    }

    /// Bytes of an initialisation vector.
    pub(super) const fn vector_bytes(self) -> usize {
        match self {
            Self::A128CbcHs256 | Self::A256CbcHs512 => 16,
            Self::A128Gcm | Self::A256Gcm => 12,
        }
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ContentEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyManagement {
    type Err = UnknownEncryption;

    fn from_str(name: &str) -> Result<Self, UnknownEncryption> {
        Self::ALL.into_iter().find(|one| one.as_str() == name).ok_or(UnknownEncryption)
    }
}

impl FromStr for ContentEncryption {
    type Err = UnknownEncryption;

    fn from_str(name: &str) -> Result<Self, UnknownEncryption> {
        Self::ALL.into_iter().find(|one| one.as_str() == name).ok_or(UnknownEncryption)
    }
}
