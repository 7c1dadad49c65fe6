//! An operator signs in as somebody: a short session that says who acts in it.
//!
//! Attacks: an operator acts unseen, stays for long, or takes the account over. So the session carries its actor into
//! every token, the person sees it among their sessions, the log has it with its reason, it lasts minutes and cannot be
//! prolonged, what it grants dies with it, and it is never privileged: nothing that one signs in with can be changed.

use std::time::Duration;

use primitives::subject::AssuranceLevel;
use primitives::{ActingParty, Actor, AuditEvent, Change, ClientAddress, SessionClaims, SessionId};

use super::{Device, Session, SessionToken};
use crate::flow::{PendingChange, Room};
use crate::identity::{Identity, IdentityState};

/// How long such a session lasts at most.
pub const LONGEST: Duration = Duration::from_hours(1);
const LONGEST_REASON: usize = 256;

/// Why there is no such session. The client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImpersonationError {
    /// It cannot sign in itself.
    #[error("the identity is not active")]
    Inactive,
    /// Nobody would know why.
    #[error("`reason` must have 1 to {LONGEST_REASON} characters")]
    NoReason,
    /// Too long.
    #[error("`lifespan_seconds` must be 1 to {}", LONGEST.as_secs())]
    Lifespan,
}

/// Begins a session as `identity` for an operator.
pub fn begin(
    room: Room<'_>,
    (actor, address): (Actor, ClientAddress),
    identity: &Identity,
    reason: &str,
    lifespan: Duration,
) -> Result<(Session, SessionToken, PendingChange), ImpersonationError> {
    if identity.state != IdentityState::Active {
        return Err(ImpersonationError::Inactive);
    }
    if reason.trim().is_empty() || reason.chars().count() > LONGEST_REASON {
        return Err(ImpersonationError::NoReason);
    }
    if lifespan.is_zero() || lifespan > LONGEST {
        return Err(ImpersonationError::Lifespan);
    }
    // What people read in the list of their sessions.
    let agent = format!("Operator ({actor})");
    let session = Session {
        id: SessionId::generate(room.rng),
        identity: identity.id,
        organisation: identity.organisation,
        assurance: AssuranceLevel::Aal1,
        methods: Vec::new(),
        authenticated_at: room.now,
        issued_at: room.now,
        expires_at: room.now.after(lifespan),
        revoked_at: None,
        device: Device::new(room.rng, address, Some(&agent)),
        claims: SessionClaims::default(),
        actor: Some(ActingParty::from(&actor)),
        required: None,
        trusted_device: None,
    };
    let token = SessionToken::generate(room.rng);
    let audit = AuditEvent::new("session.impersonated", actor, "session", &session.id)
        .with("identity", &identity.id)
        .with("reason", &reason.trim());
    let change = Change::new(room.tenant.clone()).audit(audit);
    let change = PendingChange::new(change, Some((session.clone(), token.clone())));
    Ok((session, token, change))
}
