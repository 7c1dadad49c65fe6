//! A square picture in black and white as a PNG (W3C PNG, third edition).
//!
//! Some kilobytes that nobody keeps: the data is stored, not compressed (RFC 1951 section 3.2.4).

/// The picture of `side` × `side` pixels, of which `is_dark` says which are black.
pub(super) fn grey(side: u32, is_dark: impl Fn(u32, u32) -> bool) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    // One bit a pixel, grey, no interlacing.
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[1, 0, 0, 0, 0]].concat();
    chunk(&mut png, *b"IHDR", &header);
    let mut rows = Vec::new();
    for y in 0..side {
        // No filter.
        rows.push(0);
        for start in (0..side).step_by(8) {
            let bits =
                (start..start + 8).fold(0_u8, |bits, x| bits << 1 | u8::from(x < side && !is_dark(x, y)));
            rows.push(bits);
        }
    }
    chunk(&mut png, *b"IDAT", &zlib(&rows));
    chunk(&mut png, *b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    png.extend(u32::try_from(data.len()).unwrap_or_default().to_be_bytes());
    let start = png.len();
    png.extend(kind);
    png.extend(data);
    let crc = crc32(png.get(start..).unwrap_or_default());
    png.extend(crc.to_be_bytes());
}

/// RFC 1950 around stored blocks.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = data.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        stream.push(u8::from(blocks.peek().is_none()));
        let length = u16::try_from(block.len()).unwrap_or_default();
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler32(data).to_be_bytes());
    stream
}

fn adler32(data: &[u8]) -> u32 {
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (b + a) % 65521)
    });
    b << 16 | a
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_are_those_of_the_specifications() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn pixels_stand_in_their_rows() {
        let png = grey(9, |x, y| x == y);
        assert_eq!(png[16..24], [0, 0, 0, 9, 0, 0, 0, 9]);
        // 9 rows of a filter byte and two bytes of pixels, after the headers of chunk, stream and block.
        let data = &png[41..41 + 7 + 27];
        assert_eq!(data[7..10], [0, 0b0111_1111, 0b1000_0000]);
        assert_eq!(data[31..34], [0, 0xff, 0]);
    }
}
