//! Signatures as Standard Webhooks has them (standardwebhooks.com, version 1): HMAC-SHA-256 (RFC 2104) over the message's
//! id, the time and the body, in the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
//!
//! Attack: whoever finds out a receiver's address sends it events of their own, or sends it again what was sent before. So
//! what is sent is signed with a secret of the tenant, and the time is signed with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use primitives::Timestamp;
use ring::hmac;

/// How many bytes a key has.
pub const SIGNING_KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key with which a webhook's requests are signed.
#[derive(Debug)]
pub struct SigningKey(hmac::Key);

/// A secret is no key to sign with. Whoever set it has to set another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret is not base64 of 24 to 64 bytes")]
pub struct UnusableSigningKey;

impl SigningKey {
    /// Reads a key: base64, with or without `whsec_` before it.
    pub fn parse(secret: &str) -> Result<Self, UnusableSigningKey> {
        let text = secret.trim().strip_prefix("whsec_").unwrap_or(secret.trim());
        let bytes = STANDARD.decode(text).map_err(|_| UnusableSigningKey)?;
        if !SIGNING_KEY_BYTES.contains(&bytes.len()) {
            return Err(UnusableSigningKey);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The headers of a message.
    pub fn headers(&self, id: &str, at: Timestamp, body: &[u8]) -> [(&'static str, String); 3] {
        let seconds = at.seconds().to_string();
        let mut context = hmac::Context::with_key(&self.0);
        for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
            context.update(part);
        }
        let signature = format!("v1,{}", STANDARD.encode(context.sign()));
        [("webhook-id", id.to_owned()), ("webhook-timestamp", seconds), ("webhook-signature", signature)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn signature_is_that_of_the_specification() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_seconds(1_614_265_330);
        let headers = key.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        let [(_, id), (_, seconds), (_, signature)] = headers;
        assert_eq!(
            (id.as_str(), seconds.as_str(), signature.as_str()),
            ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn short_keys_and_other_words_are_no_keys() {
        for (secret, is_key) in [
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", true),
            ("", false),
            ("hunter2", false),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILA==", false),
        ] {
            assert_eq!(SigningKey::parse(secret).is_ok(), is_key, "{secret}");
        }
    }
}
