//! For whom credentials are made: the relying party's id, and the origins whose pages may ask for them.
//!
//! Attack: an id of a public suffix (`co.uk`) would make every site below it a relying party of the same
//! credentials. Browsers refuse it; here it is refused when it is configured, before anybody has a key that no longer
//! works.

use primitives::Origin;
use url::{Host, Url};

use crate::settings::RelyingPartySettings;

/// The relying party of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    name: String,
    /// That of the tenant first.
    origins: Vec<String>,
}

/// Why a tenant has no passkeys. The operator's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableRelyingParty {
    /// Browsers know no credentials of addresses.
    #[error("the tenant's host is an address: passkeys need a name")]
    NoName,
    /// Browsers have no credentials on pages that anybody may have changed on their way.
    #[error("the tenant's pages are served by http: passkeys need https, but on localhost")]
    Insecure,
    /// The id of somebody else.
    #[error("`{id}` is neither `{host}` nor a domain above it: browsers would refuse it")]
    NotAbove {
        /// The id.
        id: String,
        /// The tenant's host.
        host: String,
    },
    /// The id of everybody.
    #[error("`{0}` is a public suffix: whoever has a name below it would share the passkeys")]
    PublicSuffix(String),
    /// An origin whose pages browsers would give no credentials.
    #[error("`{0}` must begin with https://, or be android:apk-key-hash: and a hash")]
    Origin(String),
}

impl RelyingParty {
    /// The relying party of the tenant at `base`.
    pub fn of(settings: &RelyingPartySettings, base: &Url) -> Result<Self, UnusableRelyingParty> {
        let Some(Host::Domain(host)) = base.host() else { return Err(UnusableRelyingParty::NoName) };
        if base.scheme() != "https" && !is_local(host) {
            return Err(UnusableRelyingParty::Insecure);
        }
        let id = settings.id.clone().unwrap_or_else(|| host.to_owned());
        let above = host.strip_suffix(id.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        // Pages of another domain may use its credentials where they are listed (section 5.11), those of the tenant's other
        // addresses too: browsers ask the domain itself.
        let own = base.origin().ascii_serialization();
        let related = settings.id.is_some() && settings.origins.contains(&own);
        if id.is_empty() || !(above || related) {
            return Err(UnusableRelyingParty::NotAbove { id, host: host.to_owned() });
        }
        // "Is a registrable domain suffix of or is equal to" (HTML section 7.1.1): the host itself may be anything.
        if id != host && psl::domain_str(&id).is_none() {
            return Err(UnusableRelyingParty::PublicSuffix(id));
        }
        let mut origins = vec![own];
        for origin in &settings.origins {
            origins.push(check_origin(origin)?);
        }
        let name = settings.name.clone().unwrap_or_else(|| host.to_owned());
        Ok(Self { id, name, origins })
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What authenticators call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The origins of web pages that may use its credentials (section 5.11).
    pub fn web_origins(&self) -> impl Iterator<Item = &str> {
        self.origins.iter().map(String::as_str).filter(|origin| origin.starts_with("http"))
    }

    /// Whether a page, or an app, of this origin may use its credentials. Compared exactly.
    pub(super) fn has_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|known| known == origin)
    }
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

/// An origin in the form in which browsers write it; an Android app has one of its own.
fn check_origin(text: &str) -> Result<String, UnusableRelyingParty> {
    let refused = || UnusableRelyingParty::Origin(text.to_owned());
    if let Some(hash) = text.strip_prefix("android:apk-key-hash:") {
        let is_hash = primitives::base64url::decode(hash).is_some_and(|hash| hash.len() == 32);
        return if is_hash { Ok(text.to_owned()) } else { Err(refused()) };
    }
    let origin: Origin = text.parse().map_err(|_| refused())?;
    let url = Url::parse(origin.as_str()).map_err(|_| refused())?;
    let secure = url.scheme() == "https" || url.host_str().is_some_and(is_local);
    if secure { Ok(origin.as_str().to_owned()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, id: Option<&str>, origins: &[&str], expect: Result<&str, &str>) {
        let settings = RelyingPartySettings {
            id: id.map(str::to_owned),
            name: None,
            origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
        };
        let found = RelyingParty::of(&settings, &base.parse().unwrap());
        match (found, expect) {
            (Ok(found), Ok(id)) => assert_eq!(found.id(), id, "{base} {settings:?}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{base}: {error}"),
            (found, expect) => panic!("{base} {settings:?}: {found:?}, not {expect:?}"),
        }
    }

    #[test]
    fn id_is_the_host_or_a_domain_above_it_that_nobody_shares() {
        check("https://id.acme.example/", None, &[], Ok("id.acme.example"));
        check("https://id.acme.example/t/a", Some("acme.example"), &[], Ok("acme.example"));
        check("https://id.acme.example/", Some("example"), &[], Err("public suffix"));
        check("https://id.acme.co.uk/", Some("co.uk"), &[], Err("public suffix"));
        check("https://id.acme.co.uk/", Some("acme.co.uk"), &[], Ok("acme.co.uk"));
        check("https://a.github.io/", Some("github.io"), &[], Err("public suffix"));
        check("https://id.acme.example/", Some("other.example"), &[], Err("nor a domain above"));
        check("https://id.acme.example/", Some("cme.example"), &[], Err("nor a domain above"));
        check("https://id.acme.example/", Some(""), &[], Err("nor a domain above"));
        check("https://127.0.0.1:8443/", None, &[], Err("an address"));
        check("http://id.acme.example/", None, &[], Err("https"));
        check("http://localhost:4433/", None, &[], Ok("localhost"));
        check("https://intranet/", None, &[], Ok("intranet"));
    }

    #[test]
    fn page_of_another_domain_has_the_credentials_where_it_is_listed() {
        let shop = "https://id.shop.example";
        check(shop, Some("acme.example"), &[shop], Ok("acme.example"));
        check(shop, Some("acme.example"), &["https://id.shop.example:8443"], Err("nor a domain above"));
        check(shop, Some("co.uk"), &[shop], Err("public suffix"));
        check(shop, None, &[shop], Ok("id.shop.example"));
        check("http://id.shop.example", Some("acme.example"), &["http://id.shop.example"], Err("https"));
    }

    #[test]
    fn origins_are_those_of_browsers_and_apps() {
        let android = "android:apk-key-hash:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        check("https://a.example/", None, &["https://b.example", android], Ok("a.example"));
        for refused in ["http://b.example", "b.example", "https://b.example/x", "android:apk-key-hash:AA", ""]
        {
            check("https://a.example/", None, &[refused], Err("must begin with https"));
        }
    }
}
