//! Why a token request is refused (RFC 6749 section 5.2).

use std::borrow::Cow;

use primitives::hooks::HookFailure;

use crate::client_authentication::{AuthenticationError, FailedCause};
use crate::dpop::{DpopError, ProofFault};
use crate::ports::PortError;

/// Why the token endpoint, and its neighbours, refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The client's fault: the request is malformed.
    #[error("{0}")]
    InvalidRequest(Cow<'static, str>),
    /// The client's fault: it did not prove who it is.
    #[error("client authentication failed: {cause}")]
    InvalidClient {
        /// Whether the answer must name the Basic scheme.
        basic: bool,
        /// For the log.
        cause: FailedCause,
    },
    /// The client's fault: the code or token is not (any more) one that gives tokens to this client.
    #[error("{0}")]
    InvalidGrant(InvalidGrant),
    /// The client's fault: its proof of possession (RFC 9449 section 5).
    #[error(transparent)]
    InvalidProof(ProofFault),
    /// The client must make a proof with the nonce that comes with the answer (RFC 9449 section 8).
    #[error("the DPoP proof must hold the nonce of this server")]
    UseDpopNonce,
    /// Denied: the client may not use this grant.
    #[error("the client may not use this grant type")]
    UnauthorizedClient,
    /// The client's fault: we do not know the grant type.
    #[error("the grant type is not supported")]
    UnsupportedGrantType,
    /// Denied: a scope that the client may not have.
    #[error("{0}")]
    InvalidScope(Cow<'static, str>),
    /// Denied: an audience that the client may not have (RFC 8707 section 2).
    #[error("the client may not ask for this audience")]
    InvalidTarget,
    /// The client's fault: details of a type that it may not use, or that do not fit their type (RFC 9396 section 5).
    #[error("{0}")]
    InvalidAuthorizationDetails(Cow<'static, str>),
    /// Nobody has answered the device yet (RFC 8628 section 3.5).
    #[error("nobody has answered yet")]
    AuthorizationPending,
    /// The client's fault: the device asks too often.
    #[error("the device asks too often; its interval is five seconds longer now")]
    SlowDown,
    /// Nobody has answered the device in time.
    #[error("nobody has answered in time; begin anew")]
    ExpiredToken,
    /// Denied, by a hook or by the person; the text is for the client.
    #[error("{0}")]
    AccessDenied(String),
    /// Ours: a hook gave no usable answer. The cause is for the operator.
    #[error(transparent)]
    Hook(#[from] HookFailure),
    /// Ours: storage, keys, hashing.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Ours: a token could not be signed.
    #[error("signing failed: {0}")]
    Sign(#[from] jose::SignError),
    /// Ours: other requests changed the state faster than we could decide.
    #[error("too many concurrent requests for the same grant")]
    Contention,
}

/// Why a code or refresh token gives nothing. The client reads the text; it tells nothing that the
/// holder of the code does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what it is")]
pub enum InvalidGrant {
    #[error("the authorization code is unknown, expired or was issued to another client")]
    UnknownCode,
    #[error("the code was used before; the tokens issued for it are revoked")]
    ReplayedCode,
    #[error("redirect_uri is not the one of the authorization request")]
    RedirectUri,
    #[error("code_verifier does not fit the code_challenge")]
    CodeVerifier,
    #[error("it is bound to a key or a certificate, which the request does not show")]
    Key,
    #[error("the device code is unknown or was issued to another client")]
    UnknownDeviceCode,
    #[error("the refresh token is unknown, expired or was issued to another client")]
    UnknownRefreshToken,
    #[error("the refresh token was used before; the tokens issued with it are revoked")]
    ReusedRefreshToken,
    #[error("the assertion is not one of a trusted issuer, for this server, and good now")]
    Assertion,
    #[error("the assertion was used before")]
    ReplayedAssertion,
    #[error("the name or the password is wrong, or more is needed to sign in")]
    Credentials,
    #[error("the grant was revoked")]
    Revoked,
    #[error("the subject or its session is no longer active")]
    Subject,
}

/// The `error` member of an OAuth error answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are the registered names")]
pub enum ErrorCode {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidDpopProof,
    UseDpopNonce,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    InvalidTarget,
    InvalidAuthorizationDetails,
    AccessDenied,
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    ServerError,
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidAuthorizationDetails => "invalid_authorization_details",
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

impl TokenError {
    /// What the client is told as `error`.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidRequest(_) => ErrorCode::InvalidRequest,
            Self::InvalidClient { .. } => ErrorCode::InvalidClient,
            Self::InvalidGrant(_) => ErrorCode::InvalidGrant,
            Self::InvalidProof(_) => ErrorCode::InvalidDpopProof,
            Self::UseDpopNonce => ErrorCode::UseDpopNonce,
            Self::UnauthorizedClient => ErrorCode::UnauthorizedClient,
            Self::UnsupportedGrantType => ErrorCode::UnsupportedGrantType,
            Self::InvalidScope(_) => ErrorCode::InvalidScope,
            Self::InvalidTarget => ErrorCode::InvalidTarget,
            Self::InvalidAuthorizationDetails(_) => ErrorCode::InvalidAuthorizationDetails,
            Self::AccessDenied(_) => ErrorCode::AccessDenied,
            Self::AuthorizationPending => ErrorCode::AuthorizationPending,
            Self::SlowDown => ErrorCode::SlowDown,
            Self::ExpiredToken => ErrorCode::ExpiredToken,
            Self::Hook(_) | Self::Port(PortError::Unavailable(_)) | Self::Sign(_) => ErrorCode::ServerError,
            Self::Port(PortError::Busy(_)) | Self::Contention => ErrorCode::TemporarilyUnavailable,
        }
    }

    /// What the client is told as `error_description`: never the inside of a failure of ours, never
    /// which part of its credentials was wrong.
    pub fn description(&self) -> Cow<'static, str> {
        match self {
            Self::InvalidRequest(text)
            | Self::InvalidScope(text)
            | Self::InvalidAuthorizationDetails(text) => text.clone(),
            Self::InvalidClient { .. } => "client authentication failed".into(),
            Self::AccessDenied(text) => text.clone().into(),
            Self::Hook(_) | Self::Port(PortError::Unavailable(_)) | Self::Sign(_) => {
                "the server could not answer; ask its operator, naming the request id".into()
            }
            Self::Port(PortError::Busy(_)) | Self::Contention => "the server is busy; try again".into(),
            Self::InvalidGrant(_)
            | Self::InvalidProof(_)
            | Self::UseDpopNonce
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::AuthorizationPending
            | Self::SlowDown
            | Self::ExpiredToken
            | Self::InvalidTarget => self.to_string().into(),
        }
    }

    /// Whether it is our failure, to be logged with its cause.
    pub const fn is_internal(&self) -> bool {
        match self {
            Self::Hook(_) | Self::Port(_) | Self::Sign(_) | Self::Contention => true,
            Self::InvalidRequest(_)
            | Self::InvalidClient { .. }
            | Self::InvalidGrant(_)
            | Self::InvalidProof(_)
            | Self::UseDpopNonce
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::InvalidScope(_)
            | Self::InvalidTarget
            | Self::InvalidAuthorizationDetails(_)
            | Self::AuthorizationPending
            | Self::SlowDown
            | Self::ExpiredToken
            | Self::AccessDenied(_) => false,
        }
    }
}

impl From<DpopError> for TokenError {
    fn from(error: DpopError) -> Self {
        match error {
            DpopError::InvalidProof(fault) => Self::InvalidProof(fault),
            DpopError::UseNonce => Self::UseDpopNonce,
            DpopError::Port(error) => Self::Port(error),
        }
    }
}

impl From<AuthenticationError> for TokenError {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::Malformed(text) => Self::InvalidRequest(text.into()),
            AuthenticationError::Failed { basic, cause } => Self::InvalidClient { basic, cause },
            AuthenticationError::Port(error) => Self::Port(error),
        }
    }
}
