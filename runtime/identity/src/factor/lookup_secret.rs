//! Backup codes: look-up secrets (NIST SP 800-63B section 5.1.2), each good once.
//!
//! People may look at them again, so they are kept as they are; the document that holds them is sealed.

use std::fmt;
use std::ops::RangeInclusive;

use primitives::{Rng, Timestamp};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// How many there are.
pub const COUNT: usize = 12;
const LENGTH: usize = 8;
/// Of codes that came from elsewhere: how many there may be, and how long each may be.
const MOST: usize = 64;
const LENGTHS: RangeInclusive<usize> = 6..=64;
/// Without letters that look like digits. 32 of them, so that a byte draws each alike: 40 bits a code.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The backup codes of an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupSecrets(Vec<LookupSecret>);

/// One backup code. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupSecret {
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used_at: Option<Timestamp>,
}

impl LookupSecrets {
    /// Draws new codes.
    pub fn generate(rng: &dyn Rng) -> Self {
        let draw = || {
            let mut bytes = [0; LENGTH];
            rng.fill(&mut bytes);
            let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
            LookupSecret { code: letters.map(|letter| char::from(*letter)).collect(), used_at: None }
        };
        Self((0..COUNT).map(|_| draw()).collect())
    }

    /// Codes that were made elsewhere, each with the time of its use. `None` if there are none or too many, if one is too short,
    /// too long or no plain ASCII, or if two are alike.
    pub fn imported(codes: impl IntoIterator<Item = (String, Option<Timestamp>)>) -> Option<Self> {
        let mut secrets: Vec<LookupSecret> = Vec::new();
        for (code, used_at) in codes {
            let code = spelt(&code);
            let is_of_form = LENGTHS.contains(&code.len()) && code.bytes().all(|b| b.is_ascii_graphic());
            if !is_of_form || secrets.len() == MOST || secrets.iter().any(|known| known.code == code) {
                return None;
            }
            secrets.push(LookupSecret { code, used_at });
        }
        (!secrets.is_empty()).then_some(Self(secrets))
    }

    /// The same codes, of which those count as used that are used among others.
    #[must_use]
    pub fn used_as(mut self, others: &Self) -> Self {
        for secret in &mut self.0 {
            let other = others.0.iter().find(|other| other.code == secret.code);
            secret.used_at = other.and_then(|other| other.used_at).or(secret.used_at);
        }
        self
    }

    /// The codes, in their order.
    pub fn list(&self) -> &[LookupSecret] {
        &self.0
    }

    /// The codes after one of them was used; why not if it cannot be.
    pub fn consume(&self, typed: &str, now: Timestamp) -> Result<Self, Unusable> {
        let typed = spelt(typed);
        let mut used = self.clone();
        let mut outcome = Err(Unusable::Wrong);
        for secret in &mut used.0 {
            if bool::from(secret.code.as_bytes().ct_eq(typed.as_bytes())) {
                outcome = if secret.used_at.is_some() { Err(Unusable::Used) } else { Ok(()) };
                secret.used_at = secret.used_at.or(Some(now));
            }
        }
        outcome.map(|()| used)
    }
}

/// A code as it is compared: however somebody groups it or writes its letters.
fn spelt(typed: &str) -> String {
    let letters = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    letters.map(|c| c.to_ascii_lowercase()).take(LENGTHS.end() + 1).collect()
}

/// Why a backup code does not count. The person's to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is none of theirs.
    #[error("the backup code is wrong")]
    Wrong,
    /// It was used before.
    #[error("the backup code was used before")]
    Used,
}

impl LookupSecret {
    /// The code, for its owner.
    pub fn expose(&self) -> &str {
        &self.code
    }

    /// When it was used.
    pub const fn used_at(&self) -> Option<Timestamp> {
        self.used_at
    }
}

impl fmt::Debug for LookupSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookupSecret").field("used_at", &self.used_at).finish_non_exhaustive()
    }
}

impl Drop for LookupSecret {
    fn drop(&mut self) {
        self.code.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn codes_differ_and_are_easy_to_read() {
        let codes = LookupSecrets::generate(&SeededRng::new(1));
        let mut texts: Vec<&str> = codes.list().iter().map(LookupSecret::expose).collect();
        assert!(texts.iter().all(|code| code.len() == LENGTH && !code.contains(['0', 'o', '1', 'l'])));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), COUNT);
    }

    #[test]
    fn each_code_counts_once() {
        let codes = LookupSecrets::generate(&SeededRng::new(1));
        let code = codes.list()[3].expose().to_owned();
        let used = codes.consume(&code, NOW).unwrap();
        assert_eq!(used.consume(&code, NOW), Err(Unusable::Used));
        assert_eq!(used.list()[3].used_at(), Some(NOW));
        assert_eq!(used.list().iter().filter(|code| code.used_at().is_some()).count(), 1);
        assert!(used.consume(codes.list()[4].expose(), NOW).is_ok());
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        let codes = LookupSecrets::generate(&SeededRng::new(1));
        let code = codes.list()[0].expose();
        let spelt = format!(" {}-{} ", code[..4].to_uppercase(), &code[4..]);
        assert!(codes.consume(&spelt, NOW).is_ok());
        for wrong in ["", "aaaaaaaa", &code[..7], &format!("{code}a")] {
            assert_eq!(codes.consume(wrong, NOW), Err(Unusable::Wrong), "{wrong}");
        }
    }

    #[test]
    fn codes_from_elsewhere_are_read_as_people_type_them() {
        let import =
            |codes: &[&str]| LookupSecrets::imported(codes.iter().map(|code| ((*code).to_owned(), None)));
        let codes = import(&["ABCD-1234-efgh", "zyxwvu"]).unwrap();
        assert!(codes.consume("abcd1234EFGH", NOW).is_ok());
        assert_eq!(codes.consume("abcd1234", NOW), Err(Unusable::Wrong));
        let used = LookupSecrets::imported([("abcdef".to_owned(), Some(NOW))]).unwrap();
        assert_eq!(used.consume("abcdef", NOW), Err(Unusable::Used));
        let many: Vec<String> = (0..=MOST).map(|at| format!("abcdef{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(import(&many[..MOST]).is_some());
        let long = "a".repeat(65);
        for codes in [&[][..], &["abcde"], &[&long], &["abcdef", "ABC-DEF"], &["äbcdef"], &many] {
            assert_eq!(import(codes), None, "{codes:?}");
        }
    }

    #[test]
    fn codes_are_not_printed() {
        let codes = LookupSecrets::generate(&SeededRng::new(1));
        assert!(!format!("{codes:?}").contains(codes.list()[0].expose()));
    }
}
