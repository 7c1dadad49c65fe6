//! What a form asks of security keys that sign in alone.

use primitives::IdentityId;
use serde::{Deserialize, Serialize};

use super::{Ceremony, relying_party};
use crate::flow::Room;
use crate::webauthn::{KeyKind, UserHandle};

/// What a form asks of security keys that sign in alone. Passkeys are asked for beside them, not instead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedForm {
    /// Nothing.
    #[default]
    Hidden,
    /// That one can sign in with one.
    Offered,
    /// One of the credentials to which the name leads that was given.
    Asked(Ceremony),
    /// A new one, to sign up with.
    SignUp {
        /// Whose it will be.
        identity: IdentityId,
        /// What the browser is asked.
        ceremony: Ceremony,
    },
}

impl NamedForm {
    pub(in crate::flow) fn is_hidden(&self) -> bool {
        *self == Self::Hidden
    }

    /// Whether it asks for a key, and for nothing else.
    pub(in crate::flow) const fn is_asked(&self) -> bool {
        matches!(self, Self::Asked(_))
    }

    /// Of a form to sign in.
    pub(in crate::flow) fn of_login(room: Room<'_>) -> Self {
        match relying_party(room).filter(|_| room.settings.webauthn.signs_in()) {
            Some(_) => Self::Offered,
            None => Self::Hidden,
        }
    }

    /// Of a form to sign up. Nobody has said yet who signs up, so the authenticator is told where.
    pub(in crate::flow) fn of_registration(room: Room<'_>) -> Self {
        let Some(to) = relying_party(room).filter(|_| room.settings.webauthn.signs_in()) else {
            return Self::Hidden;
        };
        let identity = IdentityId::generate_at(room.rng, room.now);
        let handle = UserHandle::of(identity);
        let whose = (&handle, to.name());
        Self::SignUp { identity, ceremony: Ceremony::create(room, &to, KeyKind::Passwordless, whose, &[]) }
    }

    /// The same form with another challenge.
    pub(super) fn renewed(self, room: Room<'_>) -> Self {
        match self {
            Self::Hidden | Self::Offered => self,
            Self::Asked(ceremony) => Self::Asked(ceremony.renewed(room)),
            Self::SignUp { identity, ceremony } => {
                Self::SignUp { identity, ceremony: ceremony.renewed(room) }
            }
        }
    }
}
