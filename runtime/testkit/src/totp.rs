//! The authenticator app of a test's person (RFC 6238), written apart from the code under test.

use primitives::Timestamp;
use ring::hmac;

/// The code that the app shows at an instant, of a secret in base 32.
pub fn code(secret: &str, at: Timestamp) -> String {
    let mut key = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for letter in secret.bytes() {
        let value = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
        bits = bits << 5 | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            key.extend((bits >> count).to_be_bytes().last());
        }
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let step = u64::try_from(at.seconds() / 30).unwrap_or_default();
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let digest = tag.as_ref();
    let from = usize::from(digest.last().copied().unwrap_or_default() & 15);
    let number = digest.iter().skip(from).take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (seconds, expected) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(code(secret, Timestamp::from_seconds(seconds)), expected);
        }
    }
}
