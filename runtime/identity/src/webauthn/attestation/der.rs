//! DER (X.690 section 10) as certificates and their extensions are written: a reader that borrows and allocates nothing.
//!
//! Attack: lengths that reach behind the end, or a second way to write the same value. Every value is within the one
//! that it stands in; a length or a tag that is not in its shortest form is refused, and so is what no certificate needs
//! (indefinite lengths, values of more than 64 KiB).

/// A class, a form and a number (X.690 section 8.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(u8, u32);

impl Tag {
    pub(super) const BOOLEAN: Self = Self(0, 1);
    pub(super) const INTEGER: Self = Self(0, 2);
    pub(super) const BIT_STRING: Self = Self(0, 3);
    pub(super) const OCTET_STRING: Self = Self(0, 4);
    pub(super) const OBJECT_IDENTIFIER: Self = Self(0, 6);
    pub(super) const ENUMERATED: Self = Self(0, 10);
    pub(super) const SEQUENCE: Self = Self(0x20, 16);
    pub(super) const SET: Self = Self(0x20, 17);

    /// `[number]`, around other values.
    pub(super) const fn context(number: u32) -> Self {
        Self(0xa0, number)
    }

    /// Whether values of it are text in ASCII or UTF-8: `UTF8String`, `PrintableString`, `IA5String`.
    const fn is_text(self) -> bool {
        matches!(self, Self(0, 12 | 19 | 22))
    }
}

/// The bytes are not DER. The client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not DER")]
pub(super) struct Malformed;

/// What is left to read of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing follows.
    pub(super) const fn end(self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// The next value, whatever it is.
    pub(super) fn any(&mut self) -> Result<(Tag, &'a [u8]), Malformed> {
        let tag = self.tag()?;
        let length = self.length()?;
        let (value, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok((tag, value))
    }

    /// The next value, which must have a tag.
    pub(super) fn value(&mut self, tag: Tag) -> Result<&'a [u8], Malformed> {
        let (found, value) = self.any()?;
        if found == tag { Ok(value) } else { Err(Malformed) }
    }

    /// The next value, if it has a tag.
    pub(super) fn optional(&mut self, tag: Tag) -> Result<Option<&'a [u8]>, Malformed> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut ahead = *self;
        let (found, value) = ahead.any()?;
        if found != tag {
            return Ok(None);
        }
        *self = ahead;
        Ok(Some(value))
    }

    /// What is inside the next value, which must have a tag.
    pub(super) fn inside(&mut self, tag: Tag) -> Result<Self, Malformed> {
        self.value(tag).map(Self)
    }

    /// The next value as a number that is not negative and has four bytes at most.
    pub(super) fn number(&mut self, tag: Tag) -> Result<u32, Malformed> {
        number(self.value(tag)?)
    }

    /// The next value as text.
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let (tag, value) = self.any()?;
        if !tag.is_text() {
            return Err(Malformed);
        }
        std::str::from_utf8(value).map_err(|_| Malformed)
    }

    fn tag(&mut self) -> Result<Tag, Malformed> {
        let first = self.byte()?;
        let (class, low) = (first & 0xe0, first & 0x1f);
        if low != 0x1f {
            return Ok(Tag(class, u32::from(low)));
        }
        let mut number = 0_u32;
        loop {
            let next = self.byte()?;
            if number == 0 && next == 0x80 || number >> 24 != 0 {
                return Err(Malformed);
            }
            number = number << 7 | u32::from(next & 0x7f);
            if next & 0x80 == 0 {
                break;
            }
        }
        if number < 0x1f { Err(Malformed) } else { Ok(Tag(class, number)) }
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        match self.byte()? {
            short @ 0..=0x7f => Ok(usize::from(short)),
            0x81 => Some(usize::from(self.byte()?)).filter(|length| *length >= 0x80).ok_or(Malformed),
            0x82 => {
                let length = usize::from(self.byte()?) << 8 | usize::from(self.byte()?);
                if length > 0xff { Ok(length) } else { Err(Malformed) }
            }
            _ => Err(Malformed),
        }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }
}

/// The value of an `INTEGER` or an `ENUMERATED`.
pub(super) fn number(value: &[u8]) -> Result<u32, Malformed> {
    unsigned(value)?.iter().try_fold(0_u32, |number, byte| {
        if number >> 24 == 0 { Ok(number << 8 | u32::from(*byte)) } else { Err(Malformed) }
    })
}

/// The bytes of an `INTEGER` that is not negative, without the one that says so.
pub(super) fn unsigned(value: &[u8]) -> Result<&[u8], Malformed> {
    match value {
        [0x80..=0xff, ..] | [0, 0..=0x7f, ..] | [] => Err(Malformed),
        [0, magnitude @ ..] if !magnitude.is_empty() => Ok(magnitude),
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], expect: Result<(Tag, &[u8]), Malformed>) {
        assert_eq!(Der::new(bytes).any(), expect, "{bytes:02x?}");
    }

    #[test]
    fn only_the_shortest_form_is_read() {
        check(&[0x04, 0x02, 1, 2], Ok((Tag::OCTET_STRING, &[1, 2])));
        check(&[0x30, 0x00], Ok((Tag::SEQUENCE, &[])));
        check(&[0xa3, 0x01, 9], Ok((Tag::context(3), &[9])));
        // [600] of an authorization list.
        check(&[0xbf, 0x84, 0x58, 0x00], Ok((Tag::context(600), &[])));
        let long = [&[0x04, 0x81, 0x80][..], &[7; 128]].concat();
        check(&long, Ok((Tag::OCTET_STRING, &[7; 128])));
        check(&[], Err(Malformed));
        check(&[0x04], Err(Malformed));
        check(&[0x04, 0x03, 1, 2], Err(Malformed));
        check(&[0x04, 0x80, 0, 0], Err(Malformed));
        check(&[0x04, 0x81, 0x01, 1], Err(Malformed));
        check(&[0x04, 0x82, 0x00, 0x01, 1], Err(Malformed));
        check(&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff], Err(Malformed));
        // Tags that have a shorter form, or none that ends.
        check(&[0xbf, 0x1e, 0x00], Err(Malformed));
        check(&[0xbf, 0x80, 0x58, 0x00], Err(Malformed));
        check(&[0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x00], Err(Malformed));
    }

    #[test]
    fn numbers_are_small_and_not_negative() {
        assert_eq!(number(&[0]), Ok(0));
        assert_eq!(number(&[0x7f]), Ok(127));
        assert_eq!(number(&[0, 0x80]), Ok(128));
        assert_eq!(number(&[0, 0xff, 0xff, 0xff, 0xff]), Ok(u32::MAX));
        for refused in [&[][..], &[0x80], &[0, 0x7f], &[1, 0, 0, 0, 0], &[0, 0xff, 0, 0, 0, 0]] {
            assert_eq!(number(refused), Err(Malformed), "{refused:02x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut der = Der::new(&bytes);
            while let Ok((_, value)) = der.any() {
                let _ = Der::new(value).text();
                let _ = number(value);
            }
        }
    }
}
