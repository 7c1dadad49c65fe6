//! `response_mode=form_post`: the response as a form that the browser posts to the client (OAuth 2.0 Form
//! Post Response Mode).
//!
//! It is the one page of ours with a script, one line that is allowed by its hash; without scripts the
//! person presses the button.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use oauth2::authorization::AuthorizationResponse;
use ring::digest::{SHA256, digest};

use crate::response::{Answer, page as page_response};

const SCRIPT: &str = "document.forms[0].submit()";

/// The page.
pub(super) fn page(response: &AuthorizationResponse) -> Answer {
    let mut fields = String::new();
    for (name, value) in response.parameters() {
        write!(fields, "<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value)).ok();
    }
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Continue</title></head><body>\
         <form method=\"post\" action=\"{}\">{fields}<button>Continue</button></form>\
         <script>{SCRIPT}</script></body></html>",
        escape(response.redirect_uri())
    );
    let hash = STANDARD.encode(digest(&SHA256, SCRIPT.as_bytes()));
    let policy =
        format!("default-src 'none'; script-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'");
    let headers = [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff".to_owned()),
        ("referrer-policy", "no-referrer".to_owned()),
        ("cache-control", "no-store".to_owned()),
    ];
    page_response(StatusCode::OK, html, &headers)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn values_cannot_leave_their_attribute() {
        assert_eq!(escape("\"><script>'&"), "&quot;&gt;&lt;script&gt;&#39;&amp;");
    }
}
