//! One pass of a digest: mixed with a salt, salted at its end, or keyed.
//!
//! Attack: a format that leaves out the password has a hash that every password has. Such a one is refused.

use hmac::KeyInit as _;
use md4::Md4;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use super::fields::{bytes, fields};
use crate::password::UnusableHash;

const SALT: &str = "{SALT}";
const PASSWORD: &str = "{PASSWORD}";
/// How often a format may have the password: what is digested is bounded.
const MOST_PASSWORDS: usize = 8;

#[derive(Clone, Copy)]
enum Algorithm {
    Md4,
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "md4" => Self::Md4,
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    const fn output_bytes(self) -> usize {
        match self {
            Self::Md4 | Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn digest(self, input: &[u8]) -> Vec<u8> {
        match self {
            Self::Md4 => Md4::digest(input).to_vec(),
            Self::Md5 => Md5::digest(input).to_vec(),
            Self::Sha1 => Sha1::digest(input).to_vec(),
            Self::Sha224 => Sha224::digest(input).to_vec(),
            Self::Sha256 => Sha256::digest(input).to_vec(),
            Self::Sha384 => Sha384::digest(input).to_vec(),
            Self::Sha512 => Sha512::digest(input).to_vec(),
        }
    }

    fn mac(self, key: &[u8], input: &[u8]) -> Vec<u8> {
        macro_rules! mac {
            ($digest:ty) => {{
                use hmac::Mac as _;
                // HMAC takes keys of any length.
                hmac::Hmac::<$digest>::new_from_slice(key)
                    .map(|mac| mac.chain_update(input).finalize().into_bytes().to_vec())
                    .unwrap_or_default()
            }};
        }
        match self {
            Self::Md4 => mac!(Md4),
            Self::Md5 => mac!(Md5),
            Self::Sha1 => mac!(Sha1),
            Self::Sha224 => mac!(Sha224),
            Self::Sha256 => mac!(Sha256),
            Self::Sha384 => mac!(Sha384),
            Self::Sha512 => mac!(Sha512),
        }
    }
}

/// `$sha256$pf=<format>$<salt>$<hash>`, and MD5 also without format and salt: `$md5$<hash>`.
pub(in crate::password) struct Mixed {
    algorithm: Algorithm,
    format: String,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Mixed {
    pub(super) fn parse(name: &str, rest: &str) -> Result<Self, UnusableHash> {
        let algorithm = Algorithm::named(name).ok_or(UnusableHash::Unknown)?;
        let read = || {
            if name == "md5" && !rest.contains('$') {
                return Some(Self {
                    algorithm,
                    format: PASSWORD.to_owned(),
                    salt: Vec::new(),
                    output: bytes(rest)?,
                });
            }
            let [format, salt, output] = fields(rest)?;
            let format = String::from_utf8(bytes(format.strip_prefix("pf=")?)?).ok()?;
            Some(Self { algorithm, format, salt: bytes(salt)?, output: bytes(output)? })
        };
        let hash = read().filter(|hash| {
            (1..=MOST_PASSWORDS).contains(&hash.format.matches(PASSWORD).count())
                && hash.output.len() == algorithm.output_bytes()
        });
        hash.ok_or(UnusableHash::Malformed("salted digest"))
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        self.algorithm.digest(&self.mixed(password)).ct_eq(&self.output).into()
    }

    /// The format with its places filled; what was filled in is not looked at again.
    fn mixed(&self, password: &[u8]) -> Vec<u8> {
        let mut mixed = Vec::new();
        let mut rest = self.format.as_str();
        while let Some(at) = rest.find('{') {
            let (before, place) = rest.split_at(at);
            mixed.extend(before.as_bytes());
            rest = if let Some(rest) = place.strip_prefix(SALT) {
                mixed.extend(&self.salt);
                rest
            } else if let Some(rest) = place.strip_prefix(PASSWORD) {
                mixed.extend(password);
                rest
            } else {
                mixed.push(b'{');
                place.get(1..).unwrap_or_default()
            };
        }
        mixed.extend(rest.as_bytes());
        mixed
    }
}

/// `{SSHA}`, `{SSHA256}` or `{SSHA512}`, then the base64 of the hash with the salt behind it (RFC 2307).
pub(in crate::password) struct SaltedSha {
    algorithm: Algorithm,
    output: Vec<u8>,
    salt: Vec<u8>,
}

impl SaltedSha {
    pub(super) fn parse(text: &str) -> Result<Self, UnusableHash> {
        let (name, encoded) =
            text.strip_prefix('{').and_then(|text| text.split_once('}')).ok_or(UnusableHash::Unknown)?;
        let algorithm = match name {
            "SSHA" => Algorithm::Sha1,
            "SSHA256" => Algorithm::Sha256,
            "SSHA512" => Algorithm::Sha512,
            _ => return Err(UnusableHash::Unknown),
        };
        let malformed = UnusableHash::Malformed("SSHA");
        let mut output = bytes(encoded).ok_or(malformed)?;
        if output.len() < algorithm.output_bytes() {
            return Err(malformed);
        }
        let salt = output.split_off(algorithm.output_bytes());
        Ok(Self { algorithm, output, salt })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        self.algorithm.digest(&[password, &self.salt].concat()).ct_eq(&self.output).into()
    }
}

/// `$hmac-sha256$<hash>$<key>`: the hash in hexadecimal, then in base64.
pub(in crate::password) struct Hmac {
    algorithm: Algorithm,
    /// Hexadecimal, in lower case.
    output: Vec<u8>,
    key: Vec<u8>,
}

impl Hmac {
    pub(super) fn parse(algorithm: &str, rest: &str) -> Result<Self, UnusableHash> {
        let algorithm = Algorithm::named(algorithm).ok_or(UnusableHash::Unknown)?;
        let read = || {
            let [output, key] = fields(rest)?;
            let output = bytes(output)?.to_ascii_lowercase();
            let is_whole = output.len() == 2 * algorithm.output_bytes() && !key.is_empty();
            is_whole.then_some(Self { algorithm, output, key: bytes(key)? })
        };
        read().ok_or(UnusableHash::Malformed("HMAC"))
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mac = self.algorithm.mac(&self.key, password);
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
        let hexadecimal: String = mac.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        hexadecimal.as_bytes().ct_eq(&self.output).into()
    }
}
