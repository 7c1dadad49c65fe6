//! One entry of the allow-list: an address, or every name below a domain (`https://*.acme.example/app`).
//!
//! | attack | what stands against it |
//! |---|---|
//! | `https://*.com`, `https://*.co.uk`: anybody has a name below it | the domain must be a registrable one, or below one |
//! | `https://*.amazonaws.com`, below which there are public suffixes | the name must be of the same registrable domain |
//! | `https://evil-acme.example`, `https://acme.example.evil.example` | whole labels are compared, from the right |
//! | `https://*acme.example`, `https://a.*.example`, `https://*.acme.example:*` | `*` stands for whole labels, at the left alone |
//! | `http://*.acme.example`: whoever is on the way answers for a name that nobody has | a wildcard is for https alone |
//! | `https://app.acme.example.` and names that no server has | the name must be made of letters, digits, `-` and `_` |
//!
//! What `*` stands for may be several labels, as in the API that we are compatible with; it is never none.

use url::{Host, Url};

/// An address, or the addresses below a domain, to which a browser may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedReturn {
    /// The address; of a wildcard, that of its domain.
    url: Url,
    /// The registrable domain of a wildcard, which is not left.
    below: Option<String>,
}

/// Why an entry cannot be used. The operator's to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableReturnUrl {
    /// It is relative, or no URL.
    #[error("is not an absolute URL")]
    NotAbsolute,
    /// A browser would do something else with it.
    #[error("must be an http or https URL")]
    Scheme,
    /// What is before an `@` is read as the host by people.
    #[error("must hold no user name or password")]
    User,
    /// The star is somewhere else.
    #[error("may have `*` only for everything before a domain, as in `https://*.acme.example`")]
    Star,
    /// Whoever is on the way could answer for any name.
    #[error("must be an https URL, since it has a wildcard")]
    Insecure,
    /// Others have names below it.
    #[error("has a wildcard below a public suffix, where anybody can have a name")]
    PublicSuffix,
    /// An address has no names below it.
    #[error("has a wildcard below an address, where there are no names")]
    Address,
}

/// Before the domain of a wildcard.
const STAR: &str = "*.";

impl AllowedReturn {
    /// Reads an entry.
    pub fn parse(text: &str) -> Result<Self, UnusableReturnUrl> {
        let wildcard = text.split_once("://").and_then(|(scheme, rest)| {
            let domain = rest.strip_prefix(STAR)?;
            Some(format!("{scheme}://{domain}"))
        });
        let plain = wildcard.as_deref().unwrap_or(text);
        let url = Url::parse(plain).map_err(|_| UnusableReturnUrl::NotAbsolute)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UnusableReturnUrl::Scheme);
        }
        if has_user(&url) {
            return Err(UnusableReturnUrl::User);
        }
        // The URL standard takes `*` for a character of a name.
        if url.host_str().is_none_or(|host| host.contains('*')) {
            return Err(UnusableReturnUrl::Star);
        }
        let below = match (&wildcard, url.host()) {
            (None, _) => None,
            (Some(_), _) if url.scheme() != "https" => return Err(UnusableReturnUrl::Insecure),
            (Some(_), Some(Host::Domain(domain))) => {
                Some(registrable(domain).ok_or(UnusableReturnUrl::PublicSuffix)?.to_owned())
            }
            (Some(_), _) => return Err(UnusableReturnUrl::Address),
        };
        Ok(Self { url, below })
    }

    /// Whether it allows an address: of the same scheme and port, the same host or one below the domain, and with the path or
    /// one below it.
    pub(super) fn covers(&self, url: &Url) -> bool {
        let Some(below) = &self.below else { return super::covers(&self.url, url) };
        let same_door = self.url.scheme() == url.scheme()
            && self.url.port_or_known_default() == url.port_or_known_default();
        same_door
            && !has_user(url)
            && super::path_covers(&self.url, url)
            && matches!(url.host(), Some(Host::Domain(host)) if self.is_above(host, below))
    }

    fn is_above(&self, host: &str, registrable_domain: &str) -> bool {
        let domain = self.url.host_str().unwrap_or_default();
        let labels = host.strip_suffix(domain).and_then(|left| left.strip_suffix('.'));
        labels.is_some_and(|labels| labels.split('.').all(is_label))
            && registrable(host) == Some(registrable_domain)
    }
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The registrable domain of a name; none of a public suffix, nor of a name that ends in a dot, which is the same for the DNS
/// and another for browsers.
fn registrable(name: &str) -> Option<&str> {
    psl::domain_str(name).filter(|_| !name.ends_with('.'))
}

/// Whether it is part of a name that a server can have.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_below_a_domain_that_is_somebodys() {
        use UnusableReturnUrl::{Address, Insecure, NotAbsolute, PublicSuffix, Scheme, Star, User};
        for (entry, wrong) in [
            ("https://*.acme.example", None),
            ("https://*.acme.example:8443/app", None),
            ("https://*.eu.acme.co.uk/", None),
            ("https://*.bücher.example", None),
            ("https://acme.example/a*b", None),
            ("http://localhost:3000", None),
            ("https://*.com", Some(PublicSuffix)),
            ("https://*.co.uk", Some(PublicSuffix)),
            ("https://*.github.io", Some(PublicSuffix)),
            ("https://*.example", Some(PublicSuffix)),
            ("https://*.localhost", Some(PublicSuffix)),
            ("https://*.acme.example.", Some(PublicSuffix)),
            ("https://*.", Some(NotAbsolute)),
            ("https://*", Some(Star)),
            ("https://*/", Some(Star)),
            ("https://*acme.example", Some(Star)),
            ("https://a.*.acme.example", Some(Star)),
            ("https://*.*.acme.example", Some(Star)),
            ("https://a*.acme.example", Some(Star)),
            ("https://%2a.acme.example", Some(Star)),
            ("https://*.acme.example:*", Some(NotAbsolute)),
            ("http://*.acme.example", Some(Insecure)),
            ("https://*.127.0.0.1", Some(Address)),
            ("https://*.[::1]", Some(Address)),
            ("https://*.ada@acme.example", Some(User)),
            ("https://*.ada:secret@acme.example", Some(User)),
            ("*.acme.example", Some(NotAbsolute)),
            ("//*.acme.example", Some(NotAbsolute)),
            ("javascript://*.acme.example", Some(Scheme)),
        ] {
            assert_eq!(AllowedReturn::parse(entry).err(), wrong, "{entry}");
        }
    }
}
