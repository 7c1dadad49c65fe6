//! A list of known hashes in a file, searched where it lies: that of Have I Been Pwned has 40 GB.
//!
//! The lines are in the order of their hashes, so a search halves what is left with each line that it reads: some forty reads
//! of a few dozen bytes, whatever the list's size.

use std::cmp::Ordering;
use std::io::{Read, Seek, SeekFrom};

use super::{DIGITS, Occurrences, PasswordDigest, count};

/// The longest line, in bytes: the hash, a colon, the longest count, and the line's end.
const LINE_BYTES: usize = DIGITS + 1 + 20 + 2;
/// What one read takes: what is left of a line, and a whole one.
const WINDOW: usize = 2 * LINE_BYTES;
/// The fewest digits of a hash. With ten, one of a thousand good passwords is taken for one of a list of a thousand million;
/// with fewer, more.
const FEWEST_DIGITS: usize = 10;

/// A file is no list that can be searched. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum UnusableList {
    /// It cannot be read.
    #[error("the list cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// There is nothing in it.
    #[error("the list is empty")]
    Empty,
    /// A line is not one of a list.
    #[error(
        "the list has a line at byte {0} that is not 10 to 40 hexadecimal digits, with or without `:` and a count"
    )]
    Malformed(u64),
    /// Its lines are in another order.
    #[error("the list is not in the order of its hashes at byte {0}; take the one that is ordered by hash")]
    Unordered(u64),
}

/// A line of the list.
struct Line {
    start: u64,
    /// Where the next one begins.
    end: u64,
    hash: Vec<u8>,
    found: Occurrences,
}

/// How often a list has a password. A line of fewer digits than a hash has stands for all that begin with it.
pub fn find_in_list(
    mut list: impl Read + Seek,
    digest: &PasswordDigest,
) -> Result<Occurrences, UnusableList> {
    let digits = digest.digits();
    let size = list.seek(SeekFrom::End(0))?;
    if size == 0 {
        return Err(UnusableList::Empty);
    }
    // Lines that begin before `low` are smaller than the digest, those that begin at `high` or behind it are larger.
    let (mut low, mut high) = (0, size);
    let (mut below, mut above): (Option<Vec<u8>>, Option<Vec<u8>>) = (None, None);
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(line) = line_from(&mut list, middle, size)?.filter(|line| line.start < high) else {
            high = middle;
            continue;
        };
        let is_out_of_place = below.as_ref().is_some_and(|below| line.hash < *below)
            || above.as_ref().is_some_and(|above| line.hash > *above);
        if is_out_of_place {
            return Err(UnusableList::Unordered(line.start));
        }
        match line.hash.as_slice().cmp(digits.get(..line.hash.len()).unwrap_or(&digits)) {
            Ordering::Equal => return Ok(line.found),
            Ordering::Less => (low, below) = (line.end, Some(line.hash)),
            Ordering::Greater => (high, above) = (middle, Some(line.hash)),
        }
    }
    Ok(Occurrences::Never)
}

/// The first line that begins at a place or behind it.
fn line_from(list: &mut (impl Read + Seek), at: u64, size: u64) -> Result<Option<Line>, UnusableList> {
    // From the byte before: a line begins here if that one ends there.
    let from = at.saturating_sub(1);
    list.seek(SeekFrom::Start(from))?;
    let mut window = Vec::with_capacity(WINDOW);
    list.take(WINDOW as u64).read_to_end(&mut window)?;
    let is_end = from + window.len() as u64 >= size;
    let malformed = || UnusableList::Malformed(from);
    let rest = if at == 0 {
        window.as_slice()
    } else {
        let Some(end) = window.iter().position(|b| *b == b'\n') else {
            return if is_end { Ok(None) } else { Err(malformed()) };
        };
        window.get(end + 1..).unwrap_or_default()
    };
    if rest.is_empty() && is_end {
        return Ok(None);
    }
    let start = from + (window.len() - rest.len()) as u64;
    let (text, end) = match rest.iter().position(|b| *b == b'\n') {
        Some(length) => (rest.get(..length).unwrap_or_default(), start + length as u64 + 1),
        None if is_end => (rest, size),
        None => return Err(malformed()),
    };
    let (hash, found) =
        parse(text.strip_suffix(b"\r").unwrap_or(text)).ok_or(UnusableList::Malformed(start))?;
    Ok(Some(Line { start, end, hash, found }))
}

fn parse(text: &[u8]) -> Option<(Vec<u8>, Occurrences)> {
    let colon = text.iter().position(|b| *b == b':').unwrap_or(text.len());
    let (hash, rest) = text.split_at_checked(colon)?;
    let is_hash = (FEWEST_DIGITS..=DIGITS).contains(&hash.len()) && hash.iter().all(u8::is_ascii_hexdigit);
    let found = match rest.strip_prefix(b":") {
        None => Occurrences::Uncounted,
        Some(digits) => Occurrences::Times(count(digits)?),
    };
    is_hash.then(|| (hash.to_ascii_uppercase(), found))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::password::PlainPassword;

    fn digest(password: &str) -> PasswordDigest {
        PasswordDigest::of(&PlainPassword::new(password))
    }

    fn text(password: &str) -> String {
        String::from_utf8(digest(password).digits().to_vec()).unwrap()
    }

    fn find(list: &str, password: &str) -> Result<Occurrences, String> {
        find_in_list(Cursor::new(list), &digest(password)).map_err(|error| error.to_string())
    }

    /// A list as whoever makes one writes it.
    fn list(passwords: &[String], digits: usize, (with_count, joint, last): (bool, &str, bool)) -> String {
        let counted = passwords.iter().zip(1..);
        let line = |(password, times): (&String, u32)| {
            let hash = text(password)[..digits].to_owned();
            if with_count { format!("{hash}:{times}") } else { hash }
        };
        let mut lines: Vec<String> = counted.map(line).collect();
        lines.sort();
        lines.dedup();
        let end = if last { joint } else { "" };
        format!("{}{end}", lines.join(joint))
    }

    #[test]
    fn every_line_is_found_and_nothing_else_in_every_way_to_write_a_list() {
        for size in [1, 2, 3, 7, 200] {
            let passwords: Vec<String> = (0..size).map(|number| format!("known {number}")).collect();
            for digits in [10, 16, 40] {
                for way in
                    [(true, "\r\n", true), (true, "\n", false), (false, "\n", true), (false, "\r\n", false)]
                {
                    let list = list(&passwords, digits, way);
                    for (at, password) in passwords.iter().enumerate() {
                        let times = u64::try_from(at + 1).unwrap();
                        let expect = if way.0 { Occurrences::Times(times) } else { Occurrences::Uncounted };
                        assert_eq!(find(&list, password), Ok(expect), "{size} {digits} {way:?} {password}");
                    }
                    for number in 0..50 {
                        let other = format!("unknown {number}");
                        assert_eq!(find(&list, &other), Ok(Occurrences::Never), "{size} {digits} {way:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_list_is_said_to_be_none() {
        let long = "A".repeat(500);
        for (list, part) in [
            ("", "is empty"),
            ("password\nletmein\n", "at byte 9"),
            ("5BAA6\n", "at byte 0"),
            ("5BAA61E4C9:x\n", "at byte 0"),
            ("5BAA61E4C9:\n", "at byte 0"),
            ("\n\n\n\n", "at byte"),
            (long.as_str(), "at byte"),
        ] {
            let found = find(list, "password").unwrap_err();
            assert!(found.contains(part), "{list}: {found}");
        }
    }

    /// Attack on ourselves: the list that is ordered by how often passwords were found is just as long, and finds nothing.
    #[test]
    fn list_in_another_order_is_noticed() {
        let mut lines: Vec<String> = (0..1000).map(|number| text(&format!("known {number}"))).collect();
        let unordered = (0..20).filter(|number| find(&lines.join("\n"), &format!("known {number}")).is_err());
        assert!(unordered.count() > 10, "hashes of counted passwords are in no order");
        lines.sort();
        lines.reverse();
        assert!(find(&lines.join("\n"), "known 1").unwrap_err().contains("order"));
    }

    proptest! {
        #[test]
        fn any_file_is_searched_or_refused(file: Vec<u8>) {
            let _ = find_in_list(Cursor::new(file), &digest("password"));
        }

        #[test]
        fn search_finds_what_reading_does(numbers in proptest::collection::btree_set(0_u32..500, 0..60), asked in 0_u32..500) {
            prop_assume!(!numbers.is_empty());
            let passwords: Vec<String> = numbers.iter().map(|number| format!("p{number}")).collect();
            let list = list(&passwords, 40, (false, "\n", true));
            let expect = if numbers.contains(&asked) { Occurrences::Uncounted } else { Occurrences::Never };
            prop_assert_eq!(find(&list, &format!("p{asked}")), Ok(expect));
        }
    }
}
