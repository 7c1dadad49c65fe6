//! Sets of keys that an operator keeps here under names of its own (JWK sets of the Hydra API).
//!
//! They sign nothing of ours: services fetch them, to sign or verify among themselves. Two names are not an operator's: under
//! them the tenant's signing keys are seen, which [`rotation`](crate::rotation) alone takes in and out of use.
//!
//! Attacks, and what stands against them:
//!
//! - A backup or a reader of the database has the private keys. The whole document is sealed for its tenant, set and name,
//!   and opens nowhere else.
//! - A key that reads public keys reads private ones. [`KeyOfSet::public`] is what it gets; of a shared secret, which has no
//!   public half, only that it is there.
//! - What is no key, or whose halves do not fit, is kept and fails where somebody relies on it. Nothing is kept that our own
//!   parsers do not take.
//! - A key is slipped among those that sign tokens, and signs at once, or the one that signs is taken away. Neither is possible
//!   under any name: what is imported there is published first, and signs when every verifier can have it.

mod create;
mod document;
mod es512;
mod signing;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use primitives::audit::Actor;
use primitives::ids::InvalidId;
use primitives::{AuditEvent, Change, TenantId};

pub use create::{CreateError, KeyRequest};
pub use document::{KeyDocumentError, KeyOfSet, SetDocument};
pub use signing::{SigningSetError, admit};

use crate::signing_key::{KeyId, Write};

/// The most keys of a set, as of any set that we read.
pub const MOST_KEYS: usize = 100;

/// The names under which Hydra keeps what signs ID tokens and access tokens.
const SIGNING_SETS: [&str; 2] = ["hydra.openid.id-token", "hydra.jwt.access-token"];

/// The name of a set that is the operator's: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SetName(Arc<str>);

impl SetName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which set is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedSet {
    /// What the tenant signs its tokens with.
    Signing,
    /// One that the operator keeps.
    Kept(SetName),
}

impl FromStr for NamedSet {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if SIGNING_SETS.contains(&text) {
            return Ok(Self::Signing);
        }
        let of_form =
            !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| (0x21..=0x7e).contains(&b));
        if of_form { Ok(Self::Kept(SetName(Arc::from(text)))) } else { Err(InvalidId { kind: "key set" }) }
    }
}

/// Adds a key to a set. Its guard misses if there is one of that name.
pub fn add(tenant: &TenantId, key: KeyOfSet, actor: Actor) -> Change<Write> {
    let audit = of_set("key_set.key_added", &key.set, actor).with("kid", &key.kid);
    Change::new(tenant.clone()).write(Write::InsertKeyOfSet(Box::new(key))).audit(audit)
}

/// Puts a key in the place of the one of its name, or beside the others.
pub fn put(tenant: &TenantId, key: KeyOfSet, actor: Actor) -> Change<Write> {
    let audit = of_set("key_set.key_put", &key.set, actor).with("kid", &key.kid);
    Change::new(tenant.clone())
        .write(Write::DeleteKeyOfSet { set: key.set.clone(), kid: key.kid.clone() })
        .write(Write::InsertKeyOfSet(Box::new(key)))
        .audit(audit)
}

/// Replaces all keys of a set. The keys are those of one [`SetDocument`], so that no two have a name.
pub fn replace(tenant: &TenantId, set: &SetName, keys: Vec<KeyOfSet>, actor: Actor) -> Change<Write> {
    let audit = of_set("key_set.replaced", set, actor).with("keys", &keys.len());
    let mut change = Change::new(tenant.clone()).write(Write::DeleteKeySet { set: set.clone() });
    for key in keys {
        change = change.write(Write::InsertKeyOfSet(Box::new(key)));
    }
    change.audit(audit)
}

/// Deletes a set with its keys.
pub fn delete(tenant: &TenantId, set: &SetName, actor: Actor) -> Change<Write> {
    Change::new(tenant.clone()).write(Write::DeleteKeySet { set: set.clone() }).audit(of_set(
        "key_set.deleted",
        set,
        actor,
    ))
}

/// Deletes one key of a set.
pub fn delete_key(tenant: &TenantId, set: &SetName, kid: &KeyId, actor: Actor) -> Change<Write> {
    Change::new(tenant.clone())
        .write(Write::DeleteKeyOfSet { set: set.clone(), kid: kid.clone() })
        .audit(of_set("key_set.key_deleted", set, actor).with("kid", kid))
}

fn of_set(action: &'static str, set: &SetName, actor: Actor) -> AuditEvent {
    AuditEvent::new(action, actor, "key_set", set)
}

#[cfg(test)]
mod tests;
