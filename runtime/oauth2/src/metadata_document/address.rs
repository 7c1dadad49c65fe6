//! A client id that is an address (section 3 of the draft).

use primitives::ClientId;
use url::Url;

use crate::server::AuthorizationServer;

/// In the place of a host: every host.
pub const ANY_HOST: &str = "*";

/// An id that is the address of a document: https, a host by its name, a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address(Url);

impl Address {
    /// Reads an id. One that could be written in another way is none: the port would fetch one address, and whoever compares
    /// ids would compare another. So there are no dot segments, capitals in the host or needless ports; nor are there
    /// credentials, a fragment, or a query, by which one document had ids without end.
    pub(super) fn parse(id: &ClientId) -> Option<Self> {
        let url = Url::parse(id.as_str()).ok()?;
        let is_address = url.scheme() == "https"
            && url.domain().is_some()
            && url.path() != "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        (is_address && url.as_str() == id.as_str()).then_some(Self(url))
    }

    /// The same, where the tenant lets in what is at its host.
    pub(super) fn allowed(server: &AuthorizationServer, id: &ClientId) -> Option<Self> {
        let hosts = &server.settings.registration.metadata_document_hosts;
        if hosts.is_empty() {
            return None;
        }
        let address = Self::parse(id)?;
        let is_named = hosts.iter().any(|host| host.eq_ignore_ascii_case(address.host()));
        // Whoever may name any host may not name any port: that would be a way to look for services.
        let is_any = address.0.port().is_none() && hosts.iter().any(|host| host == ANY_HOST);
        (is_named || is_any).then_some(address)
    }

    /// Where the document is.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Its host, and its port where that is not the usual one.
    pub(super) fn host(&self) -> &str {
        self.0.authority()
    }

    /// Whether something else is at the same host, by https.
    pub(super) fn is_at_same_host(&self, other: &str) -> bool {
        Url::parse(other).is_ok_and(|other| other.origin() == self.0.origin())
    }
}

/// Whether a setting names a host, with a port perhaps, or every host.
pub fn is_host(text: &str) -> bool {
    let parsed = Url::parse(&format!("https://{text}/"));
    let is_alone = |url: &Url| url.authority().eq_ignore_ascii_case(text) && url.domain().is_some();
    let is_name = !text.contains(['*', '@']);
    text == ANY_HOST || (is_name && parsed.is_ok_and(|url| is_alone(&url) && url.path() == "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_written_in_one_way_and_leads_to_a_name() {
        for (text, expect) in [
            ("https://app.example/client.json", true),
            ("https://app.example:8443/a/b", true),
            ("https://app.example/", false),
            ("https://app.example", false),
            ("http://app.example/client.json", false),
            ("https://app.example/client.json?x=1", false),
            ("https://app.example/client.json#f", false),
            ("https://ada@app.example/client.json", false),
            ("https://app.example:443/client.json", false),
            ("https://APP.example/client.json", false),
            ("https://app.example/a/../client.json", false),
            ("https://app.example/a/%2e%2e/client.json", false),
            ("https://app.example\\client.json", false),
            ("https://127.0.0.1/client.json", false),
            ("https://0x7f000001/client.json", false),
            ("https://[::1]/client.json", false),
            ("app", false),
        ] {
            assert_eq!(Address::parse(&text.parse().unwrap()).is_some(), expect, "{text}");
        }
    }

    #[test]
    fn setting_names_a_host_and_nothing_around_it() {
        for (text, expect) in [
            ("*", true),
            ("app.example", true),
            ("App.example", true),
            ("app.example:8443", true),
            ("", false),
            ("*.example", false),
            ("https://app.example", false),
            ("app.example/path", false),
            ("ada@app.example", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(is_host(text), expect, "{text}");
        }
    }
}
