//! What goes wrong where no client may be told: a page for the person.

use primitives::{AuthenticatedSubject, IdentityId};

use crate::ports::PortError;

/// Why an authorization, or a logout, ends on a page of ours.
///
/// Nothing of it is ever sent to an address that the request brought along.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The request is not one at all: too many parameters, or the essential ones missing or repeated.
    #[error("{0}")]
    Malformed(&'static str),
    /// No such client, or it is disabled.
    #[error("no such client, or it is disabled")]
    UnknownClient,
    /// `redirect_uri` is not one of the client's. The answer stays here: an open redirector otherwise.
    #[error("redirect_uri is not registered for the client")]
    RedirectUri,
    /// `post_logout_redirect_uri` is not one of the client's.
    #[error("post_logout_redirect_uri is not registered for the client")]
    PostLogoutRedirectUri,
    /// `id_token_hint` of a logout is not an ID token of ours.
    #[error("id_token_hint is not an ID token of this issuer")]
    LogoutHint,
    /// `request_uri` names no request that this client pushed, or one of too long ago (RFC 9126 section 4).
    #[error("request_uri is not of a request that was pushed, or it has expired")]
    PushedRequest,
    /// What the client signed is not acceptable, and no address of the client's stands beside it (RFC 9101 section 7).
    #[error(
        "the request object is not acceptable, and redirect_uri beside it is not registered for the client"
    )]
    RequestObject,
    /// The challenge does not open: made up, tampered with, of another tenant, or of another step.
    #[error("the challenge is not one of ours")]
    UnknownChallenge,
    /// It took too long.
    #[error("the challenge has expired")]
    Expired,
    /// The challenge was used before.
    #[error("the challenge was used before")]
    Used,
    /// The challenge was made for another browser, or the browser sends no cookie: somebody was handed
    /// a link into another person's sign-in.
    #[error("the challenge belongs to another browser")]
    OtherBrowser,
    /// Somebody else is signed in than the one who was asked.
    #[error("the challenge belongs to another person")]
    OtherSubject,
    /// The sign-in of the one who was asked ended before they had answered, or before their answer was here.
    #[error("the challenge belongs to a sign-in that has ended")]
    SessionEnded,
    /// A login app refused somebody who wanted to sign in for a device.
    #[error("the login app refused")]
    Refused,
    /// Ours.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request's; answered with 400.
    Request,
    /// It is well-formed and not for whoever sent it; 403.
    Forbidden,
    /// It was good once; 410.
    Gone,
    /// Ours; 500, logged with its cause.
    Server,
    /// Too much to do; 503.
    Busy,
}

impl PageError {
    /// Of whoever is there in place of the one who was asked: somebody else, or they themselves without the sign-in of then.
    pub(crate) fn of_other(there: Option<&AuthenticatedSubject>, asked: Option<IdentityId>) -> Self {
        match there {
            Some(there) if asked != Some(there.subject) => Self::OtherSubject,
            _ => Self::SessionEnded,
        }
    }

    /// By which pages translate it.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "invalid_request",
            Self::UnknownClient => "invalid_client",
            Self::RedirectUri => "invalid_redirect_uri",
            Self::PostLogoutRedirectUri => "invalid_post_logout_redirect_uri",
            Self::LogoutHint => "invalid_id_token_hint",
            Self::PushedRequest => "invalid_request_uri",
            Self::RequestObject => "invalid_request_object",
            Self::UnknownChallenge => "invalid_challenge",
            Self::Expired => "challenge_expired",
            Self::Used => "challenge_used",
            Self::OtherBrowser => "challenge_of_another_browser",
            Self::OtherSubject => "challenge_of_another_subject",
            Self::SessionEnded => "challenge_of_an_ended_session",
            Self::Refused => "access_denied",
            Self::Port(PortError::Busy(_)) => "temporarily_unavailable",
            Self::Port(PortError::Unavailable(_)) => "server_error",
        }
    }

    /// What the person reads, in plain words; never the inside of a failure of ours.
    pub const fn message(&self) -> &'static str {
        match self {
            Self::Malformed(text) => text,
            Self::UnknownClient => {
                "The application that sent you here is not known, or has been switched off. Ask whoever runs it."
            }
            Self::RedirectUri => {
                "The application that sent you here asked us to answer to an address that is not registered for it. \
                 To protect you, we have not sent you there."
            }
            Self::PostLogoutRedirectUri => {
                "The application asked us to send you to an address that is not registered for it after signing out. \
                 To protect you, we have not sent you there."
            }
            Self::LogoutHint => "The application sent a sign-out request that we cannot verify.",
            Self::PushedRequest => {
                "The application's request is not known here, or took too long. Go back to the application and start again."
            }
            Self::RequestObject => {
                "The application sent a request that we cannot verify. To protect you, we have not gone on. \
                 Ask whoever runs the application."
            }
            Self::UnknownChallenge => {
                "This link is not valid here. Go back to the application and start again."
            }
            Self::Expired => {
                "This took too long and has expired. Go back to the application and start again."
            }
            Self::Used => "This was already answered. Go back to the application and start again.",
            Self::OtherBrowser => {
                "This sign-in was started in another browser, or your browser blocks cookies. \
                 Go back to the application and start again."
            }
            Self::OtherSubject => {
                "Somebody else is signed in than when this was started. Go back to the application and start again."
            }
            Self::SessionEnded => {
                "Your sign-in ended before this was done. Go back to the application and start again."
            }
            Self::Refused => "You were not signed in. Nothing was given to the device.",
            Self::Port(PortError::Busy(_)) => "The server is busy. Please try again in a moment.",
            Self::Port(PortError::Unavailable(_)) => {
                "Something went wrong on our side. Please try again later, naming the request id."
            }
        }
    }

    /// Whose fault it is.
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Malformed(_)
            | Self::UnknownClient
            | Self::RedirectUri
            | Self::PostLogoutRedirectUri
            | Self::LogoutHint
            | Self::PushedRequest
            | Self::RequestObject
            | Self::UnknownChallenge => Fault::Request,
            Self::OtherBrowser | Self::OtherSubject | Self::SessionEnded | Self::Refused => Fault::Forbidden,
            Self::Expired | Self::Used => Fault::Gone,
            Self::Port(PortError::Busy(_)) => Fault::Busy,
            Self::Port(PortError::Unavailable(_)) => Fault::Server,
        }
    }
}
