//! The userinfo endpoint (OpenID Connect Core section 5.3), a resource protected by our own access
//! tokens (RFC 6750).

use std::borrow::Cow;

use primitives::RequestId;
use primitives::hooks::HookFailure;
use serde_json::{Map, Value};

use crate::ports::PortError;
use crate::server::AuthorizationServer;

/// Why userinfo is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoError {
    /// The caller's fault: the token is unknown or dead; 401.
    #[error("the access token is unknown, expired or revoked")]
    InvalidToken,
    /// Denied: the token is not for userinfo; 403.
    #[error("the access token does not have scope openid")]
    InsufficientScope,
    /// Denied by a hook; the text is for the client; 403.
    #[error("{0}")]
    AccessDenied(String),
    /// Ours: a hook gave no usable answer; 500.
    #[error(transparent)]
    Hook(#[from] HookFailure),
    /// Ours: storage; 500, or 503 when busy.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UserinfoError {
    /// `error` of the answer and of `WWW-Authenticate` (RFC 6750 section 3.1).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::AccessDenied(_) => "access_denied",
            Self::Port(PortError::Busy(_)) => "temporarily_unavailable",
            Self::Hook(_) | Self::Port(PortError::Unavailable(_)) => "server_error",
        }
    }

    /// `error_description`: never the inside of a failure of ours.
    pub fn description(&self) -> Cow<'static, str> {
        match self {
            Self::InvalidToken | Self::InsufficientScope => self.to_string().into(),
            Self::AccessDenied(text) => text.clone().into(),
            Self::Port(PortError::Busy(_)) => "the server is busy; try again".into(),
            Self::Hook(_) | Self::Port(PortError::Unavailable(_)) => {
                "the server could not answer; ask its operator, naming the request id".into()
            }
        }
    }

    /// Whether it is our failure, to be logged with its cause.
    pub const fn is_internal(&self) -> bool {
        match self {
            Self::Hook(_) | Self::Port(_) => true,
            Self::InvalidToken | Self::InsufficientScope | Self::AccessDenied(_) => false,
        }
    }
}

impl AuthorizationServer {
    /// The claims about the person whom an access token stands for.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn userinfo(&self, _: &str, _: RequestId) -> Result<Map<String, Value>, UserinfoError> {
        Err(PortError::Unavailable("userinfo is not served yet".to_owned()).into())
    }
}
