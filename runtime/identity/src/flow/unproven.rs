//! What an account could be signed in to with before anybody proved that its address is theirs.
//!
//! Attack (pre-hijacking): somebody signs up with a victim's address, which they cannot read, and sets a password, adds a
//! passkey, links a provider, stays signed in. Later the victim comes, signs in by a code that is sent to them or recovers
//! the account, finds it and uses it; and whoever was there first is in it too. So the first proof of an address, by
//! somebody who is not signed in, takes away what was there before it: passwords, keys, links, second factors, sessions,
//! and what apps were granted. Whoever set them and is the owner sets them anew, and is told.
//!
//! Whoever is signed in and proves the address too, by the code of a sign-up, say, or to confirm that it is they, had both:
//! theirs stay. So do those of an account of which another address was proven before.

use primitives::subject::AssuranceLevel;
use primitives::{Actor, AuditEvent, Change, IdentityId};

use super::Room;
use super::challenge::with_verified;
use crate::courier::{MailTemplate, MailValues, NewMessage};
use crate::identity::Identity;
use crate::ports::StoreUnavailable;
use crate::session::Method;
use crate::settings::UnprovenCredentials;
use crate::ways::Ways;
use crate::write::Write;

/// The account after somebody who was not signed in proved an address of it, and the writes that make it so.
pub(super) async fn proven_by_stranger(
    room: Room<'_>,
    identity: Identity,
    address: &str,
) -> Result<(Identity, Change<Write>), StoreUnavailable> {
    let change = Change::new(room.tenant.clone());
    let Some(mut verified) = with_verified(&identity, address, room.now) else {
        return Ok((identity, change));
    };
    let is_first = identity.verifiable_addresses.iter().all(|address| !address.verified);
    let removes = room.settings.verification.unproven_credentials == UnprovenCredentials::Remove;
    let held = if is_first && removes { held(room, identity.id).await? } else { Vec::new() };
    if held.is_empty() {
        let write = Write::ReplaceIdentity(Box::new(verified.clone()));
        return Ok((verified, change.write(write)));
    }
    let id = identity.id;
    verified.available = AssuranceLevel::Aal1;
    let kinds = held.join(" ");
    let audit = AuditEvent::new("identity.unproven_credentials_removed", Actor::Subject(id), "identity", &id);
    let change = change
        .write(Write::ReplaceIdentity(Box::new(verified.clone())))
        // Before what they can do is taken away: a change that one of them is making waits for this or is seen by it.
        .write(Write::RevokeSessions { identity: id, except: None, at: room.now })
        .write(Write::RevokeTokens { identity: id, at: room.now })
        .write(Write::RemoveCredentials(id))
        .write(word(room, &verified, address))
        .audit(audit.with("types", &kinds));
    Ok((verified, change))
}

/// The kinds of what it can be signed in to with.
async fn held(room: Room<'_>, identity: IdentityId) -> Result<Vec<&'static str>, StoreUnavailable> {
    let ways = Ways::of(room, identity).await?;
    let factors = room.factors.list_factors(room.tenant, identity).await?;
    let mut kinds = Vec::new();
    let mut put = |kind: &'static str| {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    };
    if ways.password {
        put(Method::Password.as_str());
    }
    if !ways.links.is_empty() {
        put(Method::Oidc.as_str());
    }
    for key in &ways.keys {
        put(key.record.kind.group());
    }
    for stored in &factors {
        put(stored.factor.kind().as_str());
    }
    Ok(kinds)
}

/// The message that tells its owner.
fn word(room: Room<'_>, identity: &Identity, address: &str) -> Write {
    let known = identity.verifiable_addresses.iter().find(|known| known.value == address);
    let via = known.map_or(crate::identity::AddressKind::Email, |known| known.via);
    let values = MailValues { to: address, code: None, url: None, via, minutes: 0 };
    Write::QueueMessage(Box::new(NewMessage {
        id: room.rng.uuid(),
        template: MailTemplate::CredentialsRemoved,
        via,
        mail: room.composer.compose(MailTemplate::CredentialsRemoved, values),
        recipient: address.to_owned(),
        organisation: identity.organisation,
        at: room.now,
        is_sent: true,
    }))
}
