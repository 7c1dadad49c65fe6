//! Whether somebody's credential is right, for an operator whose own form asked for it.
//!
//! Attack: whoever holds the key guesses passwords without the limits of a sign-in, and unseen. So a guess counts where
//! guesses at the sign-in count, every answer is in the audit log, and the key needs a scope of its own.

use primitives::{Actor, AuditEvent, Change, ClientAddress, IdentityId};
use serde::Deserialize;

use crate::flow::{FlowError, Room, verify};
use crate::hooks::{LoginAttempt, Origin};
use crate::identifier::Identifier;
use crate::identity::IdentityState;
use crate::limiter::{count_verification, forgive_verification};
use crate::password::PlainPassword;
use crate::session::Method;
use crate::write::Write;

/// What is asked about.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Proof {
    /// A password.
    Password {
        /// As it was typed.
        password: String,
    },
}

/// What there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the identity's credential.
    pub verified: bool,
    /// Whether the identity may sign in.
    pub state: IdentityState,
}

/// Why there is nothing to say.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The client's.
    #[error("there is no such identity")]
    NotFound,
    /// As it would fail at a sign-in.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

/// Verifies a proof. The change says that it was asked, and moves an old hash over as a sign-in does.
pub async fn credential(
    room: Room<'_>,
    (actor, address): (Actor, ClientAddress),
    id: IdentityId,
    proof: Proof,
) -> Result<(Verdict, Change<Write>), VerifyError> {
    let Proof::Password { password } = proof;
    let found = room.identities.find_identity(room.tenant, id).await.map_err(FlowError::from)?;
    let identity = found.ok_or(VerifyError::NotFound)?;
    let held = room.identities.list_identifiers(room.tenant, id).await.map_err(FlowError::from)?;
    let held: Vec<Identifier> = held.iter().filter_map(|text| Identifier::parse(text)).collect();
    let limits = &room.settings.limits;
    // Before the hash, as at a sign-in.
    count_verification(room.attempts, limits, room.tenant, &held, room.now).await.map_err(FlowError::from)?;
    let attempt = LoginAttempt {
        identifier: held.first().map(ToString::to_string).unwrap_or_default(),
        method: Method::Password,
        refresh: false,
        origin: Origin { address, user_agent: None },
    };
    let password = PlainPassword::new(password);
    let verified = verify(room, &attempt, held.first(), &password).await?;
    // Who held the identifier may have changed meanwhile.
    let verified = verified.filter(|verified| verified.identity.id == id);
    let action = if verified.is_some() { "credential.verified" } else { "credential.refused" };
    let audit = AuditEvent::new(action, actor, "identity", &id).with("method", &Method::Password.as_str());
    let mut change = Change::new(room.tenant.clone()).audit(audit);
    let verdict = Verdict { verified: verified.is_some(), state: identity.state };
    if let Some(verified) = verified {
        forgive_verification(room.attempts, limits, room.tenant, &held, room.now).await;
        change = verified.moving(room, change);
        if let Some(rehash) = verified.rehash(room, password).await {
            change = change.and(rehash);
        }
    }
    Ok((verdict, change))
}
