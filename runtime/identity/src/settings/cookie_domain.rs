//! How far the session's cookie reaches.
//!
//! Attack: a cookie for `co.uk`, or for `github.io`, is sent to whoever has a name below it, and whoever has one sets it. So
//! a domain is at most the registrable one, by the list of public suffixes that browsers go by.

/// The domain cannot be the cookie's. The operator's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableCookieDomain {
    /// A browser drops a cookie whose domain is not the host's own or above it (RFC 6265 section 5.3).
    #[error("is neither `{0}` nor a domain above it: browsers would drop the cookie")]
    NotAbove(String),
    /// Others have names below it.
    #[error("is a public suffix: whoever has a name below it would get the cookie")]
    PublicSuffix,
    /// An address has no subdomains.
    #[error("is no domain but an address: leave it out")]
    Address,
}

/// Checks the domain of a cookie that `host` sets; a dot before it means nothing (RFC 6265 section 5.2.3).
pub fn check_cookie_domain<'a>(domain: &'a str, host: &str) -> Result<&'a str, UnusableCookieDomain> {
    let domain = domain.trim_start_matches('.');
    if host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[') {
        return Err(UnusableCookieDomain::Address);
    }
    let above = host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if !above || domain.is_empty() {
        return Err(UnusableCookieDomain::NotAbove(host.to_owned()));
    }
    if psl::domain_str(domain).is_none() {
        return Err(UnusableCookieDomain::PublicSuffix);
    }
    Ok(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(domain: &str, host: &str, expect: Result<&str, &str>) {
        match (check_cookie_domain(domain, host), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{domain} of {host}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{domain}: {error}"),
            (found, expect) => panic!("{domain} of {host}: {found:?}, not {expect:?}"),
        }
    }

    #[test]
    fn domain_is_the_hosts_own_or_above_it_and_nobody_elses() {
        check("id.acme.example", "id.acme.example", Ok("id.acme.example"));
        check("acme.example", "id.acme.example", Ok("acme.example"));
        check(".acme.co.uk", "id.acme.co.uk", Ok("acme.co.uk"));
        check("co.uk", "id.acme.co.uk", Err("public suffix"));
        check("example", "id.acme.example", Err("public suffix"));
        check("github.io", "acme.github.io", Err("public suffix"));
        check("cme.example", "id.acme.example", Err("nor a domain above"));
        check("other.example", "id.acme.example", Err("nor a domain above"));
        check("app.id.acme.example", "id.acme.example", Err("nor a domain above"));
        check("", "id.acme.example", Err("nor a domain above"));
        check(".", "id.acme.example", Err("nor a domain above"));
        check("0.0.1", "127.0.0.1", Err("address"));
        check("localhost", "localhost", Err("public suffix"));
    }
}
