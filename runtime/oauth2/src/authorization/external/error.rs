//! Why the admin API does not show, or take the answer to, a challenge.

use crate::authorization::PageError;
use crate::ports::PortError;

/// Why a challenge is not shown, or its answer not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// The caller's fault: it is none of this tenant and step; 404.
    #[error("the challenge is not known here")]
    Unknown,
    /// It was answered, or has expired; 410.
    #[error("the challenge was answered before, or has expired")]
    Gone {
        /// Where the browser begins anew.
        redirect_to: String,
    },
    /// It was answered otherwise before; 409.
    #[error("the challenge was answered before, and not so")]
    Answered,
    /// The caller's fault: the answer is not one that can be taken; 400.
    #[error("{0}")]
    Invalid(String),
    /// Ours.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl ChallengeError {
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(text.into())
    }

    /// What a browser would be shown, as the admin API tells it.
    pub(crate) fn of_page(error: PageError, redirect_to: &str) -> Self {
        match error {
            PageError::Expired | PageError::Used => Self::Gone { redirect_to: redirect_to.to_owned() },
            PageError::Port(error) => Self::Port(error),
            PageError::Malformed(_)
            | PageError::UnknownClient
            | PageError::RedirectUri
            | PageError::PostLogoutRedirectUri
            | PageError::LogoutHint
            | PageError::PushedRequest
            | PageError::RequestObject
            | PageError::UnknownChallenge
            | PageError::OtherBrowser
            | PageError::Refused
            | PageError::OtherSubject
            | PageError::SessionEnded => Self::Unknown,
        }
    }
}
