//! What a person types (RFC 8628 section 6.1).

use std::fmt;

use primitives::{KeyedHash, Rng};
use serde::{Deserialize, Serialize};

use crate::server::AuthorizationServer;

/// Consonants: no vowels, so that no words come up, and nothing that looks like something else.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// 20⁸ codes: 34 bits.
const LENGTH: usize = 8;
/// Longer texts are not read.
const MOST_TYPED: usize = 64;

const PURPOSE: &str = "oauth2_user_code";

/// Eight letters of an alphabet without vowels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserCode(String);

/// Whoever knows it may answer: it stands in no log.
impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(…)")
    }
}

impl UserCode {
    /// Draws one; each code is as likely as any other.
    pub(super) fn generate(rng: &dyn Rng) -> Self {
        let mut code = String::with_capacity(LENGTH);
        while code.len() < LENGTH {
            let mut bytes = [0; 16];
            rng.fill(&mut bytes);
            // The largest multiple of 20 in a byte: what is above it would favour the first letters.
            let even = bytes.into_iter().filter(|byte| *byte < 240);
            let letters = even.filter_map(|byte| ALPHABET.get(usize::from(byte) % ALPHABET.len()));
            code.extend(letters.map(|letter| char::from(*letter)).take(LENGTH - code.len()));
        }
        Self(code)
    }

    /// Reads what somebody typed: case does not matter, nor what is no letter of a code.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > MOST_TYPED {
            return None;
        }
        let letters = typed.bytes().map(|byte| byte.to_ascii_uppercase());
        let code: String = letters.filter(|byte| ALPHABET.contains(byte)).map(char::from).collect();
        (code.len() == LENGTH).then_some(Self(code))
    }

    /// The hash under which a new one is stored.
    pub(super) fn hash(&self, server: &AuthorizationServer) -> KeyedHash {
        server.sealer.hash(&server.tenant, PURPOSE, self.0.as_bytes())
    }

    /// The hashes under which it may be stored.
    pub(super) fn hashes(&self, server: &AuthorizationServer) -> Vec<KeyedHash> {
        server.sealer.hashes(&server.tenant, PURPOSE, self.0.as_bytes())
    }
}

/// As people read it: `BCDF-GHJK`.
impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at_checked(LENGTH / 2).unwrap_or((&self.0, ""));
        write!(f, "{first}-{second}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use primitives::rng::SeededRng;

    use super::*;

    #[test]
    fn case_and_punctuation_do_not_matter() {
        let check = |typed: &str, expect: Option<&str>| {
            let read = UserCode::parse(typed).map(|code| code.to_string());
            assert_eq!(read.as_deref(), expect, "{typed:?}");
        };
        check("BCDF-GHJK", Some("BCDF-GHJK"));
        check("bcdfghjk", Some("BCDF-GHJK"));
        check(" bcdf ghjk\t.", Some("BCDF-GHJK"));
        check("b\u{2013}cdf\u{a0}ghjk", Some("BCDF-GHJK"));
        check("BCDF-GHJ", None);
        check("BCDF-GHJKL", None);
        check("", None);
        check(&format!("BCDFGHJK{}", "-".repeat(60)), None);
    }

    #[test]
    fn every_letter_is_about_as_likely() {
        let rng = SeededRng::new(7);
        let mut seen = BTreeMap::new();
        for _ in 0..2_000 {
            let code = UserCode::generate(&rng);
            assert_eq!(UserCode::parse(&code.to_string()), Some(code.clone()));
            code.0.bytes().for_each(|letter| *seen.entry(letter).or_insert(0_u32) += 1);
        }
        assert_eq!(seen.len(), ALPHABET.len());
        // 800 expected of each; the source is seeded, so that this is no matter of luck.
        assert!(seen.values().all(|count| (680..920).contains(count)), "{seen:?}");
    }
}
