//! Why somebody is not signed in, by whose doing.

use openidconnect::ClaimsVerificationError;

/// Why a sign-in, or the renewal of one, came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// The `state` is none that this browser began: expired, used before, another browser's, or made up.
    #[error("the state belongs to no sign-in that this browser began")]
    UnknownState,
    /// The answer carries neither a code nor an error.
    #[error("the answer carries neither a code nor an error")]
    Incomplete,
    /// The answer is not from our provider (RFC 9207: a mix-up).
    #[error("the answer is not from the issuer that was asked")]
    OtherIssuer,
    /// The provider said no, in its own words.
    #[error("the provider refused: {}", .0.code)]
    Refused(Refusal),
    /// The provider cannot be reached or its answer cannot be read.
    #[error("the provider did not answer as it should: {0}")]
    Upstream(String),
    /// The token response has no ID token.
    #[error("the token response has no ID token")]
    NoIdToken,
    /// The ID token is not one for us, or not one of our provider's.
    #[error("the ID token does not verify: {0}")]
    IdToken(#[from] ClaimsVerificationError),
    /// The ID token was issued to another client.
    #[error("the ID token is for the authorized party of another client")]
    OtherParty,
    /// The access token is not the one that the ID token was issued with.
    #[error("at_hash does not match the access token")]
    AccessTokenHash,
    /// A renewed ID token, or userinfo, is about somebody else.
    #[error("the subject changed")]
    OtherSubject,
    /// This machine failed.
    #[error(transparent)]
    Internal(#[from] crate::random::NoRandomness),
}

/// An OAuth error response (RFC 6749, sections 4.1.2.1 and 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `error`, such as `access_denied`.
    pub(crate) code: String,
    /// `error_description`, for people.
    pub(crate) description: Option<String>,
}

impl Refusal {
    /// Takes over the provider's words, cut to what fits a page; the page escapes them.
    pub(crate) fn new(code: &str, description: Option<&str>) -> Self {
        let cut =
            |text: &str, length| text.chars().filter(|c| !c.is_control()).take(length).collect::<String>();
        let description = description.map(|text| cut(text.trim(), 400)).filter(|text| !text.is_empty());
        Self { code: cut(code, 60), description }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_providers_words_are_cut_to_a_page() {
        let refusal = Refusal::new("access_denied", Some(&"a\u{7}".repeat(1000)));
        assert_eq!(refusal.description.unwrap().len(), 400);
        assert_eq!(Refusal::new("access_denied", Some("  ")).description, None);
    }
}
