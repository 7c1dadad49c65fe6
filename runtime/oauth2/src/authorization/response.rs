//! What goes back to the client through the browser (RFC 6749 section 4.1.2, RFC 9207, JARM).

use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::parameters::Parameters;

/// How the response travels (OAuth 2.0 Multiple Response Types section 2.1, Form Post Response Mode, JARM section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI: the default of the code flow.
    Query,
    /// In its fragment.
    Fragment,
    /// In a form that the browser posts to it.
    FormPost,
    /// In the query, signed.
    QueryJwt,
    /// In the fragment, signed.
    FragmentJwt,
    /// In a form, signed.
    FormPostJwt,
}

/// As the default mode of the response type, signed (JARM section 2.3.4).
pub(crate) const DEFAULT_SIGNED: &str = "jwt";

impl ResponseMode {
    /// Every mode, as discovery lists them.
    pub const ALL: [Self; 6] =
        [Self::Query, Self::Fragment, Self::FormPost, Self::QueryJwt, Self::FragmentJwt, Self::FormPostJwt];

    /// Its registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
            Self::QueryJwt => "query.jwt",
            Self::FragmentJwt => "fragment.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// Whether the answer is one token that we sign.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FragmentJwt | Self::FormPostJwt)
    }

    /// The same, signed.
    pub(super) const fn signed(self) -> Self {
        match self {
            Self::Query | Self::QueryJwt => Self::QueryJwt,
            Self::Fragment | Self::FragmentJwt => Self::FragmentJwt,
            Self::FormPost | Self::FormPostJwt => Self::FormPostJwt,
        }
    }

    /// The mode of a request. Attack: a token goes where other sites and logs find it (Multiple Response Types section 5): no
    /// response type with one goes back in a query, its errors included.
    ///
    /// An error is the mode in which to tell that the one that was asked for is not to be had.
    pub(super) fn check(parameters: &Parameters<'_>) -> Result<Self, Self> {
        let is_front_channel =
            parameters.words("response_type").any(|word| matches!(word, "token" | "id_token"));
        let default = if is_front_channel { Self::Fragment } else { Self::Query };
        let signed = if is_front_channel { Self::FragmentJwt } else { Self::QueryJwt };
        let mode = match parameters.find("response_mode") {
            None => return Ok(default),
            Some(DEFAULT_SIGNED) => return Ok(signed),
            Some(name) => Self::parse(name).ok_or(default)?,
        };
        match mode {
            Self::Query if is_front_channel => Err(default),
            Self::QueryJwt if is_front_channel => Err(signed),
            mode => Ok(mode),
        }
    }

    /// Reads a registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// An answer to a client, a code or an error, before it has the form that its client takes.
///
/// It cannot travel: only `secured` makes of it what a browser is given, signed where it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnsecuredResponse {
    /// Where it goes: as registered, but for the port of a loopback address.
    pub(super) redirect_uri: String,
    /// How the client wants it.
    pub(super) mode: ResponseMode,
    /// What it says; always with `iss`.
    pub(super) parameters: Vec<(&'static str, String)>,
}

/// The value of `Location` for a redirect; none for a form that the browser is to post.
pub(crate) fn location(
    redirect_uri: &str,
    mode: ResponseMode,
    parameters: &[(&'static str, String)],
) -> Option<String> {
    let separator = match mode {
        ResponseMode::Query | ResponseMode::QueryJwt => match redirect_uri {
            uri if uri.ends_with(['?', '&']) => "",
            uri if uri.contains('?') => "&",
            _ => "?",
        },
        // A registered URI has no fragment.
        ResponseMode::Fragment | ResponseMode::FragmentJwt => "#",
        ResponseMode::FormPost | ResponseMode::FormPostJwt => return None,
    };
    let mut encoded = form_urlencoded::Serializer::new(String::new());
    encoded.extend_pairs(parameters);
    Some(format!("{redirect_uri}{separator}{}", encoded.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(redirect_uri: &str, mode: ResponseMode, expect: Option<&str>) {
        let parameters = [("code", "a b".to_owned()), ("state", "x&iss=evil#".to_owned())];
        assert_eq!(location(redirect_uri, mode, &parameters).as_deref(), expect, "{redirect_uri}");
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
