//! Deleting one's own account.
//!
//! | check | otherwise |
//! |---|---|
//! | 1 the tenant lets people do so | closed |
//! | 2 the last proof is young, and nobody acts in their name | to be proven again |
//! | 3 whoever has a second factor has proven it | to be proven |
//! | 4 they typed what their account is called | unconfirmed |
//! | 5 no organisation is left without an owner, by the statement that takes them out | refused |
//!
//! Attack: somebody finds a browser that is signed in, or a page elsewhere makes it send the form. A session alone deletes
//! nothing, and what is typed is of the account that goes, so that a form that was opened for another one does nothing.
//!
//! Attack: two owners of one organisation delete their accounts at once, and each sees the other. So each is taken out by
//! the guarded write of organisations, in the same change.
//!
//! Everything of the account goes as when an operator deletes it. Plugins on `event` are told by the audit record; the
//! hook `account` has no word for it.

use primitives::{Actor, AuditEvent, Change};

use crate::flow::Room;
use crate::identifier::Identifier;
use crate::identity::Identity;
use crate::organisation::OrganisationWrite;
use crate::organisation::member::Role;
use crate::ports::StoreUnavailable;
use crate::session::LiveSession;
use crate::settings::RequiredAssurance;
use crate::write::Write;

/// What somebody types whose account has no identifier.
const NAMELESS: &str = "delete";
/// How many organisations somebody leaves.
const MOST_LEFT: u32 = 1000;

/// Why an account is not deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeletionError {
    /// The operator's wish.
    #[error("accounts are not deleted here")]
    Closed,
    /// The client's: they must prove again who they are.
    #[error("the session is too old for this change")]
    RefreshRequired,
    /// The client's: they must prove their second factor.
    #[error("the session has not proven the second factor")]
    SecondFactorRequired,
    /// The client's: what was typed is not what the account is called.
    #[error("what was typed is not what the account signs in with")]
    Unconfirmed,
    /// The client's: an organisation would be left without an owner.
    #[error("an organisation would be left without an owner")]
    LastOwner,
    /// Ours.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
}

/// What somebody types to confirm that their account is to go.
pub async fn confirmation(room: Room<'_>, identity: &Identity) -> Result<String, StoreUnavailable> {
    let held = room.identities.list_identifiers(room.tenant, identity.id).await?;
    Ok(held.into_iter().next().unwrap_or_else(|| NAMELESS.to_owned()))
}

/// Deletes the account of whoever is signed in.
pub async fn delete_my_account(
    room: Room<'_>,
    live: &LiveSession,
    typed: &str,
) -> Result<Change<Write>, DeletionError> {
    let (session, identity) = (live.session(), live.identity());
    if !room.settings.flow.settings.account_deletion {
        return Err(DeletionError::Closed);
    }
    if !session.is_privileged(room.now, &room.settings.session) {
        return Err(DeletionError::RefreshRequired);
    }
    if !room.satisfies(live, RequiredAssurance::HighestAvailable) {
        return Err(DeletionError::SecondFactorRequired);
    }
    let held = room.identities.list_identifiers(room.tenant, identity.id).await?;
    if !is_confirmed(&held, typed) {
        return Err(DeletionError::Unconfirmed);
    }
    let mut change = Change::new(room.tenant.clone()).write(Write::HoldSession {
        session: session.id,
        identity: identity.id,
        at: room.now,
    });
    for was in room.organisations.list_memberships(room.tenant, identity.id, MOST_LEFT).await? {
        let owns = was.role == Role::Owner;
        if owns && !room.organisations.has_other_owner(room.tenant, was.organisation, identity.id).await? {
            return Err(DeletionError::LastOwner);
        }
        let leave = OrganisationWrite::RemoveMember { was, at: room.now, keeps_owner: true };
        change = change.write(Write::Organisation(leave));
    }
    let audit = AuditEvent::new("identity.deleted", Actor::Subject(identity.id), "identity", &identity.id);
    Ok(change.write(Write::DeleteIdentity(identity.id)).audit(audit))
}

fn is_confirmed(held: &[String], typed: &str) -> bool {
    let typed = typed.trim();
    if held.is_empty() {
        return typed.eq_ignore_ascii_case(NAMELESS);
    }
    Identifier::parse(typed).is_some_and(|typed| held.iter().any(|known| known == typed.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(held: &[&str], typed: &str, expect: bool) {
        let held: Vec<String> = held.iter().map(|&known| known.to_owned()).collect();
        assert_eq!(is_confirmed(&held, typed), expect, "{typed} of {held:?}");
    }

    #[test]
    fn account_is_confirmed_by_what_it_is_called() {
        check(&["ada@example.com"], " Ada@Example.com ", true);
        check(&["ada@example.com", "ada"], "ada", true);
        check(&["ada@example.com"], "bob@example.com", false);
        check(&["ada@example.com"], "", false);
        check(&["ada@example.com"], "delete", false);
        check(&[], "Delete", true);
        check(&[], "", false);
    }
}
