//! An origin: scheme, host and port of a server (RFC 6454), compared exactly.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

/// The origin of an `http` or `https` URL in its one written form: lower case, no default port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Origin(String);

/// The text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an origin such as https://api.example: scheme, host and port, without wildcard, path or user")]
pub struct InvalidOrigin;

impl Origin {
    /// The origin of a URL, if it has one that can be called: its scheme is `http` or `https`, and it names no
    /// user.
    pub fn of(url: &Url) -> Option<Self> {
        let plain = url.username().is_empty() && url.password().is_none();
        (plain && matches!(url.scheme(), "http" | "https")).then(|| Self(url.origin().ascii_serialization()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let url = Url::parse(text).map_err(|_| InvalidOrigin)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        // The URL standard takes `*` for a character of a name.
        if !bare || text.contains(['*', '@', '\\']) {
            return Err(InvalidOrigin);
        }
        Self::of(&url).ok_or(InvalidOrigin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_one_form() {
        for (text, expect) in [
            ("https://api.example", Some("https://api.example")),
            ("https://API.example:443/", Some("https://api.example")),
            ("http://api.example:443", Some("http://api.example:443")),
            ("http://[::1]:80", Some("http://[::1]")),
            ("http://0x7f.1", Some("http://127.0.0.1")),
            ("https://bücher.example", Some("https://xn--bcher-kva.example")),
            ("https://*.example", None),
            ("https://api.example/v1", None),
            ("https://api.example?x", None),
            ("https://api.example#x", None),
            ("https://user@api.example", None),
            ("https://@api.example", None),
            ("ftp://api.example", None),
            ("file:///etc/passwd", None),
            ("api.example", None),
            ("", None),
        ] {
            let found = text.parse::<Origin>().ok();
            assert_eq!(found.as_ref().map(Origin::as_str), expect, "{text}");
        }
    }
}
