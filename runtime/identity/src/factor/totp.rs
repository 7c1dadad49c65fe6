//! Time-based one-time passwords (RFC 6238): SHA-1, six digits, steps of 30 seconds, as authenticator apps have them.
//!
//! Attack: somebody reads a code over a shoulder and types it after its owner. A step is used up by the first right
//! code, and all steps before it with it (RFC 6238 section 5.2).

use std::fmt;
use std::ops::RangeInclusive;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use primitives::{Rng, Timestamp};
use ring::hmac;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::{Choice, ConstantTimeEq as _};
use url::Url;
use zeroize::Zeroize as _;

const STEP_SECONDS: u64 = 30;
const DIGITS: usize = 6;
/// Clocks differ and people type slowly: one step either way (RFC 6238 section 5.2).
const TOLERANCE: u64 = 1;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// All but the unreserved characters (RFC 3986 section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Bytes of a secret that is drawn here: 160 bits, as RFC 4226 section 4, R6 recommends.
const DRAWN: usize = 20;
/// Bytes of one that came from elsewhere: at least the 128 bits that the same requirement asks for, at most a block of the hash.
const LENGTHS: RangeInclusive<usize> = 16..=64;

/// The secret that an authenticator app shares with us. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Vec<u8>);

/// An authenticator app that was set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totp {
    secret: TotpSecret,
    /// The last step of which a code was used.
    last_step: u64,
}

impl TotpSecret {
    /// Draws a new secret.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut secret = vec![0; DRAWN];
        rng.fill(&mut secret);
        Self(secret)
    }

    /// In base 32 (RFC 4648 section 6), as people type it into their app: without padding.
    pub fn base32(&self) -> String {
        let mut text = String::with_capacity(self.0.len().div_ceil(5) * 8);
        for five in self.0.chunks(5) {
            let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            let bits = bits << (8 * (5 - five.len()));
            for place in (0..8).rev().take((five.len() * 8).div_ceil(5)) {
                let index = usize::try_from(bits >> (place * 5) & 31).unwrap_or_default();
                text.extend(ALPHABET.get(index).map(|letter| char::from(*letter)));
            }
        }
        text
    }

    /// Reads base 32 without padding, of which each secret has one spelling.
    fn parse(text: &str) -> Option<Self> {
        let mut secret = Vec::with_capacity(text.len() * 5 / 8);
        for eight in text.as_bytes().chunks(8) {
            let mut bits = 0_u64;
            for letter in eight {
                let value = ALPHABET.iter().position(|known| known == letter)?;
                bits = bits << 5 | u64::try_from(value).ok()?;
            }
            let bits = bits << (5 * (8 - eight.len()));
            secret.extend(bits.to_be_bytes().iter().skip(3).take(eight.len() * 5 / 8));
        }
        let secret = Self(secret);
        // What is left over of the last letter is zero, and no letter is left over whole.
        (LENGTHS.contains(&secret.0.len()) && secret.base32() == text).then_some(secret)
    }

    /// Reads the secret of an `otpauth` URI that came from elsewhere; `None` if it is none, or if its codes are not made as
    /// those here are: SHA-1, six digits, 30 seconds.
    pub fn from_uri(uri: &str) -> Option<Self> {
        let uri =
            Url::parse(uri).ok().filter(|uri| uri.scheme() == "otpauth" && uri.host_str() == Some("totp"))?;
        let mut secret = None;
        for (name, value) in uri.query_pairs() {
            match &*name {
                "secret" if secret.is_some() => return None,
                "secret" => secret = Some(value.trim_end_matches('=').to_ascii_uppercase()),
                "algorithm" if !value.eq_ignore_ascii_case("SHA1") => return None,
                "digits" if value != "6" => return None,
                "period" if value != "30" => return None,
                _ => {}
            }
        }
        Self::parse(&secret?)
    }

    /// The `otpauth` URI that a QR code holds.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let (issuer, account) = (encode(issuer), encode(account));
        format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            self.base32()
        )
    }

    /// The code of a step (RFC 4226 section 5.3).
    fn code(&self, step: u64) -> [u8; DIGITS] {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let digest = tag.as_ref();
        let offset = usize::from(digest.last().copied().unwrap_or_default() & 0x0f);
        let four = digest.iter().skip(offset).take(4);
        let mut number = four.fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7fff_ffff;
        let mut code = [b'0'; DIGITS];
        for digit in code.iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
        code
    }

    /// The step after `last` that a code is of, if it is right about `now`. In the same time whichever it is.
    fn step_of(&self, code: &str, last: u64, now: Timestamp) -> Option<u64> {
        let typed: Vec<u8> =
            code.bytes().filter(|byte| !byte.is_ascii_whitespace()).take(DIGITS + 1).collect();
        let present = u64::try_from(now.seconds()).ok()? / STEP_SECONDS;
        let mut found = None;
        for step in present.saturating_sub(TOLERANCE)..=present.saturating_add(TOLERANCE) {
            let right: Choice = self.code(step).as_slice().ct_eq(&typed);
            if bool::from(right) && step > last {
                found = Some(step);
            }
        }
        found
    }
}

impl Totp {
    /// Sets an app up by the first code that it shows, which is used up with that; `None` if the code is wrong.
    pub fn enrol(secret: TotpSecret, code: &str, now: Timestamp) -> Option<Self> {
        let last_step = secret.step_of(code, 0, now)?;
        Some(Self { secret, last_step })
    }

    /// The app after a right code; `None` if the code is wrong or was used.
    #[must_use]
    pub fn consume(&self, code: &str, now: Timestamp) -> Option<Self> {
        let last_step = self.secret.step_of(code, self.last_step, now)?;
        Some(Self { last_step, ..self.clone() })
    }

    /// An app that was set up elsewhere, where codes until `last_step` were used.
    pub const fn imported(secret: TotpSecret, last_step: u64) -> Self {
        Self { secret, last_step }
    }

    /// The secret, for whoever may take it elsewhere.
    pub const fn secret(&self) -> &TotpSecret {
        &self.secret
    }

    /// The last step of which a code was used.
    pub const fn last_step(&self) -> u64 {
        self.last_step
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

impl Drop for TotpSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Serialize for TotpSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.base32())
    }
}

impl<'de> Deserialize<'de> for TotpSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("not a secret of 128 to 512 bits in base 32"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238 appendix B.
    fn rfc() -> TotpSecret {
        TotpSecret(b"12345678901234567890".to_vec())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, of whose eight digits these are the last six.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert!(Totp::enrol(rfc(), code, at(seconds)).is_some(), "{seconds}");
            assert!(Totp::enrol(rfc(), "000000", at(seconds)).is_none(), "{seconds}");
        }
    }

    #[test]
    fn one_step_is_tolerated_either_way() {
        // The code of the step that begins at 1_111_111_110.
        for (seconds, right) in [
            (1_111_111_079, false),
            (1_111_111_080, true),
            (1_111_111_110, true),
            (1_111_111_169, true),
            (1_111_111_170, false),
        ] {
            assert_eq!(Totp::enrol(rfc(), "050471", at(seconds)).is_some(), right, "{seconds}");
        }
    }

    #[test]
    fn a_step_is_used_once_and_those_before_it_with_it() {
        let now = at(1_111_111_111);
        let step = 1_111_111_111 / STEP_SECONDS;
        let code = |step| String::from_utf8(rfc().code(step).to_vec()).unwrap();
        let totp = Totp::enrol(rfc(), &code(step), now).unwrap();
        assert_eq!(totp.consume(&code(step), now), None, "it was used to set the app up");
        assert_eq!(totp.consume(&code(step - 1), now), None, "an older one");
        let next = totp.consume(&code(step + 1), now).unwrap();
        assert_eq!(next.consume(&code(step + 1), now), None);
        assert!(next.consume(&code(step + 2), at(1_111_111_141)).is_some());
    }

    #[test]
    fn what_is_no_code_is_wrong() {
        let now = at(1_111_111_111);
        assert!(Totp::enrol(rfc(), " 050 471 ", now).is_some(), "apps show it with a gap");
        for code in ["", "05047", "0504711", "50471", "05047x", "٠٥٠٤٧١"] {
            assert!(Totp::enrol(rfc(), code, now).is_none(), "{code:?}");
        }
    }

    #[test]
    fn base32_is_that_of_rfc_4648_and_comes_back() {
        assert_eq!(rfc().base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(TotpSecret::parse(&rfc().base32()), Some(rfc()));
        // Too short; in small letters; with a digit that is none; with bits, or a letter, left over.
        for text in [
            "",
            "GEZDGNBVGY3TQOJQ",
            "gezdgnbvgy3tqojqgezdgnbvgy3tqojq",
            "1EZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "GEZDGNBVGY3TQOJQGEZDGNBVGZ",
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3",
        ] {
            assert_eq!(TotpSecret::parse(text), None, "{text}");
        }
        for length in LENGTHS {
            let secret = TotpSecret((0..).take(length).collect());
            assert_eq!(TotpSecret::parse(&secret.base32()), Some(secret), "{length}");
        }
        assert_eq!(TotpSecret::parse(&TotpSecret(vec![0; 65]).base32()), None);
    }

    #[test]
    fn uri_from_elsewhere_is_read_if_its_codes_are_made_so() {
        let of = |query: &str| TotpSecret::from_uri(&format!("otpauth://totp/Acme:ada?{query}"));
        let secret = "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        assert_eq!(TotpSecret::from_uri(&rfc().uri("Acme", "ada")), Some(rfc()));
        assert_eq!(of(&format!("{secret}&issuer=Acme")), Some(rfc()));
        assert_eq!(of(&format!("{}&algorithm=sha1", secret.to_lowercase())), Some(rfc()));
        for query in [
            String::new(),
            "secret=GEZDGNBVGY3TQOJQ".to_owned(),
            format!("{secret}&{secret}"),
            format!("{secret}&algorithm=SHA256"),
            format!("{secret}&digits=8"),
            format!("{secret}&period=60"),
        ] {
            assert_eq!(of(&query), None, "{query}");
        }
        for uri in ["otpauth://hotp/Acme:ada?", "https://totp/Acme:ada?", ""] {
            assert_eq!(TotpSecret::from_uri(&format!("{uri}{secret}")), None, "{uri}");
        }
    }

    #[test]
    fn uri_names_issuer_and_account() {
        assert_eq!(
            rfc().uri("Acme & Co", "ada@example.com"),
            "otpauth://totp/Acme%20%26%20Co:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Acme%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn secret_is_not_printed() {
        assert_eq!(format!("{:?}", rfc()), "TotpSecret(…)");
    }
}
