//! Detached Ed25519 signatures of components: what is signed, how a signature is written, and its check.
//!
//! A signature is one line of text, `ed25519 <key id> <signature in base64>`, in a file beside the component.
//! It is of the component's SHA-256 and says what it is for, so that no signature that a key makes for
//! something else is one of a component, and whoever checks it needs the hash alone.
//!
//! Attacks: a signature of another component; one of a key that only another tenant trusts; a file that is
//! replaced between check and load (the hash that was checked is the one that is loaded); a text that is huge,
//! cut, or goes on; a text that is no signature at all but a file of the node's (errors say nothing of it).

use std::fmt::{self, Write as _};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{self, UnparsedPublicKey};
use serde::Serialize;

use super::signing_key::{KeyId, PublicKey};

/// The longest text that can be a signature, in bytes. Nobody reads more of a file.
pub const SIGNATURE_TEXT_BYTES: usize = 128;

const SIGNATURE_BYTES: usize = 64;

/// What is signed of a component with this SHA-256.
pub(super) fn message(sha256: &[u8; 32]) -> Vec<u8> {
    let mut message = String::from("portcullis component v1\n");
    for byte in sha256 {
        // Writing to a string never fails.
        let _ = write!(message, "{byte:02x}");
    }
    message.push('\n');
    message.into_bytes()
}

/// Why a component is not accepted by its signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is none. The operator's, or somebody took it away.
    #[error("the component has no signature, and one is required")]
    Missing,
    /// The text is no signature. The operator's.
    #[error("the component's signature is malformed: not one line `ed25519 <key id> <base64>`")]
    Malformed,
    /// The key that it names is trusted neither by the tenant nor by the node.
    #[error("the component's signature is by key {0}, which this tenant does not trust")]
    UntrustedKey(KeyId),
    /// A trusted key is named, but did not sign this component.
    #[error("the component's signature by key {0} is of other bytes than the component's")]
    OtherBytes(KeyId),
}

/// A signature as it was read. What it names counts for nothing until [`Trust::check`](super::Trust::check).
#[derive(Clone, PartialEq, Eq)]
pub struct UnverifiedSignature {
    pub(super) key: KeyId,
    pub(super) bytes: [u8; SIGNATURE_BYTES],
}

impl UnverifiedSignature {
    /// The key that it says made it.
    pub const fn key(&self) -> KeyId {
        self.key
    }

    /// Whether this key made it, for the component with this SHA-256.
    pub(super) fn is_by(&self, key: &PublicKey, sha256: &[u8; 32]) -> bool {
        let key = UnparsedPublicKey::new(&signature::ED25519, key.as_bytes());
        key.verify(&message(sha256), &self.bytes).is_ok()
    }
}

/// One line, with its end or without. Nothing before it, nothing after it.
impl FromStr for UnverifiedSignature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let (key, bytes) = line
            .strip_prefix("ed25519 ")
            .filter(|_| text.len() <= SIGNATURE_TEXT_BYTES)
            .and_then(|rest| rest.split_once(' '))
            .ok_or(SignatureError::Malformed)?;
        let key = key.parse().map_err(|_| SignatureError::Malformed)?;
        let bytes = STANDARD.decode(bytes).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(Self { key, bytes: bytes.ok_or(SignatureError::Malformed)? })
    }
}

impl fmt::Display for UnverifiedSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ed25519 {} {}", self.key, STANDARD.encode(self.bytes))
    }
}

impl fmt::Debug for UnverifiedSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedSignature({})", self.key)
    }
}

/// Who signed a component: a trusted key, by which it was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedBy {
    /// The name under which the key is trusted.
    pub name: String,
    /// The key's id.
    pub key: KeyId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::SigningKey;

    fn key() -> SigningKey {
        SigningKey::from_seed([7; 32]).unwrap()
    }

    #[test]
    fn signature_is_one_line_and_nothing_else() {
        let signature = key().sign(&[1; 32]);
        let text = signature.to_string();
        let line = text.trim_end();
        let check = |text: &str, expect: bool| {
            let parsed = text.parse::<UnverifiedSignature>();
            let expected = if expect { Ok(signature.clone()) } else { Err(SignatureError::Malformed) };
            assert_eq!(parsed, expected, "{text:?}");
        };
        check(&text, true);
        check(line, true);
        for wrong in [
            String::new(),
            "\n".to_owned(),
            format!("{text}\n"),
            format!("{text}{text}"),
            format!("{line} more"),
            format!("{line}A"),
            format!("{line}\r\n"),
            format!(" {text}"),
            format!("{text}{}", " ".repeat(4096)),
            text.replacen("ed25519", "ED25519", 1),
            text.replacen(' ', "  ", 1),
            text.to_uppercase(),
            line.trim_end_matches('=').to_owned(),
            line.replace("==", ""),
            "root:x:0:0:root:/root:/bin/sh".to_owned(),
        ] {
            check(&wrong, false);
        }
        for end in 0..line.len() {
            check(&line[..end], false);
        }
    }

    #[test]
    fn error_about_a_text_tells_nothing_of_it() {
        let error = "ed25519 hunter2 hunter2".parse::<UnverifiedSignature>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn message_says_what_it_is_for() {
        let expect = format!("portcullis component v1\n{}\n", "0a".repeat(32));
        assert_eq!(message(&[10; 32]), expect.into_bytes());
    }

    #[test]
    fn text_that_is_accepted_is_never_longer_than_what_is_read() {
        assert!(key().sign(&[1; 32]).to_string().len() <= SIGNATURE_TEXT_BYTES);
    }
}
