//! Where a browser may be sent after a form, the allow-list of `return_to`, and by a plugin in the middle of one.

#[cfg(test)]
mod attacks;
mod entry;

pub use entry::{AllowedReturn, UnusableReturnUrl};
use primitives::Origin;
use url::Url;

use crate::settings::FlowSettings;

/// An address that the settings allow. Only [`check`] and [`check_login_redirect`] make one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The absolute URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address is not on the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the requested return_to address is not allowed")]
pub struct ReturnToForbidden;

/// Checks a `return_to` against this server (`base`, with the tenant's prefix) and the allow-list.
///
/// Scheme, host and port must be equal, or the host one below the domain of an entry with a wildcard ([`AllowedReturn`]). The
/// path must be the entry's path or below it by whole segments: `/app` allows `/app/x` and not `/apple`. Relative addresses
/// are taken as this server's.
pub fn check(requested: &str, base: &Url, settings: &FlowSettings) -> Result<ReturnTo, ReturnToForbidden> {
    let url = parse(requested, base).ok_or(ReturnToForbidden)?;
    let plain =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    // An entry that could not be configured allows nothing.
    let mut allowed =
        settings.allowed_return_urls.iter().filter_map(|entry| AllowedReturn::parse(entry).ok());
    if plain && (covers(base, &url) || allowed.any(|entry| entry.covers(&url))) {
        return Ok(ReturnTo(url.into()));
    }
    Err(ReturnToForbidden)
}

/// Checks a `return_to` of a native application, to which its own browser leads back: one that any form may have, or
/// exactly one of those that the settings list for applications.
///
/// Attack: another application takes an address of the same scheme, and gets what is sent there. It is worth nothing
/// without what the first one kept (RFC 8252 section 8.1, and `flow/exchange.rs`).
pub fn check_native(
    requested: &str,
    base: &Url,
    settings: &FlowSettings,
) -> Result<ReturnTo, ReturnToForbidden> {
    if settings.native_return_urls.iter().any(|listed| listed == requested) {
        return parse(requested, base).map(|url| ReturnTo(url.into())).ok_or(ReturnToForbidden);
    }
    check(requested, base, settings)
}

/// Checks an address to which a plugin sends somebody who begins to sign in: one that `return_to` may have, or any of
/// a listed origin.
///
/// Attack: a plugin that can be talked into it sends people to a look-alike of the sign-in page.
pub fn check_login_redirect(
    wanted: &str,
    base: &Url,
    settings: &FlowSettings,
) -> Result<ReturnTo, ReturnToForbidden> {
    if let Ok(own) = check(wanted, base, settings) {
        return Ok(own);
    }
    let url = parse(wanted, base).ok_or(ReturnToForbidden)?;
    match Origin::of(&url) {
        Some(origin) if settings.login_redirect_origins.contains(&origin) => Ok(ReturnTo(url.into())),
        _ => Err(ReturnToForbidden),
    }
}

/// Where a browser goes when nothing else was asked for.
pub fn default_return(base: &Url, settings: &FlowSettings) -> ReturnTo {
    let url = resolve(&settings.default_return_url, base).unwrap_or_else(|| base.clone());
    ReturnTo(url.into())
}

/// Reads an address of bounded length, without what browsers and parsers read differently.
fn parse(text: &str, base: &Url) -> Option<Url> {
    if text.len() > 2048 || text.chars().any(|c| c.is_control() || c == '\\' || c.is_whitespace()) {
        return None;
    }
    resolve(text, base)
}

/// Paths (`/…`, not `//…`) hang below the base with its prefix; all else must be absolute.
fn resolve(text: &str, base: &Url) -> Option<Url> {
    if text.starts_with('/') && !text.starts_with("//") {
        let prefix = base.as_str().trim_end_matches('/');
        return Url::parse(&format!("{prefix}{text}")).ok().filter(|url| covers(base, url));
    }
    Url::parse(text).ok()
}

fn covers(entry: &Url, url: &Url) -> bool {
    entry.origin() == url.origin() && url.origin().is_tuple() && path_covers(entry, url)
}

fn path_covers(entry: &Url, url: &Url) -> bool {
    let prefix = entry.path().trim_end_matches('/');
    // `Url` has resolved `..`; an encoded slash or dot must not climb out behind its back.
    let path = url.path();
    let lower = path.to_ascii_lowercase();
    let climbs = ["%2e", "%2f", "%5c"].iter().any(|code| lower.contains(code));
    (!climbs || prefix.is_empty())
        && path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(requested: &str, expect: Option<&str>) {
        let base = Url::parse("https://id.example/t/acme").unwrap();
        let settings = FlowSettings {
            allowed_return_urls: vec![
                "https://app.example/app".into(),
                "http://localhost:3000".into(),
                "not a url".into(),
            ],
            ..FlowSettings::default()
        };
        let found = check(requested, &base, &settings).ok();
        assert_eq!(found.as_ref().map(ReturnTo::as_str), expect, "{requested}");
    }

    #[test]
    fn only_listed_origins_and_paths_by_whole_segments() {
        for (requested, expect) in [
            ("https://app.example/app", Some("https://app.example/app")),
            ("https://app.example/app/x?y=1", Some("https://app.example/app/x?y=1")),
            ("http://localhost:3000/any", Some("http://localhost:3000/any")),
            ("/ui/settings", Some("https://id.example/t/acme/ui/settings")),
            ("https://id.example/t/acme/ui", Some("https://id.example/t/acme/ui")),
            ("https://id.example/t/other/ui", None),
            ("https://id.example/", None),
            ("/../other", None),
            ("https://app.example/apple", None),
            ("https://app.example/app/../x", None),
            ("https://app.example/app/%2e%2e/x", None),
            ("https://app.example/app/%2F..%2Fx", None),
            ("https://app.example.evil.example/app", None),
            ("https://evil.example/app", None),
            ("https://user@app.example/app", None),
            ("http://app.example/app", None),
            ("https://app.example:444/app", None),
            ("//evil.example", None),
            ("/\\evil.example", None),
            ("https:evil.example", None),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("", None),
            ("https://app.example/app\n", None),
            ("http://localhost:30001/", None),
        ] {
            check_one(requested, expect);
        }
    }

    #[test]
    fn plugins_redirect_to_return_urls_and_listed_origins_only() {
        let base = Url::parse("https://id.example/t/acme").unwrap();
        let settings = FlowSettings {
            allowed_return_urls: vec!["https://app.example/app".into()],
            login_redirect_origins: ["https://login.customer.example".parse().unwrap()].into(),
            ..FlowSettings::default()
        };
        for (wanted, allowed) in [
            ("https://login.customer.example/start?hint=ada", true),
            ("https://app.example/app/x", true),
            ("/ui/settings", true),
            ("https://app.example/other", false),
            ("http://login.customer.example/", false),
            ("https://login.customer.example:444/", false),
            ("https://login.customer.example.evil.example/", false),
            ("https://ada@login.customer.example/", false),
            ("https:\\\\login.customer.example/", false),
            ("https://login.customer.example/\n", false),
            ("//login.customer.example/", false),
            ("javascript:alert(1)", false),
            ("", false),
        ] {
            assert_eq!(check_login_redirect(wanted, &base, &settings).is_ok(), allowed, "{wanted}");
        }
        assert!(check("https://login.customer.example/", &base, &settings).is_err(), "not as return_to");
    }
}
