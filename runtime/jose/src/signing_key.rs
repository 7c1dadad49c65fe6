//! A tenant's signing key through its life, and what is written of it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use primitives::ids::InvalidId;
use primitives::{Rng, Timestamp};
use serde::Serialize;

use crate::algorithm::SigningAlgorithm;
use crate::generate::{GenerationFailed, generate};
use crate::jwk::PrivateJwk;
use crate::key_set::{KeyOfSet, SetName};

/// The name of a key (`kid`): 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let of_form =
            !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| (0x21..=0x7e).contains(&b));
        if of_form { Ok(Self(Arc::from(text))) } else { Err(InvalidId { kind: "key id" }) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that a tenant signs its tokens with, will sign with, or has signed with.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// Its name; unique in the tenant.
    pub kid: KeyId,
    /// What it signs with. A tenant has at most one pending and one active key of each.
    pub algorithm: SigningAlgorithm,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where in its life it is.
    pub state: KeyState,
    /// The key pair.
    pub key: PrivateJwk,
}

/// Where in its life a signing key is. It is published in all of it, until it is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, so that every cache of the key set has it before the first token that needs it.
    Pending {
        /// When it takes over.
        signs_from: Timestamp,
    },
    /// Signs.
    Active {
        /// When its successor is to be published.
        rotate_at: Timestamp,
    },
    /// Signs no more; what it signed still verifies.
    Retired {
        /// When the last token that it signed has expired.
        until: Timestamp,
    },
    /// Has leaked, or may have: what it signed verifies nowhere, and it never comes back.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
}

impl KeyState {
    /// When something is to be done about the key next, or, of a revoked one, was for the last time.
    pub const fn due_at(self) -> Timestamp {
        match self {
            Self::Pending { signs_from: at }
            | Self::Active { rotate_at: at }
            | Self::Retired { until: at }
            | Self::Revoked { at } => at,
        }
    }
}

impl SigningKey {
    /// Makes a key, named by its thumbprint. See [`generate`] for what it costs.
    pub fn generate(
        algorithm: SigningAlgorithm,
        state: KeyState,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Self, GenerationFailed> {
        let key = generate(algorithm, rng)?;
        let kid = key.public().thumbprint().parse().map_err(|_| GenerationFailed)?;
        Ok(Self { kid, algorithm, created_at: now, state, key })
    }

    /// Whether tokens are signed with it.
    pub const fn signs(&self) -> bool {
        matches!(self.state, KeyState::Active { .. })
    }
}

/// What this room writes.
#[derive(Debug, Clone)]
pub enum Write {
    /// Adds a key. Guard: the tenant has no key of that name, no other pending one of that algorithm
    /// if this one is pending, and no other active one if this one is active.
    InsertSigningKey(Box<SigningKey>),
    /// A pending key takes over. Guard: it is pending, and no key of its algorithm is active (the
    /// retirement of the former one stands before it in the same change).
    ActivateSigningKey {
        /// Which.
        kid: KeyId,
        /// When its successor is to be published.
        rotate_at: Timestamp,
    },
    /// A key signs no more, or never will. Guard: it is active or pending.
    RetireSigningKey {
        /// Which.
        kid: KeyId,
        /// When the last token that it signed has expired.
        until: Timestamp,
    },
    /// A key that has leaked is good for nothing from now on. Guard: it is not revoked yet.
    RevokeSigningKey {
        /// Which.
        kid: KeyId,
        /// The present.
        at: Timestamp,
    },
    /// Removes a key that nothing needs any more. Guard: it is retired and not revoked, and its time is over.
    DeleteSigningKey {
        /// Which.
        kid: KeyId,
        /// The present.
        now: Timestamp,
    },
    /// Keeps a key in a set of the operator's. Guard: the set has none of that name.
    InsertKeyOfSet(Box<KeyOfSet>),
    /// Removes a key of a set. No guard.
    DeleteKeyOfSet {
        /// Of which.
        set: SetName,
        /// Which.
        kid: KeyId,
    },
    /// Removes a set with its keys. No guard.
    DeleteKeySet {
        /// Which.
        set: SetName,
    },
}
