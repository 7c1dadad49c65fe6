//! At which of its addresses a tenant is met.
//!
//! Attack: whoever can send a request with any `Host` has a message sent whose link leads to them, or a cookie set for a
//! domain of theirs. So a host chooses among the addresses that are configured; one that is none of them is the tenant's own
//! address, as it ever was.

use std::sync::Arc;

use federation::TenantProviders;
use identity::settings::check_cookie_domain;
use primitives::TenantId;
use url::Url;

use super::{LoadedTenant, TenantRules};

/// A tenant at its own address (`url`, `providers`) and at the others of its settings; `own_host` is the one at whose root it
/// answers.
pub(super) fn everywhere(
    rules: &Arc<TenantRules>,
    (url, providers): (Url, TenantProviders),
    own_host: Option<&str>,
    providers_at: impl Fn(&TenantRules, &str) -> TenantProviders,
) -> LoadedTenant {
    let wanted = rules.identity.session.cookie_domain.as_deref();
    // One that the host cannot have is passed over: browsers would drop the cookie, or others would get it.
    let cookie_domain =
        wanted.and_then(|domain| check_cookie_domain(domain, url.host_str()?).ok()).map(str::to_owned);
    let aliases = rules.identity.aliases.iter().filter_map(|alias| {
        let (origin, cookie_domain) = alias.check().ok()?;
        // There it is found by its host, so that its paths are others.
        if origin.host_str() == own_host {
            return None;
        }
        let url = match rules.id.as_str() {
            TenantId::DEFAULT => origin,
            id => origin.join(&format!("/t/{id}")).ok()?,
        };
        let providers = providers_at(rules, url.as_str().trim_end_matches('/'));
        Some(Arc::new(LoadedTenant::at(url, cookie_domain, providers, rules, Vec::new())))
    });
    let aliases = aliases.collect();
    LoadedTenant::at(url, cookie_domain, providers, rules, aliases)
}

impl LoadedTenant {
    fn at(
        url: Url,
        cookie_domain: Option<String>,
        providers: TenantProviders,
        rules: &Arc<TenantRules>,
        aliases: Vec<Arc<Self>>,
    ) -> Self {
        Self {
            base_url: url.as_str().trim_end_matches('/').to_owned(),
            base_path: url.path().trim_end_matches('/').to_owned(),
            url,
            cookie_domain,
            providers,
            everywhere: Arc::clone(rules),
            aliases,
        }
    }

    /// The tenant at the address that a browser asked for (`Host`, with its port), if it is one of the tenant's.
    pub(crate) fn asked_at(self: &Arc<Self>, host: Option<&str>) -> Arc<Self> {
        let found = host.and_then(|host| self.aliases.iter().find(|alias| is_of(&alias.url, host)));
        Arc::clone(found.unwrap_or(self))
    }
}

/// Whether `host` is what browsers send to this address. Names are compared without regard to case, ports exactly; the one of
/// the scheme may be there or not.
fn is_of(url: &Url, host: &str) -> bool {
    let Some(name) = url.host_str() else { return false };
    let Some((start, rest)) = host.split_at_checked(name.len()) else { return false };
    let port = match rest.strip_prefix(':') {
        Some(digits) => digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit())),
        None if rest.is_empty() => default_port(url),
        None => None,
    };
    start.eq_ignore_ascii_case(name) && port.is_some() && port == url.port_or_known_default()
}

fn default_port(url: &Url) -> Option<u16> {
    match url.scheme() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_an_address_or_it_is_not() {
        for (url, host, expect) in [
            ("https://id.shop.example", "id.shop.example", true),
            ("https://id.shop.example", "ID.Shop.Example", true),
            ("https://id.shop.example", "id.shop.example:443", true),
            ("https://id.shop.example/t/acme", "id.shop.example", true),
            ("http://localhost:4455", "localhost:4455", true),
            ("http://[::1]:4455", "[::1]:4455", true),
            ("https://id.shop.example", "id.shop.example:8443", false),
            ("https://id.shop.example", "id.shop.example:", false),
            ("https://id.shop.example", "id.shop.example:+443", false),
            ("https://id.shop.example", "id.shop.example.", false),
            ("https://id.shop.example", "id.shop.example.evil.example", false),
            ("https://id.shop.example", "id.shop.example@evil.example", false),
            ("https://id.shop.example", "evil.example", false),
            ("https://id.shop.example", "xid.shop.example", false),
            ("https://id.shop.example", "shop.example", false),
            ("https://id.shop.example", "id.shop.examplé", false),
            ("http://localhost:4455", "localhost", false),
            ("https://id.shop.example", "", false),
        ] {
            assert_eq!(is_of(&url.parse().unwrap(), host), expect, "{host} of {url}");
        }
    }
}
