//! Content encryption and key wrap, undone (RFC 7518 section 5, RFC 3394 section 2.2.2).

use aes::cipher::{Array, BlockCipherDecrypt as _, KeyInit as _};
use aes::{Aes128, Aes256};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

/// The content encryptions that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the registered names")]
pub enum Cipher {
    A128Gcm,
    A256Gcm,
    A128CbcHs256,
    A256CbcHs512,
}

impl Cipher {
    /// By its registered name (`enc`).
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "A128GCM" => Some(Self::A128Gcm),
            "A256GCM" => Some(Self::A256Gcm),
            "A128CBC-HS256" => Some(Self::A128CbcHs256),
            "A256CBC-HS512" => Some(Self::A256CbcHs512),
            _ => None,
        }
    }

    /// Bytes of a key.
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A256Gcm | Self::A128CbcHs256 => 32,
            Self::A256CbcHs512 => 64,
        }
    }

    pub(crate) fn open(
        self,
        key: &[u8],
        protected: &[u8],
        (vector, ciphertext, tag): (&[u8], &[u8], &[u8]),
    ) -> Option<Vec<u8>> {
        match self {
            Self::A128Gcm => open_gcm(&AES_128_GCM, key, protected, (vector, ciphertext, tag)),
            Self::A256Gcm => open_gcm(&AES_256_GCM, key, protected, (vector, ciphertext, tag)),
            Self::A128CbcHs256 => open_cbc(hmac::HMAC_SHA256, key, protected, (vector, ciphertext, tag)),
            Self::A256CbcHs512 => open_cbc(hmac::HMAC_SHA512, key, protected, (vector, ciphertext, tag)),
        }
    }
}

fn open_gcm(
    algorithm: &'static Algorithm,
    key: &[u8],
    protected: &[u8],
    (vector, ciphertext, tag): (&[u8], &[u8], &[u8]),
) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
    // A tag of another length would be read as a part of the text.
    let tag: [u8; 16] = tag.try_into().ok()?;
    let mut text = [ciphertext, &tag].concat();
    let nonce = Nonce::try_assume_unique_for_key(vector).ok()?;
    key.open_in_place(nonce, Aad::from(protected), &mut text).ok().map(|plaintext| plaintext.to_vec())
}

fn open_cbc(
    hash: hmac::Algorithm,
    key: &[u8],
    protected: &[u8],
    (vector, ciphertext, tag): (&[u8], &[u8], &[u8]),
) -> Option<Vec<u8>> {
    let (authenticating, encrypting) = key.split_at_checked(key.len() / 2)?;
    let bits = u64::try_from(protected.len() * 8).ok()?.to_be_bytes();
    let whole = [protected, vector, ciphertext, bits.as_slice()].concat();
    let made = hmac::sign(&hmac::Key::new(hash, authenticating), &whole);
    if made.as_ref().split_at(made.as_ref().len() / 2).0 != tag {
        return None;
    }
    let mut before: [u8; 16] = vector.try_into().ok()?;
    let (blocks, rest) = ciphertext.as_chunks::<16>();
    let mut plaintext = Vec::new();
    for block in blocks {
        let opened = decrypt_block(encrypting, *block)?;
        plaintext.extend(opened.iter().zip(before).map(|(one, other)| one ^ other));
        before = *block;
    }
    let padding = usize::from(*plaintext.last()?);
    let kept = plaintext.len().checked_sub(padding)?;
    let is_padded = (1..=16).contains(&padding)
        && plaintext.get(kept..)?.iter().all(|byte| usize::from(*byte) == padding);
    plaintext.truncate(kept);
    Some(plaintext).filter(|_| is_padded && rest.is_empty())
}

fn decrypt_block(key: &[u8], block: [u8; 16]) -> Option<[u8; 16]> {
    let mut block = Array(block);
    match key.len() {
        16 => Aes128::new_from_slice(key).ok()?.decrypt_block(&mut block),
        _ => Aes256::new_from_slice(key).ok()?.decrypt_block(&mut block),
    }
    Some(block.0)
}

/// Unwraps a content key.
pub(crate) fn unwrap_key(key: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
    let (halves, rest) = wrapped.as_chunks::<8>();
    let (first, halves) = halves.split_first()?;
    if !rest.is_empty() || halves.len() < 2 {
        return None;
    }
    let mut register = *first;
    let mut halves = halves.to_vec();
    let mut step = u64::try_from(halves.len() * 6).ok()?;
    for _ in 0..6 {
        for half in halves.iter_mut().rev() {
            let counted = (u64::from_be_bytes(register) ^ step).to_be_bytes();
            let block: [u8; 16] = [counted, *half].concat().try_into().ok()?;
            let opened = decrypt_block(key, block)?;
            let (start, end) = opened.split_at(8);
            register = start.try_into().ok()?;
            *half = end.try_into().ok()?;
            step -= 1;
        }
    }
    (register == [0xa6; 8]).then(|| halves.concat())
}
