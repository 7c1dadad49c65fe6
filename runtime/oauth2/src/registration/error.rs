//! Why a registration is refused (RFC 7591 section 3.2.2, RFC 7592 section 2).

use primitives::hooks::HookFailure;

use crate::client::InvalidClient;
use crate::client::admin::ClientError;
use crate::client_policy::Refusal;
use crate::ports::PortError;

/// Why a client is not registered, shown or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The client's fault: its document makes no sense.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Denied: it asks for what no client gives itself.
    #[error("{property} {reason}")]
    Metadata {
        /// The member.
        property: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The client's fault: a member is not of its type.
    #[error("the body: {0}")]
    Malformed(String),
    /// The client's fault: the software statement is none, for another server, or not signed by whom it names.
    #[error("the software statement is malformed, over or for another server, or its signature is wrong")]
    InvalidStatement,
    /// Denied: the tenant takes no client for which nobody vouches.
    #[error("a software statement is needed to register here")]
    MissingStatement,
    /// Denied: the initial access token has made as many clients as it may.
    #[error("the initial access token is used up")]
    TokenUsedUp,
    /// Denied: nobody here trusts whoever made the statement.
    #[error("the software statement is of no publisher that is trusted here")]
    UnapprovedStatement,
    /// Denied: no token, or one that is not this client's. Whether the client exists is not told.
    #[error("the registration access token is missing, or not that of this client")]
    Unauthorized,
    /// Denied by a plugin of the tenant.
    #[error("{0}")]
    Refused(String),
    /// A plugin gave no usable answer. The tenant's to mend.
    #[error(transparent)]
    Hook(HookFailure),
    /// Denied for now: the tenant has as many such clients as it may.
    #[error("no more clients can be registered here")]
    Full,
    /// Ours: no id could be made.
    #[error("no client id could be made")]
    Id,
}

impl RegistrationError {
    /// `error` of the answer.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Client(error) => error.code(),
            Self::Metadata { .. } | Self::Malformed(_) => "invalid_client_metadata",
            Self::InvalidStatement | Self::MissingStatement => "invalid_software_statement",
            Self::UnapprovedStatement => "unapproved_software_statement",
            Self::Unauthorized | Self::TokenUsedUp => "invalid_token",
            Self::Refused(_) => "access_denied",
            Self::Full => "temporarily_unavailable",
            Self::Hook(_) | Self::Id => "server_error",
        }
    }

    /// Whether it is our failure, to be logged with its cause.
    pub const fn is_internal(&self) -> bool {
        match self {
            Self::Client(error) => error.is_internal(),
            Self::Hook(_) | Self::Id => true,
            Self::Metadata { .. }
            | Self::Malformed(_)
            | Self::InvalidStatement
            | Self::MissingStatement
            | Self::TokenUsedUp
            | Self::UnapprovedStatement
            | Self::Unauthorized
            | Self::Refused(_)
            | Self::Full => false,
        }
    }
}

impl From<PortError> for RegistrationError {
    fn from(error: PortError) -> Self {
        Self::Client(error.into())
    }
}

impl From<InvalidClient> for RegistrationError {
    fn from(error: InvalidClient) -> Self {
        Self::Client(error.into())
    }
}

impl From<Refusal> for RegistrationError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied(reason) => Self::Refused(reason),
            Refusal::Hook(failure) => Self::Hook(failure),
        }
    }
}
