//! What people call the one who signs them in.

use url::Url;

/// An issuer for display: the tenant of a path issuer (`https://id.example/t/acme`), otherwise the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssuerName {
    pub(crate) tenant: String,
    pub(crate) url: String,
}

impl IssuerName {
    pub(crate) fn of(issuer: &Url) -> Self {
        let mut segments = issuer.path_segments().into_iter().flatten();
        let tenant = match (segments.next(), segments.next()) {
            (Some("t"), Some(tenant)) if !tenant.is_empty() => tenant,
            _ => issuer.host_str().unwrap_or_default(),
        };
        Self { tenant: tenant.to_owned(), url: issuer.as_str().trim_end_matches('/').to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(issuer: &str, tenant: &str) {
        assert_eq!(IssuerName::of(&issuer.parse().unwrap()).tenant, tenant);
    }

    #[test]
    fn the_tenant_is_named_by_its_path_or_its_host() {
        check("http://127.0.0.1:4480/t/acme", "acme");
        check("https://id.acme.example", "id.acme.example");
        check("https://id.example/other/acme", "id.example");
        check("https://id.example/t/", "id.example");
    }
}
