//! AES key wrap (RFC 3394 section 2.2.1, RFC 7518 section 4.4).

use super::block::{Aes, BLOCK};
use super::encrypt::EncryptError;

/// Half a block, in which the algorithm counts.
const HALF: usize = BLOCK / 2;
/// Section 2.2.3.1.
const INITIAL: [u8; HALF] = [0xa6; HALF];

/// Wraps a content key of 16, 32, 48 or 64 bytes under a key of 16 or 32.
pub(super) fn wrap(wrapping: &[u8], content_key: &[u8]) -> Result<Vec<u8>, EncryptError> {
    let aes = Aes::new(wrapping)?;
    let (halves, rest) = content_key.as_chunks::<HALF>();
    if !rest.is_empty() || halves.len() < 2 {
        return Err(EncryptError);
    }
    let mut halves = halves.to_vec();
    let mut register = INITIAL;
    let mut step = 0_u64;
    for _ in 0..6 {
        for half in &mut halves {
            step += 1;
            let block = aes.encrypt(joined(register, *half));
            let (first, last) = split(block);
            register = (u64::from_be_bytes(first) ^ step).to_be_bytes();
            *half = last;
        }
    }
    Ok(std::iter::once(register).chain(halves).flatten().collect())
}

fn joined(first: [u8; HALF], last: [u8; HALF]) -> [u8; BLOCK] {
    (u128::from(u64::from_be_bytes(first)) << 64 | u128::from(u64::from_be_bytes(last))).to_be_bytes()
}

fn split(block: [u8; BLOCK]) -> ([u8; HALF], [u8; HALF]) {
    let number = u128::from_be_bytes(block);
    let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default().to_be_bytes();
    (half(number >> 64), half(number))
}
