//! The headers that every page carries.

use crate::branding::{Branding, PageUrl};

/// Names and values, to be set on every page.
///
/// Nothing runs and nothing is loaded but stylesheets and pictures; a page that asks for passkeys adds its one script
/// ([`policy_with_script`]). `form-action` is absent on purpose: browsers
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

/// The policy of a page on which one script runs: the file at `script`, a whole URL, and no other.
pub fn policy_with_script(policy: &str, script: &str) -> String {
    // A character that ends a source or a directive makes none.
    let is_source = script.starts_with("http") && !script.contains([';', ',', ' ', '\'', '?', '#']);
    if is_source { format!("{policy}; script-src {script}") } else { policy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_script_may_run_where_it_is_named() {
        let policy = policy_with_script("default-src 'none'", "https://id.example/ui/assets/passkeys-1.js");
        assert_eq!(policy, "default-src 'none'; script-src https://id.example/ui/assets/passkeys-1.js");
        for script in ["https://id.example/;script-src *", "https://id.example/ *", "'self'", "*", ""] {
            assert_eq!(policy_with_script("default-src 'none'", script), "default-src 'none'", "{script}");
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
