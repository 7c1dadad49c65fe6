//! What goes back to the client through the browser (RFC 6749 section 4.1.2, RFC 9207).

use serde::{Deserialize, Serialize};
use url::form_urlencoded;

/// How the response travels (OAuth 2.0 Multiple Response Types section 2.1, Form Post Response Mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI: the default of the code flow.
    Query,
    /// In its fragment.
    Fragment,
    /// In a form that the browser posts to it.
    FormPost,
}

impl ResponseMode {
    /// Every mode, as discovery lists them.
    pub const ALL: [Self; 3] = [Self::Query, Self::Fragment, Self::FormPost];

    /// Its registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }

    /// Reads a registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// An authorization response, a code or an error, on its way to a redirect URI that was proven to be
/// the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// Where it goes: as registered, but for the port of a loopback address.
    pub redirect_uri: String,
    /// How it travels.
    pub mode: ResponseMode,
    /// What it says; always with `iss`.
    pub parameters: Vec<(&'static str, String)>,
}

impl AuthorizationResponse {
    /// The value of `Location` for a redirect; none for a form that the browser is to post.
    pub fn location(&self) -> Option<String> {
        let separator = match self.mode {
            ResponseMode::Query if self.redirect_uri.ends_with(['?', '&']) => "",
            ResponseMode::Query if self.redirect_uri.contains('?') => "&",
            ResponseMode::Query => "?",
            // A registered URI has no fragment.
            ResponseMode::Fragment => "#",
            ResponseMode::FormPost => return None,
        };
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(&self.parameters);
        Some(format!("{}{separator}{}", self.redirect_uri, encoded.finish()))
    }

    /// The value of a parameter.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(redirect_uri: &str, mode: ResponseMode, expect: Option<&str>) {
        let parameters = vec![("code", "a b".to_owned()), ("state", "x&iss=evil#".to_owned())];
        let response = AuthorizationResponse { redirect_uri: redirect_uri.to_owned(), mode, parameters };
        assert_eq!(response.location().as_deref(), expect, "{redirect_uri}");
    }

    #[test]
    fn parameters_are_appended_and_cannot_break_out() {
        use ResponseMode::{FormPost, Fragment, Query};
        let pairs = "code=a+b&state=x%26iss%3Devil%23";
        check("https://a.example/cb", Query, Some(&format!("https://a.example/cb?{pairs}")));
        check("https://a.example/cb?x=1", Query, Some(&format!("https://a.example/cb?x=1&{pairs}")));
        check("https://a.example/cb?", Query, Some(&format!("https://a.example/cb?{pairs}")));
        check("com.example.app:/cb", Query, Some(&format!("com.example.app:/cb?{pairs}")));
        check("https://a.example/cb", Fragment, Some(&format!("https://a.example/cb#{pairs}")));
        check("https://a.example/cb", FormPost, None);
    }
}
