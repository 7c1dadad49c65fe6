//! CBOR (RFC 8949) as authenticators write it: a bounded reader of the CTAP2 canonical form.
//!
//! Attack: a few bytes that claim an array of four billion, or maps in maps in maps, take the node's memory or its
//! stack. Nothing is allocated for what is only claimed; the depth and the number of items have a bound; whatever
//! the canonical form does not have (indefinite lengths, tags, floats, a key twice) is refused.

/// An attestation statement is the deepest: a map of a map of an array.
const MOST_DEPTH: usize = 4;
const MOST_ITEMS: usize = 128;

/// A data item; what is long stays where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Self>),
    Map(Map<'a>),
    /// `false`, `true` or `null`: nothing here asks for one.
    Simple,
}

/// A map. Its keys are integers or texts, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Map<'a>(Vec<(Item<'a>, Item<'a>)>);

/// The bytes are not CBOR of the canonical form, or more than anybody needs. The client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not CBOR as authenticators write it")]
pub(super) struct Malformed;

impl<'a> Map<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn text(&self, key: &str) -> Option<&Item<'a>> {
        self.find(&Item::Text(key))
    }

    pub(super) fn integer(&self, key: i64) -> Option<&Item<'a>> {
        self.find(&Item::Integer(key))
    }

    fn find(&self, key: &Item<'_>) -> Option<&Item<'a>> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}

impl<'a> Item<'a> {
    pub(super) const fn as_bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    pub(super) const fn as_text(&self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) const fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    pub(super) const fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items.as_slice()) } else { None }
    }

    pub(super) const fn as_map(&self) -> Option<&Map<'a>> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }
}

/// Reads one map, and nothing after it.
pub(super) fn read_map(bytes: &[u8]) -> Result<Map<'_>, Malformed> {
    let (map, rest) = read_first_map(bytes)?;
    if rest.is_empty() { Ok(map) } else { Err(Malformed) }
}

/// Reads one map, and returns what follows it.
pub(super) fn read_first_map(bytes: &[u8]) -> Result<(Map<'_>, &[u8]), Malformed> {
    let mut reader = Reader { rest: bytes, items: 0 };
    match reader.item(0)? {
        Item::Map(map) => Ok((map, reader.rest)),
        _ => Err(Malformed),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    items: usize,
}

impl<'a> Reader<'a> {
    fn item(&mut self, depth: usize) -> Result<Item<'a>, Malformed> {
        self.items += 1;
        if depth > MOST_DEPTH || self.items > MOST_ITEMS {
            return Err(Malformed);
        }
        let first = self.byte()?;
        let (major, info) = (first >> 5, first & 0x1f);
        if major == 7 {
            return if (20..=22).contains(&info) { Ok(Item::Simple) } else { Err(Malformed) };
        }
        let argument = self.argument(info)?;
        match major {
            0 => Ok(Item::Integer(i64::try_from(argument).map_err(|_| Malformed)?)),
            1 => Ok(Item::Integer(-1 - i64::try_from(argument).map_err(|_| Malformed)?)),
            2 => Ok(Item::Bytes(self.take(argument)?)),
            3 => Ok(Item::Text(std::str::from_utf8(self.take(argument)?).map_err(|_| Malformed)?)),
            4 => {
                let mut items = Vec::new();
                for _ in 0..argument {
                    items.push(self.item(depth + 1)?);
                }
                Ok(Item::Array(items))
            }
            5 => self.map(argument, depth).map(Item::Map),
            _ => Err(Malformed),
        }
    }

    fn map(&mut self, pairs: u64, depth: usize) -> Result<Map<'a>, Malformed> {
        let mut map = Map::default();
        for _ in 0..pairs {
            let key = self.item(depth + 1)?;
            if !matches!(key, Item::Integer(_) | Item::Text(_)) || map.find(&key).is_some() {
                return Err(Malformed);
            }
            let value = self.item(depth + 1)?;
            map.0.push((key, value));
        }
        Ok(map)
    }

    /// The number in the first byte or after it, in its shortest form.
    fn argument(&mut self, info: u8) -> Result<u64, Malformed> {
        let bytes = match info {
            0..=23 => return Ok(u64::from(info)),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(Malformed),
        };
        let number = self.take(bytes)?.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let shortest = match bytes {
            1 => number > 23,
            2 => number > 0xff,
            4 => number > 0xffff,
            _ => number > 0xffff_ffff,
        };
        if shortest { Ok(number) } else { Err(Malformed) }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], is_read: bool) {
        assert_eq!(read_map(bytes).is_ok(), is_read, "{bytes:02x?}");
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        check(&[0xa0], true);
        check(&[0xa1, 0x01, 0x26], true);
        check(&[0xa1, 0x63, b'f', b'm', b't', 0x64, b'n', b'o', b'n', b'e'], true);
        check(&[0xa1, 0x01, 0xf5], true);
        check(&[], false);
        check(&[0xa0, 0x00], false);
        check(&[0x80], false);
        // A key twice, or one that is neither a number nor a text.
        check(&[0xa2, 0x01, 0x01, 0x01, 0x02], false);
        check(&[0xa1, 0x41, 0x00, 0x01], false);
        // Indefinite lengths, tags, floats, undefined.
        check(&[0xbf, 0xff], false);
        check(&[0xa1, 0x01, 0x5f, 0xff], false);
        check(&[0xa1, 0x01, 0xc0, 0x01], false);
        check(&[0xa1, 0x01, 0xf9, 0x00, 0x00], false);
        check(&[0xa1, 0x01, 0xf7], false);
        // Not the shortest form.
        check(&[0xa1, 0x01, 0x18, 0x17], false);
        check(&[0xa1, 0x01, 0x19, 0x00, 0xff], false);
        // Not UTF-8.
        check(&[0xa1, 0x01, 0x61, 0xff], false);
    }

    #[test]
    fn claimed_lengths_allocate_nothing() {
        for huge in [
            &[0xa1, 0x01, 0x9a, 0xff, 0xff, 0xff, 0xff][..],
            &[0xa1, 0x01, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0xa1, 0x01, 0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            check(huge, false);
        }
    }

    #[test]
    fn depth_and_number_of_items_have_a_bound() {
        let nested = |depth: usize| {
            let mut bytes = [0xa1, 0x01].repeat(depth);
            bytes.push(0xa0);
            bytes
        };
        check(&nested(MOST_DEPTH), true);
        check(&nested(MOST_DEPTH + 1), false);
        check(&nested(100_000), false);
        let many = |items: u8| [&[0xa1, 0x01, 0x98, items][..], &vec![0x00; usize::from(items)]].concat();
        check(&many(100), true);
        check(&many(200), false);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_first_map(&bytes);
        }
    }
}
