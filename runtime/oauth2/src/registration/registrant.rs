//! Who registers a client, and by what right.
//!
//! Attack: a token for one registration is used for many, one after the other or all at once. Its uses are counted in the change that
//! makes the client, under a guard: of those that come together as many get through as are left.

use primitives::{Actor, AdminKeyId, ClientId};

use super::statement::Statement;
use crate::write::Write;

/// Who registers a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registrant {
    /// Whoever comes, where everybody may.
    Anybody,
    /// The holder of an initial access token (RFC 7591 section 1.2): an admin key of the scope `clients:register`.
    Holder(InitialAccessToken),
}

/// An initial access token that was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitialAccessToken {
    /// Which: what operators and plugins know it by, and never the token itself.
    pub id: AdminKeyId,
    /// Whether it is good for so many registrations and no more.
    pub is_counted: bool,
}

impl Registrant {
    pub(super) const fn actor(&self) -> Actor {
        match self {
            Self::Anybody => Actor::Anonymous,
            Self::Holder(token) => Actor::AdminKey(token.id),
        }
    }

    pub(super) const fn kind(&self) -> RegisteredBy {
        match self {
            Self::Anybody => RegisteredBy::Anybody,
            Self::Holder(token) => RegisteredBy::InitialAccessToken(token.id),
        }
    }

    pub(super) fn write(&self) -> Option<Write> {
        match self {
            Self::Holder(InitialAccessToken { id, is_counted: true }) => {
                Some(Write::UseInitialAccessToken { key: *id })
            }
            Self::Anybody | Self::Holder(_) => None,
        }
    }
}

/// By what right a client is made or changed, as plugins are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegisteredBy {
    /// None: everybody may.
    Anybody,
    /// An initial access token.
    InitialAccessToken(AdminKeyId),
    /// Its own registration access token (RFC 7592).
    Itself,
    /// A document at the address that is its id.
    MetadataDocument,
}

impl RegisteredBy {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Anybody => "anybody",
            Self::InitialAccessToken(_) => "initial_access_token",
            Self::Itself => "registration_access_token",
            Self::MetadataDocument => "metadata_document",
        }
    }
}

/// A client that is about to be made or changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Registering<'a> {
    pub(crate) client: &'a ClientId,
    pub(crate) by: RegisteredBy,
    /// The statement that came along, verified.
    pub(crate) statement: Option<&'a Statement>,
}
