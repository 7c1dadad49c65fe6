//! Why a provider does not let somebody in: classed by whose fault it is.

use identity::providers::ProviderFailure;
use primitives::outbound::OutboundError;

/// Why a sign-in with a provider fails. The detail is for the log and the audit; people are told what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The tenant has no such provider. The client's.
    #[error("there is no such provider")]
    Unknown,
    /// The provider does not answer, or not in time. Its own.
    #[error("{what}: {error}")]
    Unreachable {
        /// What was asked.
        what: &'static str,
        /// How it failed.
        error: OutboundError,
    },
    /// It answers with something else than it should. Its own, or that of whoever answers in its place.
    #[error("{0}")]
    Nonsense(String),
    /// It answers with an error of OAuth. Its own or the operator's, by the word.
    #[error("{what} answered {error:?}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// The word.
        error: String,
    },
    /// What it says of somebody is not for us, not of now, or not of this attempt. An attack, or its own.
    #[error("{0}")]
    Untrusted(String),
    /// The person, or the provider, said no.
    #[error("the provider said {0:?}")]
    Denied(String),
    /// The settings do not suffice. The operator's.
    #[error("the settings of the provider do not suffice: {0}")]
    Settings(&'static str),
    /// Our own store did not answer. Ours.
    #[error("the store is unavailable: {0}")]
    Store(String),
}

impl Failure {
    pub(crate) fn nonsense(what: &str, detail: &str) -> Self {
        Self::Nonsense(format!("{what}: {detail}"))
    }

    /// As forms are told of it.
    pub fn of(self, label: &str) -> ProviderFailure {
        let provider = label.to_owned();
        match self {
            Self::Unknown => ProviderFailure::Unknown,
            Self::Denied(_) => ProviderFailure::Denied { provider, detail: self.to_string() },
            Self::Unreachable { .. }
            | Self::Nonsense(_)
            | Self::Refused { .. }
            | Self::Untrusted(_)
            | Self::Settings(_)
            | Self::Store(_) => ProviderFailure::Upstream { provider, detail: self.to_string() },
        }
    }

    /// One word for the audit.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown_provider",
            Self::Unreachable { .. } => "unreachable",
            Self::Nonsense(_) => "malformed",
            Self::Refused { .. } => "refused",
            Self::Untrusted(_) => "untrusted",
            Self::Denied(_) => "denied",
            Self::Settings(_) => "settings",
            Self::Store(_) => "store",
        }
    }
}
