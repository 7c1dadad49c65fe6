//! The cookies of a request, as whoever sends them has them (RFC 6265 section 4.2): anybody on a sibling domain adds some.

/// What a `Cookie` header holds, by name and value, in the order in which it was sent. What is no pair is passed over.
pub fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn each_pair_is_its_own_and_in_its_place() {
        for (header, expect) in [
            ("a=1; b=2;a=3", &[("a", "1"), ("b", "2"), ("a", "3")][..]),
            ("", &[]),
            ("a=1", &[("a", "1")]),
            ("a=b=c;\t d=", &[("a", "b=c"), ("d", "")]),
            ("; lone ;=x", &[("", "x")]),
            ("a=\"1; b=2\"", &[("a", "\"1"), ("b", "2\"")]),
        ] {
            assert_eq!(pairs(header).collect::<Vec<_>>(), expect, "{header:?}");
        }
    }
}
