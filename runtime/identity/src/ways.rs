//! What somebody signs in with: a password, passkeys and links to other providers, each of which signs in alone.
//!
//! Attack: a rule that knows only some of them lets the last one go, and nobody can sign in to the account any more; or
//! it keeps a stolen one there for ever, because what else there is does not count. So every "the last one stays" asks
//! here, and storage guards each removal by the same count: of several removals at a time each would see the others' ways.

use primitives::IdentityId;

use crate::flow::Room;
use crate::ports::StoreUnavailable;
use crate::providers::Link;
use crate::webauthn::StoredKey;

/// The credentials of an identity among which are the ways in which it signs in.
#[derive(Debug)]
pub(crate) struct Ways {
    /// Whether there is a password.
    pub(crate) password: bool,
    /// Its keys. Security keys are among them, and are no way in.
    pub(crate) keys: Vec<StoredKey>,
    /// Its links, each to another provider. One to a provider that the tenant no longer offers counts: it may come back.
    pub(crate) links: Vec<Link>,
}

impl Ways {
    /// Reads those of an identity.
    pub(crate) async fn of(room: Room<'_>, identity: IdentityId) -> Result<Self, StoreUnavailable> {
        Ok(Self {
            password: room.identities.find_password(room.tenant, identity).await?.is_some(),
            keys: room.factors.list_keys(room.tenant, identity).await?,
            links: room.links.list_links(room.tenant, identity).await?,
        })
    }

    /// Whether something is left to sign in with when so many of them are taken away.
    pub(crate) fn outlast(&self, gone: usize) -> bool {
        let passkeys = self.keys.iter().filter(|key| key.record.kind.is_first_factor()).count();
        usize::from(self.password) + passkeys + self.links.len() > gone
    }
}
