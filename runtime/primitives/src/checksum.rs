//! The checksum at the end of a token: six characters that say whether a text was ever a token at all.
//!
//! It proves nothing, and is no secret: everybody can compute it. A scanner that finds a text of a token's form in a repository
//! knows by it that it is no example; and a server refuses what somebody made up or cut off before it looks anything up.

/// How many characters it has.
pub const LENGTH: usize = 6;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A text with its checksum behind it: CRC-32 (ISO 3309, as zip and PNG have it) of all of it, in base 62, the highest digit first.
pub fn with_checksum(mut text: String) -> String {
    let digits = digits(crc32(text.as_bytes()));
    text.extend(digits.map(char::from));
    text
}

/// The text before its checksum; `None` if it is not the right one.
pub fn strip_checksum(text: &str) -> Option<&str> {
    let (before, checksum) = text.split_at_checked(text.len().checked_sub(LENGTH)?)?;
    (checksum.as_bytes() == digits(crc32(before.as_bytes()))).then_some(before)
}

/// Bit by bit: tokens are short, and a table would be larger than what it saves.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// 62⁶ is more than 2³².
fn digits(mut number: u32) -> [u8; LENGTH] {
    let mut digits = [b'0'; LENGTH];
    for digit in digits.iter_mut().rev() {
        let place = usize::try_from(number % 62).unwrap_or_default();
        *digit = DIGITS.get(place).copied().unwrap_or(b'0');
        number /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_the_known_one() {
        // The check value of CRC-32/ISO-HDLC in every catalogue.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
        // 3421780262 in base 62.
        assert_eq!(with_checksum("123456789".to_owned()), "1234567893jZRME");
        assert_eq!(with_checksum(String::new()), "000000");
    }

    #[test]
    fn every_other_text_is_refused() {
        let right = with_checksum("pc_at_abc".to_owned());
        assert_eq!(strip_checksum(&right), Some("pc_at_abc"));
        for place in 0..right.len() {
            let mut other = right.clone().into_bytes();
            other[place] = if other[place] == b'x' { b'y' } else { b'x' };
            assert_eq!(strip_checksum(std::str::from_utf8(&other).unwrap()), None, "{place}");
        }
        for short in ["", "abc", "é12345", right.strip_suffix(|_: char| true).unwrap()] {
            assert_eq!(strip_checksum(short), None, "{short}");
        }
    }
}
