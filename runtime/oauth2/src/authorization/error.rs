//! What is told to the client by redirect (RFC 6749 section 4.1.2.1, OpenID Connect Core section
//! 3.1.2.6). Only a [`ProvenRedirect`](super::redirect::ProvenRedirect) turns one into an answer.

use std::borrow::Cow;

use primitives::hooks::HookFailure;

use crate::client_policy::Refusal;
use crate::ports::PortError;
use crate::token::TokenError;

/// Why an authorization request is refused, once its redirect URI is proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectError {
    /// The client's fault.
    #[error("{0}")]
    InvalidRequest(Cow<'static, str>),
    /// Denied: the client may not use this flow.
    #[error("the client may not use this response type")]
    UnauthorizedClient,
    /// The client's fault.
    #[error("this response type is not served here")]
    UnsupportedResponseType,
    /// Denied: a scope that the client may not have.
    #[error("{0}")]
    InvalidScope(Cow<'static, str>),
    /// Denied: an audience that the client may not have (RFC 8707 section 2).
    #[error("the client may not ask for this audience")]
    InvalidTarget,
    /// The client's fault: details of a type that it may not use, or that do not fit their type (RFC 9396 section 5).
    #[error("{0}")]
    InvalidAuthorizationDetails(Cow<'static, str>),
    /// Nobody can sign in as the client needs it (OpenID Connect Core Error Code unmet_authentication_requirements).
    #[error("the person cannot sign in as the client asks")]
    UnmetAuthenticationRequirements,
    /// The client's fault: `request`, and there is nothing to check it with (RFC 9101 section 7).
    #[error("the client has registered no keys for request objects")]
    RequestNotSupported,
    /// The client's fault: `request_uri`, and it said of no address that it would be one.
    #[error("the client has registered no request_uris")]
    RequestUriNotSupported,
    /// The client's fault: what it signed is not acceptable, or it did not sign it.
    #[error("{0}")]
    InvalidRequestObject(Cow<'static, str>),
    /// The client's fault: what `request_uri` names is not to be had.
    #[error("{0}")]
    InvalidRequestUri(&'static str),
    /// The client's fault: `registration` (OpenID Connect Core section 7.2.1).
    #[error("registration is not supported")]
    RegistrationNotSupported,
    /// `prompt=none`, and somebody must sign in.
    #[error("the person must sign in")]
    LoginRequired,
    /// `prompt=none`, and somebody must consent.
    #[error("the person must consent")]
    ConsentRequired,
    /// The person must be shown a page, and cannot be.
    #[error("{0}")]
    InteractionRequired(&'static str),
    /// Denied by the person.
    #[error("the person refused")]
    AccessDenied,
    /// Denied by a plugin of the tenant.
    #[error("{0}")]
    Refused(String),
    /// A plugin of the tenant gave no usable answer. The tenant's to mend.
    #[error(transparent)]
    Hook(HookFailure),
    /// Ours.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl RedirectError {
    /// `error` of the answer.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope(_) => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidAuthorizationDetails(_) => "invalid_authorization_details",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRequestObject(_) => "invalid_request_object",
            Self::InvalidRequestUri(_) => "invalid_request_uri",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired(_) => "interaction_required",
            Self::AccessDenied | Self::Refused(_) => "access_denied",
            Self::Port(PortError::Busy(_)) => "temporarily_unavailable",
            Self::Hook(_) | Self::Port(PortError::Unavailable(_)) => "server_error",
        }
    }

    /// `error_description` of the answer: never the inside of a failure of ours.
    pub(crate) fn description(&self) -> Cow<'static, str> {
        match self {
            Self::InvalidRequest(text)
            | Self::InvalidScope(text)
            | Self::InvalidAuthorizationDetails(text)
            | Self::InvalidRequestObject(text) => text.clone(),
            Self::Refused(reason) => reason.clone().into(),
            Self::Port(PortError::Busy(_)) => "the server is busy; try again".into(),
            Self::Hook(_) | Self::Port(PortError::Unavailable(_)) => "the server could not answer".into(),
            Self::UnauthorizedClient
            | Self::UnsupportedResponseType
            | Self::InvalidTarget
            | Self::UnmetAuthenticationRequirements
            | Self::RequestNotSupported
            | Self::RequestUriNotSupported
            | Self::InvalidRequestUri(_)
            | Self::RegistrationNotSupported
            | Self::LoginRequired
            | Self::ConsentRequired
            | Self::InteractionRequired(_)
            | Self::AccessDenied => self.to_string().into(),
        }
    }
}

impl From<Refusal> for RedirectError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied(reason) => Self::Refused(reason),
            Refusal::Hook(failure) => Self::Hook(failure),
        }
    }
}

/// The checks of scope and audience are shared with the token endpoint.
impl From<TokenError> for RedirectError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::InvalidScope(text) => Self::InvalidScope(text),
            TokenError::InvalidTarget => Self::InvalidTarget,
            TokenError::InvalidAuthorizationDetails(text) => Self::InvalidAuthorizationDetails(text),
            TokenError::Port(error) => Self::Port(error),
            TokenError::InvalidRequest(text) => Self::InvalidRequest(text),
            TokenError::InvalidClient { .. }
            | TokenError::InvalidGrant(_)
            | TokenError::InvalidProof(_)
            | TokenError::UseDpopNonce
            | TokenError::UnauthorizedClient
            | TokenError::UnsupportedGrantType => Self::UnauthorizedClient,
            TokenError::AccessDenied(reason) => Self::Refused(reason),
            TokenError::AuthorizationPending | TokenError::SlowDown | TokenError::ExpiredToken => {
                Self::AccessDenied
            }
            TokenError::Hook(failure) => Self::Hook(failure),
            TokenError::Sign(_) | TokenError::Contention => {
                Self::Port(PortError::Unavailable(error.to_string()))
            }
        }
    }
}
