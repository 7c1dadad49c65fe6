//! The one thing that passes from whoever authenticated a person to whoever needs to know.

use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::ids::{IdentityId, OrganisationId, SessionId, TenantId};
use crate::session_claims::SessionClaims;
use crate::time::Timestamp;

/// Authenticator assurance level: how many factors stand behind a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssuranceLevel {
    /// Nothing was proven.
    Aal0,
    /// One factor.
    Aal1,
    /// Two factors.
    Aal2,
}

impl AssuranceLevel {
    /// As it stands in `acr` and in session documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal0 => "aal0",
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
        }
    }
}

/// Who acts in somebody's name (RFC 8693 section 4.1): an [`Actor`] as text, e.g. `admin_key:…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActingParty {
    /// Which one.
    pub sub: String,
}

impl From<&Actor> for ActingParty {
    fn from(actor: &Actor) -> Self {
        Self { sub: actor.to_string() }
    }
}

/// What a login app of the tenant's own said of somebody, where our own sign-in would have said something else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalLogin {
    /// `sub`, where the person is no identity of the tenant.
    pub subject: Option<String>,
    /// `acr`, in the app's own words; empty if it said nothing.
    pub acr: String,
}

/// A subject whose proof was verified, with what is needed to say so in a token.
///
/// `oauth2` and `identity` do not know each other; this is what passes between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatedSubject {
    /// The tenant in which it signed in. A subject of one tenant is nobody in another.
    pub tenant: TenantId,
    /// Who.
    pub subject: IdentityId,
    /// The session that holds the proof (`sid`).
    pub session: SessionId,
    /// The organisation it signed in for, if any.
    pub organisation: Option<OrganisationId>,
    /// When the proof was given (`auth_time`).
    pub authenticated_at: Timestamp,
    /// How strong the proof was (`acr`).
    pub assurance: AssuranceLevel,
    /// How it was proven (`amr`, RFC 8176), e.g. `["pwd"]`.
    pub methods: Vec<String>,
    /// What the tenant's plugins said of the session when the proof was given.
    pub claims: SessionClaims,
    /// Who acts in its name, if it is not the subject itself (`act`).
    pub actor: Option<ActingParty>,
    /// What a login app of the tenant's own said, if it was that which authenticated the person.
    pub external: Option<ExternalLogin>,
    /// When a second factor was proven, if it is known of one.
    pub second_factor: Option<SecondFactor>,
}

/// The proof that makes a session more than its first factor: it ages by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondFactor {
    /// When it was given last.
    pub proven_at: Timestamp,
    /// `amr` of the other proofs.
    pub beside: Vec<String>,
}

impl AuthenticatedSubject {
    /// `sub`: the identity's id, or the text by which a login app of the tenant's own knows somebody else.
    pub fn sub(&self) -> String {
        let external = self.external.as_ref().and_then(|external| external.subject.clone());
        external.unwrap_or_else(|| self.subject.to_string())
    }

    /// When what `acr` says was proven (`auth_time`).
    ///
    /// Attack: a second factor of last week and a password of a moment ago are told as two factors of a moment ago.
    pub fn assured_at(&self) -> Timestamp {
        match &self.second_factor {
            Some(factor) if self.external.is_none() && self.assurance >= AssuranceLevel::Aal2 => {
                factor.proven_at
            }
            _ => self.authenticated_at,
        }
    }

    /// `acr`.
    pub fn acr(&self) -> &str {
        self.external.as_ref().map_or(self.assurance.as_str(), |external| &external.acr)
    }
}
