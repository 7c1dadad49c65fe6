//! Proof Key for Code Exchange (RFC 7636). `S256` is the only method: `plain` shows the secret to
//! whoever reads the authorization request.

use primitives::base64url;
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq as _;

/// The methods, as discovery lists them.
pub(crate) const METHODS: [&str; 1] = ["S256"];

/// Whether a text can be an `S256` challenge: 256 bits in base64url.
pub(crate) fn is_challenge(text: &str) -> bool {
    text.len() == 43 && base64url::decode(text).is_some_and(|bytes| bytes.len() == 32)
}

/// Whether `verifier` is what `challenge` was made of. A verifier has 43 to 128 unreserved characters.
pub(crate) fn verifies(verifier: &str, challenge: &str) -> bool {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(unreserved)
        && base64url::encode(digest(&SHA256, verifier.as_bytes()))
            .as_bytes()
            .ct_eq(challenge.as_bytes())
            .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_verifier_behind_the_challenge_fits() {
        // The example of RFC 7636 appendix B.
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_challenge(challenge));
        assert!(verifies(verifier, challenge));
        for other in ["", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl", challenge, &"é".repeat(30)] {
            assert!(!verifies(other, challenge), "{other}");
        }
        // As `plain` would have it.
        assert!(!verifies(verifier, verifier));
    }

    #[test]
    fn challenge_is_256_bits() {
        for text in ["", "short", &"=".repeat(43), &"A".repeat(42), &"A".repeat(44), &"B".repeat(43)] {
            assert!(!is_challenge(text), "{text}");
        }
        assert!(is_challenge(&"A".repeat(43)));
    }
}
