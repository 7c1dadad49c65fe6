//! What a server knows of a prefix: the answer to `GET /range/{prefix}` as Have I Been Pwned gives it, and its mirrors.

use super::{DIGITS, HashPrefix, Occurrences, PasswordDigest, count, nibble};

/// The most of an answer that is read, in bytes. The longest of Have I Been Pwned have a tenth of it.
const ANSWER_BYTES: usize = 512 << 10;
/// Digits of a hash after its prefix.
const SUFFIX: usize = DIGITS - 5;

/// The known hashes with one prefix, in their order, with how often each was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreachRange(Box<[([u8; 20], u64)]>);

/// What came is not what is known of a prefix. The server's to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is no range of hashes: lines of 35 hexadecimal digits, a colon and a count")]
pub struct MalformedRange;

impl BreachRange {
    /// The most of an answer that is read, in bytes.
    pub const MOST_BYTES: usize = ANSWER_BYTES;

    /// Reads an answer. Entries with the count 0 are padding and left out. An answer with no line at all is none: every
    /// prefix has some, and a page of whoever stands between is not to be taken for "no such password".
    pub fn parse(prefix: HashPrefix, body: &[u8]) -> Result<Self, MalformedRange> {
        if body.len() > ANSWER_BYTES {
            return Err(MalformedRange);
        }
        let prefix = prefix.to_string();
        let lines = body.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        let mut known = Vec::new();
        let mut is_empty = true;
        for line in lines {
            is_empty = false;
            let (suffix, found) = line.split_at_checked(SUFFIX).ok_or(MalformedRange)?;
            let hash = hash_of(prefix.as_bytes(), suffix).ok_or(MalformedRange)?;
            match found.strip_prefix(b":").and_then(count).ok_or(MalformedRange)? {
                0 => {}
                found => known.push((hash, found)),
            }
        }
        if is_empty {
            return Err(MalformedRange);
        }
        known.sort_unstable();
        Ok(Self(known.into()))
    }

    /// How often a password was found.
    pub fn find(&self, digest: &PasswordDigest) -> Occurrences {
        let place = self.0.binary_search_by(|(hash, _)| hash.cmp(&digest.0));
        let found = place.ok().and_then(|place| self.0.get(place));
        found.map_or(Occurrences::Never, |(_, times)| Occurrences::Times(*times))
    }

    /// What it takes of memory, in bytes.
    pub(super) fn weight(&self) -> u32 {
        u32::try_from(size_of_val(&*self.0) + 128).unwrap_or(u32::MAX)
    }
}

fn hash_of(prefix: &[u8], suffix: &[u8]) -> Option<[u8; 20]> {
    let mut hash = [0; 20];
    for (at, digit) in prefix.iter().chain(suffix).enumerate() {
        let byte = hash.get_mut(at / 2)?;
        *byte = (*byte << 4) | nibble(*digit)?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::password::PlainPassword;

    /// SHA-1 of `password`, after its prefix.
    const PASSWORD: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";

    fn digest() -> PasswordDigest {
        PasswordDigest::of(&PlainPassword::new("password"))
    }

    fn check(body: &str, expect: Result<Occurrences, MalformedRange>) {
        let range = BreachRange::parse(digest().prefix(), body.as_bytes());
        assert_eq!(range.map(|range| range.find(&digest())), expect, "{body:?}");
    }

    #[test]
    fn range_tells_how_often_a_password_was_found() {
        let other = "0000000000000000000000000000000000A";
        for joint in ["\r\n", "\n"] {
            check(&format!("{other}:2{joint}{PASSWORD}:9545824{joint}"), Ok(Occurrences::Times(9_545_824)));
            // In any order, and in lower case, as mirrors have them.
            let lower = PASSWORD.to_lowercase();
            check(&format!("{lower}:7{joint}{other}:2"), Ok(Occurrences::Times(7)));
        }
        check(&format!("{other}:2"), Ok(Occurrences::Never));
    }

    #[test]
    fn padding_is_nobodys_password() {
        check(&format!("{PASSWORD}:0"), Ok(Occurrences::Never));
        check(&format!("{PASSWORD}:0\r\n{PASSWORD}:3"), Ok(Occurrences::Times(3)));
    }

    /// Attack: whoever stands between answers with a page, or with nothing, and every password is a good one.
    #[test]
    fn what_is_no_range_is_no_answer() {
        for body in [
            "",
            "\r\n",
            "<html><body>Please sign in</body></html>",
            "{\"error\": \"rate limit\"}",
            PASSWORD,
            &format!("{PASSWORD}:"),
            &format!("{PASSWORD}:x"),
            &format!("{PASSWORD}:+1"),
            &format!("{PASSWORD}:-1"),
            &format!("{PASSWORD}:99999999999999999999"),
            &format!("{PASSWORD} 1"),
            &format!("{PASSWORD}0:1"),
            &format!("5BAA6{PASSWORD}:1"),
            &format!("{}:1", PASSWORD.replace('E', "G")),
            &format!("{PASSWORD}:1\n<html>"),
        ] {
            check(body, Err(MalformedRange));
        }
        let huge = format!("{PASSWORD}:1\n").repeat(ANSWER_BYTES / 38 + 1);
        assert_eq!(BreachRange::parse(digest().prefix(), huge.as_bytes()), Err(MalformedRange));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>) {
            let _ = BreachRange::parse(digest().prefix(), &body);
        }
    }
}
