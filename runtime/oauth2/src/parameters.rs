//! Request parameters in form encoding, as every endpoint of OAuth takes them (RFC 6749 section 3).

use std::borrow::Cow;

use url::form_urlencoded;

/// More parameters than any request has.
const MOST: usize = 64;

/// The parameters of one request. A parameter without a value counts as omitted (RFC 6749 section 3.1).
#[derive(Debug, Clone, Default)]
pub struct Parameters<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    repeated: Option<Cow<'a, str>>,
    too_many: bool,
}

/// Parameters that may occur several times (RFC 8707 section 2).
pub(crate) const REPEATABLE: [&str; 2] = ["resource", "audience"];

impl<'a> Parameters<'a> {
    /// Reads a query or a form body.
    pub fn parse(encoded: &'a [u8]) -> Self {
        Self::collect(form_urlencoded::parse(encoded))
    }

    /// Takes decoded pairs.
    pub fn collect(decoded: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Self {
        let mut parameters = Self { pairs: Vec::with_capacity(8), ..Self::default() };
        for (name, value) in decoded {
            if parameters.pairs.len() == MOST {
                parameters.too_many = true;
                break;
            }
            let known = parameters.pairs.iter().any(|(other, _)| *other == name);
            if known && !REPEATABLE.contains(&name.as_ref()) {
                parameters.repeated.get_or_insert(name);
                continue;
            }
            parameters.pairs.push((name, value));
        }
        parameters
    }

    /// Takes pairs that were kept.
    pub(crate) fn kept(pairs: &'a [(String, String)]) -> Self {
        Self::collect(pairs.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())))
    }

    /// The value of a parameter that has one.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(other, value)| other == name && !value.is_empty())
            .map(|(_, value)| value.as_ref())
    }

    /// Every value of a repeatable parameter.
    pub fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        self.pairs
            .iter()
            .filter(move |(other, value)| other == name && !value.is_empty())
            .map(|(_, value)| value.as_ref())
    }

    /// Every parameter that has a value.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The values of a parameter that holds a list separated by spaces.
    pub fn words<'b>(&'b self, name: &str) -> impl Iterator<Item = &'b str> {
        self.find(name).unwrap_or("").split(' ').filter(|word| !word.is_empty())
    }

    /// The first parameter that was given twice, which makes any request invalid (RFC 6749 section 3.1).
    pub fn repeated(&self) -> Option<&str> {
        self.repeated.as_deref()
    }

    /// Whether there were more parameters than any request has.
    pub const fn too_many(&self) -> bool {
        self.too_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_counts_as_omitted_and_twice_is_noticed() {
        let parameters = Parameters::parse(b"a=1&b=&c=x+y%20z&a=2&resource=r&resource=s");
        assert_eq!(parameters.find("a"), Some("1"));
        assert_eq!(parameters.find("b"), None);
        assert_eq!(parameters.words("c").collect::<Vec<_>>(), ["x", "y", "z"]);
        assert_eq!(parameters.repeated(), Some("a"));
        assert_eq!(parameters.all("resource").collect::<Vec<_>>(), ["r", "s"]);
        assert!(!parameters.too_many());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_within_bounds(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            let parameters = Parameters::parse(&bytes);
            assert!(parameters.pairs.len() <= MOST);
            assert!(parameters.pairs.iter().all(|(name, _)| parameters.find(name) != Some("")));
        }

        #[test]
        fn repetition_is_noticed(names in proptest::collection::vec("[a-d]|resource|audience", 0..8)) {
            let encoded = names.iter().map(|name| format!("{name}=1")).collect::<Vec<_>>().join("&");
            let twice = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
            let expect = names.iter().any(|name| twice(name) && !REPEATABLE.contains(&name.as_str()));
            assert_eq!(Parameters::parse(encoded.as_bytes()).repeated().is_some(), expect);
        }
    }

    #[test]
    fn parameter_flood_is_cut_off() {
        let many = (0..100).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(Parameters::parse(many.as_bytes()).too_many());
    }
}
