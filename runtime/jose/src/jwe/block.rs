//! AES on single blocks, from which CBC and key wrap are made. GCM is ring's own.
//!
//! ring has neither CBC nor key wrap. The `aes` crate runs on the processor's instructions, or else bitsliced: in neither case
//! does its time depend on key or text.

use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes128, Aes256};

use super::encrypt::EncryptError;

/// Bytes of a block.
pub(super) const BLOCK: usize = 16;

/// A key of either length.
pub(super) enum Aes {
    Bits128(Box<Aes128>),
    Bits256(Box<Aes256>),
}

impl Aes {
    pub(super) fn new(key: &[u8]) -> Result<Self, EncryptError> {
        let wrong = |_| EncryptError;
        match key.len() {
            16 => Aes128::new_from_slice(key).map(|key| Self::Bits128(Box::new(key))).map_err(wrong),
            _ => Aes256::new_from_slice(key).map(|key| Self::Bits256(Box::new(key))).map_err(wrong),
        }
    }

    pub(super) fn encrypt(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = Array(block);
        match self {
            Self::Bits128(key) => key.encrypt_block(&mut block),
            Self::Bits256(key) => key.encrypt_block(&mut block),
        }
        block.0
    }
}
