//! Mistakes about where people are sent, and under which addresses a tenant answers.

use super::{check, tenant};

#[test]
fn wildcards_of_return_urls() {
    let listed = |url: &str| tenant(&format!("[tenant.identity.flow]\nallowed_return_urls = [\"{url}\"]"));
    check(&listed("https://*.acme.example/app"), &[]);
    for (url, wrong) in [
        ("https://*.com", "has a wildcard below a public suffix, where anybody can have a name"),
        ("https://*.co.uk", "has a wildcard below a public suffix, where anybody can have a name"),
        ("https://*.192.0.2.1", "has a wildcard below an address, where there are no names"),
        ("http://*.acme.example", "must be an https URL, since it has a wildcard"),
        (
            "https://app-*.acme.example",
            "may have `*` only for everything before a domain, as in `https://*.acme.example`",
        ),
    ] {
        let expect = format!("p.toml:4:24: tenant[0].identity.flow.allowed_return_urls[0]: `{url}` {wrong}");
        check(&listed(url), &[&expect]);
    }
}

#[test]
fn other_addresses_of_a_tenant() {
    let alias = |settings: &str| {
        format!("[[tenant]]\nid = \"a\"\nhost = \"id.x.example\"\n[[tenant.identity.alias]]\n{settings}")
    };
    check(&alias("origin = \"https://id.y.example\"\ncookie_domain = \"y.example\""), &[]);
    for (settings, wrong) in [
        (
            "origin = \"http://id.y.example\"",
            "p.toml:5:1: tenant[0].identity.alias[0].origin: must be https: the session's cookie would travel in the open",
        ),
        (
            "origin = \"https://id.y.co.uk\"\ncookie_domain = \"co.uk\"",
            "p.toml:6:1: tenant[0].identity.alias[0].cookie_domain: is a public suffix: whoever has a name below it would \
             get the cookie",
        ),
        (
            "origin = \"https://id.y.example\"\ncookie_domain = \"x.example\"",
            "p.toml:6:1: tenant[0].identity.alias[0].cookie_domain: is neither `id.y.example` nor a domain above it: \
             browsers would drop the cookie",
        ),
        (
            "origin = \"https://id.x.example\"",
            "p.toml:5:1: tenant[0].identity.alias[0].origin: tenant[0] answers at `https://id.x.example`",
        ),
        (
            "origin = \"https://id.y.example\"\n[[tenant.identity.alias]]\norigin = \"https://ID.Y.example:443\"",
            "p.toml:7:1: tenant[0].identity.alias[1].origin: `https://id.y.example` is written twice",
        ),
        (
            "origin = \"https://id.z.example\"\n[[tenant]]\nid = \"z\"\nhost = \"id.z.example\"",
            "p.toml:5:1: tenant[0].identity.alias[0].origin: tenant[1] answers at `https://id.z.example`",
        ),
    ] {
        check(&alias(settings), &[wrong]);
    }
    check(
        "[server]\nbase_url = \"https://id.x.example\"\n[[tenant]]\nid = \"default\"\n[[tenant.identity.alias]]\n\
         origin = \"https://id.x.example\"",
        &[
            "p.toml:6:1: tenant[0].identity.alias[0].origin: `https://id.x.example` is the tenant's own address",
        ],
    );
}
