//! What a flow is for, and who shows it.

use primitives::IdentityId;
use serde::{Deserialize, Serialize};

use super::challenge::Challenge;

/// What a flow is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum FlowKind {
    /// To sign in.
    Login {
        /// Who must prove it again, when somebody is signed in already.
        refresh: Option<IdentityId>,
        /// Whether it is for anybody though somebody is signed in, whose session makes way for the new one.
        #[serde(default)]
        select_account: bool,
        /// The authorization request that waits for it.
        login_challenge: Option<String>,
        /// The identifier as it was last typed.
        identifier: String,
    },
    /// To sign up.
    Registration {
        /// The authorization request that waits for it.
        login_challenge: Option<String>,
    },
    /// To change one's account.
    Settings {
        /// Whose.
        identity: IdentityId,
        /// Whether the last submission was saved.
        saved: bool,
    },
    /// To prove an address.
    Verification {
        /// How far that is.
        challenge: Challenge,
    },
    /// To get back in.
    Recovery {
        /// How far that is.
        challenge: Challenge,
    },
}

impl FlowKind {
    /// Its name in paths.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Login { .. } => "login",
            Self::Registration { .. } => "registration",
            Self::Settings { .. } => "settings",
            Self::Verification { .. } => "verification",
            Self::Recovery { .. } => "recovery",
        }
    }

    /// The authorization request that waits for it.
    pub fn login_challenge(&self) -> Option<&str> {
        match self {
            Self::Login { login_challenge, .. } | Self::Registration { login_challenge } => {
                login_challenge.as_deref()
            }
            Self::Settings { .. } | Self::Verification { .. } | Self::Recovery { .. } => None,
        }
    }

    /// How far the proof of an address is, where one is asked for.
    pub const fn challenge(&self) -> Option<&Challenge> {
        match self {
            Self::Verification { challenge } | Self::Recovery { challenge } => Some(challenge),
            Self::Login { .. } | Self::Registration { .. } | Self::Settings { .. } => None,
        }
    }
}

/// Who shows a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A browser: by pages or by a single-page application; with cookies and a CSRF token.
    Browser,
    /// A native application, without either.
    Api,
}
