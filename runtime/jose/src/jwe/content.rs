//! Encryption of the content, with what authenticates it (RFC 7518 sections 5.2 and 5.3).

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

use super::algorithm::ContentEncryption;
use super::block::{Aes, BLOCK};
use super::encrypt::EncryptError;

/// A ciphertext and its tag.
pub(super) struct Sealed {
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

/// Encrypts. `key` and `vector` have the lengths of the algorithm, and were never used before.
pub(super) fn seal(
    algorithm: ContentEncryption,
    (key, vector): (&[u8], &[u8]),
    protected: &[u8],
    plaintext: &[u8],
) -> Result<Sealed, EncryptError> {
    if key.len() != algorithm.key_bytes() || vector.len() != algorithm.vector_bytes() {
        return Err(EncryptError);
    }
    match algorithm {
        ContentEncryption::A128Gcm => gcm(&AES_128_GCM, (key, vector), protected, plaintext),
        ContentEncryption::A256Gcm => gcm(&AES_256_GCM, (key, vector), protected, plaintext),
        ContentEncryption::A128CbcHs256 => cbc_hmac(hmac::HMAC_SHA256, (key, vector), protected, plaintext),
        ContentEncryption::A256CbcHs512 => cbc_hmac(hmac::HMAC_SHA512, (key, vector), protected, plaintext),
    }
}

fn gcm(
    algorithm: &'static ring::aead::Algorithm,
    (key, vector): (&[u8], &[u8]),
    protected: &[u8],
    plaintext: &[u8],
) -> Result<Sealed, EncryptError> {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| EncryptError)?);
    let nonce = Nonce::try_assume_unique_for_key(vector).map_err(|_| EncryptError)?;
    let mut text = plaintext.to_vec();
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(protected), &mut text);
    Ok(Sealed { ciphertext: text, tag: tag.map_err(|_| EncryptError)?.as_ref().to_vec() })
}

/// Section 5.2.2.1: the first half of the key authenticates, the second encrypts; half of what the hash gives is the tag.
fn cbc_hmac(
    hash: hmac::Algorithm,
    (key, vector): (&[u8], &[u8]),
    protected: &[u8],
    plaintext: &[u8],
) -> Result<Sealed, EncryptError> {
    let (authenticating, encrypting) = key.split_at(key.len() / 2);
    let ciphertext = cbc(encrypting, vector, plaintext)?;
    let bits = u64::try_from(protected.len() * 8).map_err(|_| EncryptError)?;
    let mut authenticated = hmac::Context::with_key(&hmac::Key::new(hash, authenticating));
    for part in [protected, vector, ciphertext.as_slice(), &bits.to_be_bytes()] {
        authenticated.update(part);
    }
    let tag = authenticated.sign();
    let tag = tag.as_ref().split_at(tag.as_ref().len() / 2).0.to_vec();
    Ok(Sealed { ciphertext, tag })
}

/// With the padding of PKCS #7: as many bytes as are missing, each their number, and never none.
fn cbc(key: &[u8], vector: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, EncryptError> {
    let aes = Aes::new(key)?;
    let mut before: [u8; BLOCK] = vector.try_into().map_err(|_| EncryptError)?;
    let missing = BLOCK - plaintext.len() % BLOCK;
    let padding = u8::try_from(missing).map_err(|_| EncryptError)?;
    let mut padded = plaintext.to_vec();
    padded.resize(plaintext.len() + missing, padding);
    for block in padded.as_chunks_mut::<BLOCK>().0 {
        before = aes.encrypt((u128::from_be_bytes(*block) ^ u128::from_be_bytes(before)).to_be_bytes());
        *block = before;
    }
    Ok(padded)
}
