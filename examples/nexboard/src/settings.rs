//! What Nexboard is told when it starts.

use std::net::SocketAddr;
use url::Url;

/// Where Nexboard is, and who signs its users in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What browsers call this app; its redirect URIs begin with it.
    pub public_url: PublicUrl,
    /// The OpenID provider.
    pub issuer: String,
    /// Our name at the provider.
    pub client_id: String,
    /// Our secret there; a public client has none and relies on PKCE alone.
    pub client_secret: Option<String>,
    /// The scopes to ask for, `openid` among them.
    pub scopes: Vec<String>,
}

/// The origin of this app as browsers see it: https, or http on a loopback address.
#[derive(Clone, Debug)]
pub struct PublicUrl(Url);

/// Why an address cannot be the app's own.
#[derive(Debug, thiserror::Error)]
pub enum BadPublicUrl {
    /// It does not parse.
    #[error("not a URL: {0}")]
    Syntax(#[from] url::ParseError),
    /// It names more or less than an origin.
    #[error("give the origin alone, such as https://nexboard.example")]
    NotAnOrigin,
    /// Cookies and codes would travel in the clear.
    #[error("plain http is for a loopback address; use https")]
    Insecure,
}

impl std::str::FromStr for PublicUrl {
    type Err = BadPublicUrl;

    fn from_str(text: &str) -> Result<Self, BadPublicUrl> {
        let url = Url::parse(text)?;
        if !is_safe(&url) {
            return Err(BadPublicUrl::Insecure);
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(BadPublicUrl::NotAnOrigin);
        }
        Ok(Self(url))
    }
}

impl PublicUrl {
    /// The address of an app that only this machine reaches, as when it is tried out.
    pub fn of_listener(address: SocketAddr) -> Result<Self, BadPublicUrl> {
        format!("http://{address}").parse()
    }

    /// Returns the absolute address of one of our own pages.
    pub fn page(&self, path: &str) -> String {
        format!("{}{}", self.0.as_str().trim_end_matches('/'), path)
    }

    /// Whether cookies can be marked `Secure` and carry the `__Host-` prefix.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Whether what is sent to this address stays private on its way: https, or http to this very machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => true,
        "http" => loopback,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, accepted: bool) {
        assert_eq!(text.parse::<PublicUrl>().is_ok(), accepted, "{text}");
    }

    #[test]
    fn the_public_url_is_an_origin_that_keeps_cookies_private() {
        check("https://nexboard.example", true);
        check("http://127.0.0.1:4490", true);
        check("http://[::1]:4490", true);
        check("http://localhost:4490/", true);
        check("http://nexboard.example", false);
        check("http://127.0.0.1.evil.example", false);
        check("https://nexboard.example/app", false);
        check("https://user@nexboard.example", false);
        check("javascript:alert(1)", false);
        check("nexboard", false);
    }

    #[test]
    fn pages_are_below_the_origin() {
        let url: PublicUrl = "http://127.0.0.1:4490".parse().unwrap();
        assert_eq!(url.page("/callback"), "http://127.0.0.1:4490/callback");
    }
}
