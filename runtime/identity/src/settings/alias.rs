//! Other addresses at which browsers meet a tenant, under each its own cookie.
//!
//! | attack | what stands against it |
//! |---|---|
//! | a request names any host, and gets a cookie for it, or has a message with a link there sent to somebody | an address is one that is configured, or the tenant's own: never what a request says |
//! | a cookie of a public suffix is sent to everybody below it | [`check_cookie_domain`], for each address by its own host |
//! | an address without TLS gives the cookie away on its first use | `https` alone, but for names of this very machine |

use primitives::Origin;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{UnusableCookieDomain, check_cookie_domain};

/// Another address of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasSettings {
    /// Scheme, host and port, e.g. `https://id.example-shop.com`. The tenant answers there below `/t/{tenant}`, and `default`
    /// at the root: what is in front of this server passes the host on. Forms, pages, links in messages and cookies are those of
    /// the address that a browser is at; issuer and tokens stay what they are. Who signs in at one address is signed in at no
    /// other. Other providers need a redirect address for each; of passkeys, `relying_party.origins` says which are good here too.
    #[schemars(with = "String")]
    pub origin: Origin,
    /// The domain of the session's cookie there, as `session.cookie_domain` is at the tenant's own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_domain: Option<String>,
}

/// Why a tenant cannot have an address. The operator's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableAlias {
    /// Whoever is on the way would read the cookie.
    #[error("must be https: the session's cookie would travel in the open")]
    Insecure,
    /// The cookie's domain does not fit.
    #[error(transparent)]
    CookieDomain(#[from] UnusableCookieDomain),
}

impl AliasSettings {
    /// The most of a tenant.
    pub const MOST: usize = 32;

    /// The address with its domain of cookies, once it can be used.
    pub fn check(&self) -> Result<(Url, Option<String>), UnusableAlias> {
        let insecure = || UnusableAlias::Insecure;
        let url = Url::parse(self.origin.as_str()).map_err(|_| insecure())?;
        if url.scheme() != "https" && !is_here(&url) {
            return Err(insecure());
        }
        let host = url.host_str().ok_or_else(insecure)?;
        let domain = self.cookie_domain.as_deref().map(|domain| check_cookie_domain(domain, host));
        let domain = domain.transpose()?.map(str::to_owned);
        Ok((url, domain))
    }
}

/// Whether it names this very machine, which nobody is on the way to.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: &str, domain: Option<&str>, expect: Result<Option<&str>, &str>) {
        let alias =
            AliasSettings { origin: origin.parse().unwrap(), cookie_domain: domain.map(str::to_owned) };
        match (alias.check(), expect) {
            (Ok((_, found)), Ok(expect)) => assert_eq!(found.as_deref(), expect, "{origin} {domain:?}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{origin}: {error}"),
            (found, expect) => panic!("{origin} {domain:?}: {found:?}, not {expect:?}"),
        }
    }

    #[test]
    fn address_has_tls_and_a_cookie_of_its_own_domain() {
        check("https://id.shop.example", None, Ok(None));
        check("https://id.shop.example:8443", Some("shop.example"), Ok(Some("shop.example")));
        check("https://id.shop.example", Some(".shop.example"), Ok(Some("shop.example")));
        check("http://127.0.0.1:4455", None, Ok(None));
        check("http://id.localhost:4455", None, Ok(None));
        check("http://id.shop.example", None, Err("must be https"));
        check("http://notlocalhost", None, Err("must be https"));
        check("http://10.0.0.1", None, Err("must be https"));
        check("https://id.shop.co.uk", Some("co.uk"), Err("public suffix"));
        check("https://id.shop.example", Some("acme.example"), Err("nor a domain above"));
        check("https://id.shop.example", Some("hop.example"), Err("nor a domain above"));
        check("https://192.0.2.1", Some("0.2.1"), Err("address"));
    }
}
