//! Redirect URIs: what may be registered, and how a request's is compared (RFC 9700 section 2.1).

use url::{Host, Url};

/// A registered redirect URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

/// The URI cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    /// Relative, or not a URI at all.
    #[error("must be an absolute URI")]
    NotAbsolute,
    /// Has a fragment (RFC 6749 section 3.1.2).
    #[error("must not have a fragment")]
    Fragment,
    /// Has a user name or password.
    #[error("must not have credentials")]
    Credentials,
    /// Plain `http` to another machine (RFC 9700 section 2.6).
    #[error("must use https; http is only for loopback addresses")]
    Insecure,
    /// A scheme that runs code or reads files in the browser.
    #[error("has a scheme that is not allowed")]
    Scheme,
}

/// Schemes that a browser gives meaning to by itself.
const FORBIDDEN_SCHEMES: [&str; 8] =
    ["javascript", "data", "vbscript", "file", "blob", "about", "view-source", "filesystem"];

impl RedirectUri {
    /// Takes a URI that may be registered.
    pub fn check(text: &str) -> Result<Self, InvalidRedirectUri> {
        let plain = text.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b'\\');
        let url = Url::parse(text).ok().filter(|_| plain).ok_or(InvalidRedirectUri::NotAbsolute)?;
        if url.fragment().is_some() {
            return Err(InvalidRedirectUri::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidRedirectUri::Credentials);
        }
        match url.scheme() {
            "https" => Ok(Self(text.to_owned())),
            "http" if is_loopback(&url) => Ok(Self(text.to_owned())),
            "http" => Err(InvalidRedirectUri::Insecure),
            scheme if FORBIDDEN_SCHEMES.contains(&scheme) => Err(InvalidRedirectUri::Scheme),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request's `redirect_uri` is this one: the same characters, except that a loopback
    /// address may have any port (RFC 8252 section 7.3).
    pub fn matches(&self, requested: &str) -> bool {
        self.0 == requested
            || match (split_loopback(&self.0), split_loopback(requested)) {
                (Some(registered), Some(requested)) => registered == requested,
                _ => false,
            }
    }

    /// Whether a request's `redirect_uri` is this one but for the port of `localhost`, as apps have it that are on the person's machine
    /// and wait at whichever port is free (RFC 8252 section 7.3). For clients without a secret alone: where the name leads is for
    /// the machine to say (section 8.3).
    pub fn matches_localhost(&self, requested: &str) -> bool {
        match (split_port(&self.0, "http://localhost"), split_port(requested, "http://localhost")) {
            (Some(registered), Some(requested)) => registered == requested,
            _ => false,
        }
    }

    /// Whether another program on the person's machine could take it over: no https, so that the
    /// address does not prove who answers there (RFC 8252 section 8.6).
    pub fn proves_nobody(&self) -> bool {
        !self.0.starts_with("https:")
    }
}

/// Whether an address is of the machine that goes there.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Splits `http://127.0.0.1:1234/cb` into what must be equal: the address and what follows the port.
fn split_loopback(text: &str) -> Option<(&'static str, &str)> {
    let addresses = ["http://127.0.0.1", "http://[::1]"];
    addresses.into_iter().find_map(|prefix| split_port(text, prefix).map(|rest| (prefix, rest)))
}

/// What follows the port, of an address that begins so.
fn split_port<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(prefix)?;
    let rest = match rest.strip_prefix(':') {
        None => rest,
        Some(port) => {
            let end = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
            let (digits, rest) = port.split_at(end);
            digits.parse::<u16>().ok()?;
            rest
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_absolute_uris_are_registered() {
        use InvalidRedirectUri::*;
        for (text, expect) in [
            ("https://app.example/cb", None),
            ("https://app.example/cb?x=1", None),
            ("http://127.0.0.1/cb", None),
            ("http://localhost:3000/cb", None),
            ("http://[::1]:3000/cb", None),
            ("com.example.app:/cb", None),
            ("http://app.example/cb", Some(Insecure)),
            ("http://127.0.0.1.evil.example/cb", Some(Insecure)),
            ("https://app.example/cb#f", Some(Fragment)),
            ("https://user@app.example/cb", Some(Credentials)),
            ("javascript:alert(1)", Some(Scheme)),
            ("data:text/html,x", Some(Scheme)),
            ("/cb", Some(NotAbsolute)),
            ("https://app.example\\@evil.example", Some(NotAbsolute)),
            ("https://app.example/\u{202e}", Some(NotAbsolute)),
        ] {
            assert_eq!(RedirectUri::check(text).err(), expect, "{text}");
        }
    }

    fn check(registered: &str, requested: &str, expect: bool) {
        let registered = RedirectUri::check(registered).unwrap();
        assert_eq!(registered.matches(requested), expect, "{} / {requested}", registered.as_str());
    }

    #[test]
    fn comparison_is_exact() {
        for (requested, expect) in [
            ("https://app.example/cb", true),
            ("https://app.example/cb/", false),
            ("https://app.example/CB", false),
            ("https://APP.example/cb", false),
            ("https://app.example:443/cb", false),
            ("https://app.example/cb?x", false),
            ("https://app.example/cb/../cb", false),
            ("https://app.example.evil.example/cb", false),
            ("https://app.example/cb#", false),
        ] {
            check("https://app.example/cb", requested, expect);
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_address_is_free() {
        for (requested, expect) in [
            ("http://127.0.0.1:1234/cb", true),
            ("http://127.0.0.1/cb", true),
            ("http://127.0.0.1:1234/other", false),
            ("http://127.0.0.1:99999/cb", false),
            ("http://127.0.0.1:/cb", false),
            ("http://127.0.0.1:80@evil.example/cb", false),
            ("http://127.0.0.1.evil.example/cb", false),
            ("http://127.0.0.10/cb", false),
            ("https://127.0.0.1:1234/cb", false),
            ("http://[::1]:1234/cb", false),
        ] {
            check("http://127.0.0.1:9/cb", requested, expect);
        }
        check("http://localhost:9/cb", "http://localhost:10/cb", false);
        check("http://[::1]/cb", "http://[::1]:5/cb", true);
    }

    #[test]
    fn only_the_port_of_localhost_is_free() {
        let registered = RedirectUri::check("http://localhost/cb?x=1").unwrap();
        for (requested, expect) in [
            ("http://localhost/cb?x=1", true),
            ("http://localhost:33418/cb?x=1", true),
            ("http://localhost:33418/cb", false),
            ("http://localhost:33418/cb/?x=1", false),
            ("http://localhost:33418/cb?x=1#f", false),
            ("http://localhost:99999/cb?x=1", false),
            ("http://localhost:/cb?x=1", false),
            ("http://localhost:80@evil.example/cb?x=1", false),
            ("http://localhost.evil.example/cb?x=1", false),
            ("http://localhostevil/cb?x=1", false),
            ("http://app.localhost:33418/cb?x=1", false),
            ("http://LOCALHOST:33418/cb?x=1", false),
            ("http://127.0.0.1:33418/cb?x=1", false),
            ("https://localhost:33418/cb?x=1", false),
        ] {
            assert_eq!(registered.matches_localhost(requested), expect, "{requested}");
        }
        for other in ["http://127.0.0.1/cb", "https://localhost/cb", "http://a.localhost/cb", "localhost:/cb"]
        {
            assert!(!RedirectUri::check(other).unwrap().matches_localhost(other), "{other}");
        }
    }

    proptest::proptest! {
        /// Whatever matches differs at most in the port of the same loopback address.
        #[test]
        fn nothing_else_matches(
            registered in "(https://a\\.example|http://127\\.0\\.0\\.1(:[0-9]{1,4})?|http://\\[::1\\]|app:)/[a-c]{0,2}",
            requested in "(https://a\\.example|http://127\\.0\\.0\\.1|http://\\[::1\\]|app:)[a-c/:@0-9.#?]{0,8}",
        ) {
            let known = RedirectUri::check(&registered).unwrap();
            if known.matches(&requested) && registered != requested {
                let (known, found) = (Url::parse(&registered).unwrap(), Url::parse(&requested).unwrap());
                assert!(is_loopback(&known), "{registered} {requested}");
                assert_eq!((known.scheme(), known.host()), (found.scheme(), found.host()));
                assert_eq!((known.path(), known.query()), (found.path(), found.query()));
                assert_eq!((found.username(), found.password(), found.fragment()), ("", None, None));
            }
        }
    }
}
