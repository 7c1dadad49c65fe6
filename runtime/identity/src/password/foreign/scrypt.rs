//! scrypt (RFC 7914), plain and as Firebase has it.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use scrypt::Params;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::fields::{bytes, fields, parameters};
use crate::password::UnusableHash;

const HIGHEST_LOG_N: u32 = 17;
const LARGEST_R: u32 = 8;
const LARGEST_P: u32 = 10;
const SHORTEST_OUTPUT: usize = 16;
const LONGEST_OUTPUT: usize = 128;
const AES_BLOCK: usize = 16;

/// `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`, where `ln` may also be N itself, as Kratos has it.
pub(in crate::password) struct Scrypt {
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// `$firescrypt$ln=14,r=8,p=1$<salt>$<hash>$<salt separator>$<signer key>`: what scrypt gives is the AES key under
/// which the project's signer key was encrypted.
pub(in crate::password) struct FirebaseScrypt {
    params: Params,
    /// With its separator.
    salt: Vec<u8>,
    output: Vec<u8>,
    signer_key: Vec<u8>,
}

impl Scrypt {
    pub(super) fn parse(rest: &str) -> Result<Self, UnusableHash> {
        let malformed = UnusableHash::Malformed("scrypt");
        let [costs, salt, output] = fields(rest).ok_or(malformed)?;
        let params = params(costs, malformed)?;
        let read = || Some((bytes(salt)?, bytes(output)?));
        let (salt, output) = read().ok_or(malformed)?;
        if !(SHORTEST_OUTPUT..=LONGEST_OUTPUT).contains(&output.len()) {
            return Err(malformed);
        }
        Ok(Self { params, salt, output })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut output = vec![0; self.output.len()];
        scrypt::scrypt(password, &self.salt, &self.params, &mut output).is_ok()
            && output.ct_eq(&self.output).into()
    }
}

impl FirebaseScrypt {
    pub(super) fn parse(rest: &str) -> Result<Self, UnusableHash> {
        let malformed = UnusableHash::Malformed("Firebase scrypt");
        let [costs, salt, output, separator, signer_key] = fields(rest).ok_or(malformed)?;
        let params = params(costs, malformed)?;
        let read = || {
            let mut salt = bytes(salt)?;
            salt.extend(bytes(separator)?);
            Some(Self { params, salt, output: bytes(output)?, signer_key: bytes(signer_key)? })
        };
        let hash = read().ok_or(malformed)?;
        let whole = hash.output.len() == hash.signer_key.len();
        if !whole || !(SHORTEST_OUTPUT..=LONGEST_OUTPUT).contains(&hash.output.len()) {
            return Err(malformed);
        }
        Ok(hash)
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut key = Zeroizing::new([0; 32]);
        if scrypt::scrypt(password, &self.salt, &self.params, key.as_mut_slice()).is_err() {
            return false;
        }
        let cipher = Aes256::new(&Array::from(*key));
        // Counter mode from zero.
        let encrypted: Vec<u8> = self
            .signer_key
            .chunks(AES_BLOCK)
            .zip(0_u128..)
            .flat_map(|(chunk, counter)| {
                let mut block = Array::from(counter.to_be_bytes());
                cipher.encrypt_block(&mut block);
                chunk.iter().zip(block).map(|(plain, stream)| plain ^ stream).collect::<Vec<_>>()
            })
            .collect();
        encrypted.ct_eq(&self.output).into()
    }
}

fn params(costs: &str, malformed: UnusableHash) -> Result<Params, UnusableHash> {
    let [n, r, p] = parameters(costs, ["ln", "r", "p"]).ok_or(malformed)?;
    let log_n = match n {
        0 => return Err(malformed),
        // Nobody hashes with an N below 64.
        1..64 => n,
        n if n.is_power_of_two() => n.ilog2(),
        _ => return Err(malformed),
    };
    if log_n > HIGHEST_LOG_N || r > LARGEST_R || p > LARGEST_P {
        return Err(UnusableHash::TooCostly("scrypt: an N of 2^17, an r of 8, a p of 10"));
    }
    let log_n = u8::try_from(log_n).map_err(|_| malformed)?;
    Params::new(log_n, r, p).map_err(|_| malformed)
}
