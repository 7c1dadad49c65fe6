//! Whose password it is: one of ours, or one that was set elsewhere and moves over now.
//!
//! Whatever there is to find, one hash of ours is computed, beside the hash of elsewhere if there is one: a cheap one
//! does not show. (One that costs more than ours does, until its account has moved over.)
//!
//! Where the tenant has a plugin that verifies passwords of elsewhere, a sign-in that fails asks it once, too: of
//! somebody who has not moved, about their password; of anybody else, about one that nobody typed.

use primitives::{Actor, AuditEvent, Change};

use super::{FlowError, Room};
use crate::hooks::{ImportAttempt, ImportVerdict, LoginAttempt};
use crate::identifier::Identifier;
use crate::identity::Identity;
use crate::password::{HashedPassword, PlainPassword, StoredPassword};
use crate::write::Write;

/// Somebody whose password was right. Only [`verify`] makes one.
pub(crate) struct Verified {
    pub(crate) identity: Identity,
    stored: StoredPassword,
    /// The hash with which the account moves over.
    moved: Option<HashedPassword>,
}

/// The identity whose password it is.
pub(crate) async fn verify(
    room: Room<'_>,
    attempt: &LoginAttempt,
    identifier: Option<&Identifier>,
    password: &PlainPassword,
) -> Result<Option<Verified>, FlowError> {
    let found = match identifier {
        Some(identifier) => room.identities.find_by_identifier(room.tenant, identifier).await?,
        None => None,
    };
    let Some((identity, Some(stored))) = found else {
        room.hashing.verify(password.clone(), None, room.settings.argon2).await??;
        return ask_for_nobody(room, attempt).await;
    };
    if let Some(credential) = stored.password.elsewhere() {
        let moved = room.hashing.hash(password.clone(), room.settings.argon2).await??;
        let asked = ImportAttempt {
            identifier: attempt.identifier.clone(),
            password: password.clone(),
            credential: Some(credential).filter(|credential| !credential.expose().is_empty()),
            identity: Some(&identity),
            origin: attempt.origin.clone(),
        };
        return Ok(match ask(room, &asked).await? {
            ImportVerdict::Correct => Some(Verified { identity, stored, moved: Some(moved) }),
            ImportVerdict::Wrong => None,
        });
    }
    let against = Some(stored.password.clone());
    if stored.password.is_foreign() {
        let moved = room.hashing.hash(password.clone(), room.settings.argon2).await??;
        if room.hashing.verify(password.clone(), against, room.settings.argon2).await?? {
            return Ok(Some(Verified { identity, stored, moved: Some(moved) }));
        }
        return ask_for_nobody(room, attempt).await;
    }
    if room.hashing.verify(password.clone(), against, room.settings.argon2).await?? {
        return Ok(Some(Verified { identity, stored, moved: None }));
    }
    ask_for_nobody(room, attempt).await
}

/// Takes the time that a plugin takes. Its answer lets nobody in; its failure is told as it always is.
async fn ask_for_nobody(room: Room<'_>, attempt: &LoginAttempt) -> Result<Option<Verified>, FlowError> {
    let asked = ImportAttempt {
        identifier: attempt.identifier.clone(),
        password: PlainPassword::new(room.rng.token()),
        credential: None,
        identity: None,
        origin: attempt.origin.clone(),
    };
    ask(room, &asked).await?;
    Ok(None)
}

/// In nobody's and no organisation's name: who it is is not proven, and must not show in which plugins are asked.
async fn ask(room: Room<'_>, attempt: &ImportAttempt<'_>) -> Result<ImportVerdict, FlowError> {
    let context = room.hook_context(Actor::Anonymous, None);
    Ok(room.hooks.verify_import(&context, attempt).await?)
}

impl Verified {
    /// The account moves over in the change that begins its session, if it does: both happen or neither, and a
    /// password that was set meanwhile stays.
    pub(crate) fn moving(&self, room: Room<'_>, change: Change<Write>) -> Change<Write> {
        let Some(password) = self.moved.clone() else { return change };
        let identity = self.identity.id;
        let write = Write::RehashPassword { identity, password, version: self.stored.version, at: room.now };
        let moved = AuditEvent::new("password.imported", Actor::Subject(identity), "identity", &identity);
        change.write(write).audit(moved)
    }

    /// A hash with the present parameters, if the stored one has others. A full pool puts it off to the
    /// next login.
    pub(crate) async fn rehash(&self, room: Room<'_>, password: PlainPassword) -> Option<Change<Write>> {
        if self.moved.is_some() || self.stored.password.made_with(room.settings.argon2) {
            return None;
        }
        let password = room.hashing.hash(password, room.settings.argon2).await.ok()?.ok()?;
        let (identity, version) = (self.identity.id, self.stored.version);
        let write = Write::RehashPassword { identity, password, version, at: room.now };
        Some(Change::new(room.tenant.clone()).write(write))
    }
}
