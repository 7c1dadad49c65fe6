//! Organisations: the customers inside a tenant, with their domains, their people and what they ask of a sign-in.
//!
//! An organisation is found by its id, and by a domain once that was proven ([`domain`]). People belong to it as
//! [`member`]s, by hand, by an [`invitation`], by a directory, a proven domain or a connection; each row says by which, and nobody
//! takes away what another put there. At every sign-in [`policy`] is asked, whatever the proof was.
//!
//! Start with [`policy::governed`], and with [`change`] for what operators do.

pub mod change;
pub(crate) mod connection;
pub mod discovery;
pub mod domain;
pub mod group;
pub mod invitation;
pub mod member;
pub(crate) mod named_groups;
pub mod policy;
pub mod ports;
mod write;

use primitives::{OrganisationId, Timestamp};
use serde::{Deserialize, Serialize};

pub use discovery::Discovered;
pub use domain::{Domain, organisation_of};
pub use policy::Policy;
pub use ports::{NoOrganisations, Organisations};
pub use write::OrganisationWrite;

use crate::limiter::{LimitReached, NotCounted};
use crate::ports::StoreUnavailable;

/// A customer inside a tenant. Serialises as our own API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Organisation {
    /// Names it; `organization_id` of its people.
    pub id: OrganisationId,
    /// What people call it.
    pub label: String,
    /// Whether anybody signs in in its name.
    pub state: OrganisationState,
    /// What it asks of a sign-in.
    pub policy: Policy,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes, so that of two at a time one is told.
    #[serde(skip)]
    pub version: i64,
}

/// Whether anybody signs in in an organisation's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrganisationState {
    /// They do.
    Active,
    /// Nobody does, and its domains decide nothing.
    Inactive,
}

impl OrganisationState {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

/// Who manages a row: whoever put it there. A directory changes its own rows only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// An operator, or an administrator of the organisation.
    Manual,
    /// Whoever accepted an invitation.
    Invitation,
    /// A directory.
    Scim,
    /// A proven domain.
    Domain,
    /// The provider with which its people sign in.
    Connection,
}

impl Provenance {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Invitation => "invitation",
            Self::Scim => "scim",
            Self::Domain => "domain",
            Self::Connection => "connection",
        }
    }
}

/// Why something of an organisation is not made or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrganisationError {
    /// There is none of that id in this tenant. The client's.
    #[error("there is no such organisation")]
    NotFound,
    /// There is no such domain, member, group or invitation in it. The client's.
    #[error("there is no such {0} in this organisation")]
    NothingInIt(&'static str),
    /// Another way it must be. The client's.
    #[error("{0}")]
    Malformed(&'static str),
    /// Another organisation of the tenant has proven the domain. The client's.
    #[error("the domain is another organisation's")]
    DomainTaken,
    /// The record that proves the domain is not published. The client's to publish.
    #[error("no record {name} says {value}")]
    NotProven {
        /// Where it is looked for.
        name: String,
        /// What it must say.
        value: String,
    },
    /// The domain's name servers did not answer. Theirs.
    #[error("the domain's records cannot be read: {0}")]
    Unanswered(String),
    /// Nobody would own the organisation any more. The client's.
    #[error("an organisation keeps one owner")]
    LastOwner,
    /// Only an owner makes an owner, takes one away, or decides on domains and the connection. The client's.
    #[error("only an owner may do this")]
    OwnersOnly,
    /// Whoever asks is no administrator of the organisation. The client's.
    #[error("only owners and administrators may do this")]
    AdministratorsOnly,
    /// A directory manages it. The client's to change there.
    #[error("a directory manages it")]
    Managed,
    /// The invitation is worth nothing: unknown, used, revoked or expired. The client's.
    #[error("the invitation is not valid any more")]
    InvitationSpent,
    /// The invitation is for another address than whoever accepts it has. The client's.
    #[error("the invitation is for another address")]
    AnotherAddress,
    /// The address got too many messages. The client's to wait.
    #[error(transparent)]
    Limited(#[from] LimitReached),
    /// The store did not answer. Ours.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
}

impl From<NotCounted> for OrganisationError {
    fn from(error: NotCounted) -> Self {
        error.into_either()
    }
}

/// The longest label, in characters.
const MAX_LABEL: usize = 200;

/// A label as it is kept: one line, not empty, not long.
pub(crate) fn check_label(label: &str) -> Result<String, OrganisationError> {
    let label = label.trim();
    let of_form =
        !label.is_empty() && label.chars().count() <= MAX_LABEL && !label.chars().any(char::is_control);
    if of_form {
        Ok(label.to_owned())
    } else {
        Err(OrganisationError::Malformed("a label is one line of 1 to 200 characters"))
    }
}
