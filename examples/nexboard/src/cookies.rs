//! The three cookies: the session, the browser that begins sign-ins, and the state of a sign-out.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::TimeDelta;

use crate::settings::PublicUrl;

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The id of a session.
    Session,
    /// Binds sign-ins to the browser that began them.
    Browser,
    /// The state of a sign-out on its way to the provider.
    SignOut,
}

impl Cookie {
    /// `__Host-` keeps a neighbouring subdomain from planting the cookie; browsers want https for it.
    fn name(self, public_url: &PublicUrl) -> &'static str {
        match (self, public_url.is_https()) {
            (Self::Session, true) => "__Host-nexboard_session",
            (Self::Session, false) => "nexboard_session",
            (Self::Browser, true) => "__Host-nexboard_browser",
            (Self::Browser, false) => "nexboard_browser",
            (Self::SignOut, true) => "__Host-nexboard_sign_out",
            (Self::SignOut, false) => "nexboard_sign_out",
        }
    }

    /// Finds the value that a browser sent.
    pub(crate) fn find<'a>(self, headers: &'a HeaderMap, public_url: &PublicUrl) -> Option<&'a str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name(public_url)).map(|(_, value)| value)
    }

    /// Sets the cookie. `Lax`: the provider's redirect back is a navigation from another site.
    pub(crate) fn set(
        self,
        headers: &mut HeaderMap,
        value: &str,
        lifetime: TimeDelta,
        public_url: &PublicUrl,
    ) {
        let secure = if public_url.is_https() { "; Secure" } else { "" };
        let name = self.name(public_url);
        let seconds = lifetime.num_seconds();
        let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        // Our values are base64url and always fit a header.
        if let Ok(line) = HeaderValue::from_str(&line) {
            headers.append(header::SET_COOKIE, line);
        }
    }

    /// Makes the browser forget the cookie.
    pub(crate) fn clear(self, headers: &mut HeaderMap, public_url: &PublicUrl) {
        self.set(headers, "", TimeDelta::zero(), public_url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect()
    }

    fn check(lines: &[&'static str], expected: Option<&str>) {
        let url = "http://127.0.0.1:4490".parse().unwrap();
        assert_eq!(Cookie::Session.find(&headers(lines), &url), expected, "{lines:?}");
    }

    #[test]
    fn the_cookie_is_found_among_others_by_its_whole_name() {
        check(&["a=b; nexboard_session=x; c=d"], Some("x"));
        check(&["a=b", "nexboard_session=x"], Some("x"));
        check(&["xnexboard_session=x; nexboard_session2=y"], None);
        check(&["nexboard_session"], None);
        check(&[], None);
    }

    #[test]
    fn over_https_only_the_host_prefix_counts() {
        let url = "https://nexboard.example".parse().unwrap();
        assert_eq!(Cookie::Session.find(&headers(&["nexboard_session=x"]), &url), None);
        let mut set = HeaderMap::new();
        Cookie::Session.set(&mut set, "v", TimeDelta::hours(1), &url);
        let line = set[header::SET_COOKIE].to_str().unwrap();
        assert_eq!(line, "__Host-nexboard_session=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure");
    }
}
