//! Hashes that other systems made: read, bounded, verified.
//!
//! They are kept as they came, and the first sign-in replaces them by one of ours. Attack: whoever imports names a
//! cost that keeps the hashing threads busy for hours. So each kind has a cap, at import and again when it is verified;
//! and what was typed is bounded, because some kinds cost its length squared.

mod bcrypt;
mod crypt;
mod digest;
mod fields;
mod pbkdf2;
mod scrypt;

use self::bcrypt::Bcrypt;
use self::crypt::Crypt;
use self::digest::{Hmac, Mixed, SaltedSha};
use self::pbkdf2::Pbkdf2;
use self::scrypt::{FirebaseScrypt, Scrypt};
use super::UnusableHash;

/// Bytes of a hash with all its parameters.
const LONGEST_HASH: usize = 4096;
/// Bytes of a password that are looked at; nobody's is longer.
const LONGEST_PASSWORD: usize = 4096;

/// A hash that is none of ours, within its caps. Only [`ForeignHash::parse`] makes one.
pub(super) enum ForeignHash {
    Bcrypt(Bcrypt),
    Crypt(Crypt),
    FirebaseScrypt(FirebaseScrypt),
    Hmac(Hmac),
    Mixed(Mixed),
    Pbkdf2(Pbkdf2),
    SaltedSha(SaltedSha),
    Scrypt(Scrypt),
}

impl ForeignHash {
    /// Reads a hash by what it begins with.
    pub(super) fn parse(text: &str) -> Result<Self, UnusableHash> {
        if text.len() > LONGEST_HASH {
            return Err(UnusableHash::Unknown);
        }
        if text.starts_with('{') {
            return SaltedSha::parse(text).map(Self::SaltedSha);
        }
        let (name, rest) =
            text.strip_prefix('$').and_then(|text| text.split_once('$')).ok_or(UnusableHash::Unknown)?;
        match name {
            "2a" | "2b" | "2y" | "2z" => Bcrypt::parse(rest).map(Self::Bcrypt),
            "md5-crypt" | "1" => Crypt::parse_md5(rest).map(Self::Crypt),
            "sha256-crypt" | "5" => Crypt::parse_sha256(rest).map(Self::Crypt),
            "sha512-crypt" | "6" => Crypt::parse_sha512(rest).map(Self::Crypt),
            "firescrypt" => FirebaseScrypt::parse(rest).map(Self::FirebaseScrypt),
            "scrypt" => Scrypt::parse(rest).map(Self::Scrypt),
            "md5" | "sha1" | "sha256" | "sha512" => Mixed::parse(name, rest).map(Self::Mixed),
            _ => {
                if let Some(algorithm) = name.strip_prefix("pbkdf2-") {
                    Pbkdf2::parse(algorithm, rest).map(Self::Pbkdf2)
                } else if let Some(algorithm) = name.strip_prefix("hmac-") {
                    Hmac::parse(algorithm, rest).map(Self::Hmac)
                } else {
                    Err(UnusableHash::Unknown)
                }
            }
        }
    }

    /// Whether it is the hash of `password`, in constant time. Takes as long as its cost says.
    pub(super) fn verify(&self, password: &str) -> bool {
        let password = password.as_bytes();
        if password.len() > LONGEST_PASSWORD {
            return false;
        }
        match self {
            Self::Bcrypt(hash) => hash.verify(password),
            Self::Crypt(hash) => hash.verify(password),
            Self::FirebaseScrypt(hash) => hash.verify(password),
            Self::Hmac(hash) => hash.verify(password),
            Self::Mixed(hash) => hash.verify(password),
            Self::Pbkdf2(hash) => hash.verify(password),
            Self::SaltedSha(hash) => hash.verify(password),
            Self::Scrypt(hash) => hash.verify(password),
        }
    }
}

#[cfg(test)]
mod tests;
