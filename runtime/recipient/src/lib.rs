//! The recipient of an encrypted token (RFC 7516 section 5.2), for tests: written from the specifications a second time, and
//! knowing nothing of the room that encrypts, so that both are wrong in the same way only by chance.
//!
//! It is no part of the server, which decrypts nothing. How long it takes tells what it reads, and its RSA is the one of
//! RUSTSEC-2023-0071: it may never be shown what an attacker has made.

#![expect(
    clippy::indexing_slicing,
    reason = "a member of a JSON value that is not there reads as null, and this is for tests"
)]

mod cipher;
mod key;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

pub use cipher::Cipher;
pub use key::Recipient;

/// Why a text was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It has not the form of an encrypted token.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// It needs something that this does not have.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// It is not for this key, or was changed.
    #[error("does not open")]
    Wrong,
}

/// A token that was opened, with all that was found on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The protected header.
    pub header: Value,
    /// The same as it stands in the text.
    pub protected: String,
    /// What wraps the content key, if anything that was agreed or shared does.
    pub wrapping_key: Option<Vec<u8>>,
    /// The wrapped content key, as it came.
    pub encrypted_key: Vec<u8>,
    /// What the content is encrypted with.
    pub content_key: Vec<u8>,
    /// The initialisation vector.
    pub vector: Vec<u8>,
    /// The content as it came.
    pub ciphertext: Vec<u8>,
    /// Its tag.
    pub tag: Vec<u8>,
    /// What it says.
    pub plaintext: Vec<u8>,
}

impl Opened {
    /// What it says, where that is text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.plaintext).unwrap_or_default()
    }
}

impl Recipient {
    /// Opens a text in compact form.
    pub fn open(&self, text: &str) -> Result<Opened, Unreadable> {
        let parts: Vec<&str> = text.split('.').collect();
        let [protected, encrypted_key, vector, ciphertext, tag] = parts.as_slice() else {
            return Err(Unreadable::Malformed("not five parts"));
        };
        let header: Value = serde_json::from_slice(&decode(protected)?)
            .map_err(|_| Unreadable::Malformed("the header is not JSON"))?;
        for member in ["zip", "crit"] {
            if header.get(member).is_some() {
                return Err(Unreadable::Unsupported(member.to_owned()));
            }
        }
        let name = header["enc"].as_str().ok_or(Unreadable::Malformed("enc"))?;
        let cipher = Cipher::named(name).ok_or_else(|| Unreadable::Unsupported(name.to_owned()))?;
        let encrypted_key = decode(encrypted_key)?;
        let (wrapping_key, content_key) = self.content_key(&header, cipher, &encrypted_key)?;
        let (vector, ciphertext, tag) = (decode(vector)?, decode(ciphertext)?, decode(tag)?);
        let sealed = (vector.as_slice(), ciphertext.as_slice(), tag.as_slice());
        let plaintext = cipher.open(&content_key, protected.as_bytes(), sealed).ok_or(Unreadable::Wrong)?;
        Ok(Opened {
            header,
            protected: (*protected).to_owned(),
            wrapping_key,
            encrypted_key,
            content_key,
            vector,
            ciphertext,
            tag,
            plaintext,
        })
    }
}

pub(crate) fn decode(part: &str) -> Result<Vec<u8>, Unreadable> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Unreadable::Malformed("a part is not base64url"))
}
