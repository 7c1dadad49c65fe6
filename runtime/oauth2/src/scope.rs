//! Scope lists (RFC 6749 section 3.3).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A list of scopes without repetition, in the order in which they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

/// A scope holds a character that no scope may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope holds a character that is not allowed")]
pub struct InvalidScope;

impl Scopes {
    /// Reads a list separated by spaces.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let mut scopes = Self::default();
        for scope in text.split(' ').filter(|scope| !scope.is_empty()) {
            // scope-token: %x21 / %x23-5B / %x5D-7E
            if !scope.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return Err(InvalidScope);
            }
            scopes.insert(scope);
        }
        Ok(scopes)
    }

    fn insert(&mut self, scope: &str) {
        if !self.contains(scope) {
            self.0.push(scope.to_owned());
        }
    }

    /// Whether the list holds `scope`.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|other| other == scope)
    }

    /// Whether the list holds every scope of `other`.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| self.contains(scope))
    }

    /// The first scope of `other` that the list does not hold.
    pub fn first_missing<'a>(&self, other: &'a Self) -> Option<&'a str> {
        other.0.iter().find(|scope| !self.contains(scope)).map(String::as_str)
    }

    /// Whether an ID token is asked for (OpenID Connect Core section 3.1.2.1).
    pub fn openid(&self) -> bool {
        self.contains("openid")
    }

    /// Whether a refresh token is asked for: `offline_access`, or the older spelling `offline`.
    pub fn offline(&self) -> bool {
        self.contains("offline_access") || self.contains("offline")
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The scopes as a list of texts.
    pub fn to_vec(&self) -> Vec<String> {
        self.0.clone()
    }

    /// The list as it stands in `scope`.
    pub fn to_text(&self) -> String {
        self.0.join(" ")
    }
}

impl<'a> FromIterator<&'a str> for Scopes {
    fn from_iter<I: IntoIterator<Item = &'a str>>(scopes: I) -> Self {
        let mut list = Self::default();
        scopes.into_iter().for_each(|scope| list.insert(scope));
        list
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_lose_repetition_and_refuse_foreign_characters() {
        for (text, expect) in [
            ("", Some("")),
            ("a  b a", Some("a b")),
            ("openid https://api.example/x", Some("openid https://api.example/x")),
            ("a\"b", None),
            ("a\\b", None),
            ("é", None),
            ("a\tb", None),
        ] {
            assert_eq!(Scopes::parse(text).ok().map(|s| s.to_text()).as_deref(), expect, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_written_again(text in "[ -~]{0,40}") {
            if let Ok(scopes) = Scopes::parse(&text) {
                assert_eq!(Scopes::parse(&scopes.to_text()), Ok(scopes));
            }
        }

        #[test]
        fn covering_is_missing_nothing(one in "[abc ]{0,8}", other in "[abc ]{0,8}") {
            let (one, other) = (Scopes::parse(&one).unwrap(), Scopes::parse(&other).unwrap());
            assert_eq!(one.covers(&other), one.first_missing(&other).is_none());
            assert_eq!(one.covers(&other), other.iter().all(|scope| one.contains(scope)));
            assert!(one.covers(&one) && one.covers(&Scopes::default()));
        }
    }
}
