//! The headers that every page carries.

use crate::branding::{Branding, PageUrl};

/// Names and values, to be set on every page.
///
/// Nothing runs and nothing is loaded but stylesheets and pictures; a page that asks for passkeys adds its one script,
/// and one that shows a widget of another service what that needs ([`policy_with_sources`]). `form-action` is absent on purpose: browsers
/// apply it to the redirects that follow a form too, and signing in ends with one to the client's own address,
/// which may be a private-use scheme (RFC 8252 section 7.1). Everything on a page is escaped, so no form can be
/// smuggled in. `Cross-Origin-Opener-Policy` is absent too: an app that opens sign-in in a window of its own would
/// lose it.
///
/// `picture` is an image beside the tenant's own that the page shows, such as a client's logo.
pub fn page_headers(branding: &Branding, picture: Option<&PageUrl>) -> [(&'static str, String); 6] {
    let mut images = String::from("'self' data:");
    for origin in branding.pictures().chain(picture).filter_map(PageUrl::origin) {
        images.push(' ');
        images.push_str(origin);
    }
    [
        (
            "content-security-policy",
            format!(
                "default-src 'none'; style-src 'self'; img-src {images}; base-uri 'none'; frame-ancestors 'none'"
            ),
        ),
        ("x-frame-options", "DENY".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        // Not `no-referrer`: that would turn the `Origin` of our own forms into `null`.
        ("referrer-policy", "same-origin".to_owned()),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()".to_owned()),
        ("cache-control", "no-store".to_owned()),
    ]
}

/// The policy with more sources, each with its directive: whole URLs, an origin, or one with `*.` before its host.
pub fn policy_with_sources(policy: &str, added: &[(&str, String)]) -> String {
    let mut directives: Vec<String> = policy.split("; ").map(str::to_owned).collect();
    // A character that ends a source or a directive makes none.
    let is_source =
        |source: &str| source.starts_with("http") && !source.contains([';', ',', ' ', '\'', '?', '#']);
    for (name, source) in added.iter().filter(|(_, source)| is_source(source)) {
        // The second of two of a name counts for nothing.
        match directives.iter_mut().find(|directive| directive.split(' ').next() == Some(name)) {
            Some(directive) => {
                directive.push(' ');
                directive.push_str(source);
            }
            None => directives.push(format!("{name} {source}")),
        }
    }
    directives.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_may_run_and_nothing_else() {
        const NOTHING: &str = "default-src 'none'; style-src 'self'";
        let check = |added: &[(&str, &str)], expect: &str| {
            let added: Vec<_> = added.iter().map(|(name, source)| (*name, (*source).to_owned())).collect();
            assert_eq!(policy_with_sources(NOTHING, &added), expect);
        };
        check(&[], NOTHING);
        check(
            &[("script-src", "https://id.example/ui/assets/passkeys-1.js")],
            "default-src 'none'; style-src 'self'; script-src https://id.example/ui/assets/passkeys-1.js",
        );
        check(
            &[
                ("script-src", "https://id.example/a.js"),
                ("script-src", "https://*.widget.example"),
                ("style-src", "https://widget.example"),
                ("frame-src", "https://widget.example"),
            ],
            "default-src 'none'; style-src 'self' https://widget.example; \
             script-src https://id.example/a.js https://*.widget.example; frame-src https://widget.example",
        );
        for source in ["https://id.example/;script-src *", "https://id.example/ *", "'self'", "*", ""] {
            check(&[("script-src", source)], NOTHING);
        }
    }

    #[test]
    fn policy_lets_nothing_run() {
        let branding =
            Branding { logo_url: Some("https://cdn.example/l.svg".parse().unwrap()), ..Branding::default() };
        let headers = page_headers(&branding, None);
        let policy = &headers[0].1;
        assert!(policy.starts_with("default-src 'none';"));
        assert!(policy.contains("img-src 'self' data: https://cdn.example;"));
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
    }
}
