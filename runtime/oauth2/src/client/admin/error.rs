//! Why a client is not created, changed or deleted.

use std::borrow::Cow;

use crate::client::InvalidClient;
use crate::ports::PortError;

/// Why the administration of clients refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The admin's fault: the document makes no sense; 400.
    #[error(transparent)]
    Invalid(#[from] InvalidClient),
    /// The admin's fault: the patch is malformed, or does not fit the document; 400.
    #[error("{0}")]
    Patch(Cow<'static, str>),
    /// No such client; 404.
    #[error("no such client")]
    NotFound,
    /// The id is taken; 409.
    #[error("a client with this id exists")]
    Exists,
    /// The configuration file owns it; 409.
    #[error("the client is declared in the configuration file, which alone may change it")]
    ManagedByFile,
    /// Ours; 500, or 503 when busy.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl ClientError {
    /// `error` of the answer (RFC 7591 section 3.2.2).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(InvalidClient::RedirectUri { .. } | InvalidClient::NoRedirectUri) => {
                "invalid_redirect_uri"
            }
            Self::Invalid(_) => "invalid_client_metadata",
            Self::Patch(_) => "invalid_request",
            Self::NotFound => "not_found",
            Self::Exists | Self::ManagedByFile => "conflict",
            Self::Port(PortError::Busy(_)) => "temporarily_unavailable",
            Self::Port(PortError::Unavailable(_)) => "server_error",
        }
    }

    /// Whether it is our failure, to be logged with its cause.
    pub const fn is_internal(&self) -> bool {
        match self {
            Self::Port(_) => true,
            Self::Invalid(_) | Self::Patch(_) | Self::NotFound | Self::Exists | Self::ManagedByFile => false,
        }
    }
}
