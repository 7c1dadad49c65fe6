//! What a system that uses bcrypt keeps: `$2y$10$`, 22 characters of salt, 31 of hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::BASE_64;
use portcullis_plugin::credential_import::HookError;
use subtle::ConstantTimeEq as _;

/// The version, `$`, two digits of cost, `$`, salt and hash.
const BYTES: usize = 60;
const SALT: usize = 22;

/// A hash, and what it was made with.
pub(crate) struct BcryptHash {
    pub(crate) cost: u32,
    salt: [u8; 16],
    hash: [u8; 23],
}

impl BcryptHash {
    /// Reads one. `$2x$` marks hashes of a version that was wrong for some passwords; they are refused.
    pub(crate) fn parse(text: &str) -> Result<Self, HookError> {
        let is_whole = text.len() == BYTES && text.is_ascii();
        let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|version| text.strip_prefix(version));
        let parts = rest.filter(|_| is_whole).and_then(|rest| rest.split_once('$'));
        let (cost, encoded) = parts.ok_or_else(malformed)?;
        let cost = Some(cost).filter(|cost| cost.len() == 2).and_then(|cost| cost.parse().ok());
        let cost = cost.filter(|cost| (4..=31).contains(cost)).ok_or_else(malformed)?;
        let (salt, hash) = encoded.split_at_checked(SALT).ok_or_else(malformed)?;
        Ok(Self { cost, salt: decode(salt)?, hash: decode(hash)? })
    }

    /// The hash of no password that anybody could type, as expensive as those of people.
    pub(crate) const fn of_nobody(cost: u32) -> Self {
        Self { cost, salt: [0; 16], hash: [0; 23] }
    }

    /// Whether it is the hash of this text, which has no zero byte. How much of it is right takes no part in the time.
    pub(crate) fn is_of(&self, text: &str) -> bool {
        let mut read = text.as_bytes().to_vec();
        read.push(0);
        read.truncate(72);
        let computed = bcrypt::bcrypt(self.cost, self.salt, &read);
        computed.iter().take(self.hash.len()).copied().collect::<Vec<u8>>().ct_eq(&self.hash).into()
    }
}

fn malformed() -> HookError {
    HookError::new("the credential is no bcrypt hash of version 2a, 2b or 2y")
}

fn decode<const N: usize>(text: &str) -> Result<[u8; N], HookError> {
    let mut bytes = [0; N];
    match BASE_64.decode_slice(text, &mut bytes) {
        Ok(length) if length == N => Ok(bytes),
        _ => Err(malformed()),
    }
}

/// With padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = vec![0; bytes.len().div_ceil(3) * 4];
    let length = STANDARD.encode_slice(bytes, &mut text).unwrap_or_default();
    text.iter().take(length).map(|byte| char::from(*byte)).collect()
}
