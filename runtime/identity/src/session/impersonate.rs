//! An operator signs in as somebody: a short session that says who acts in it.
//!
//! Attacks: an operator acts unseen, stays for long, or takes the account over. So the session carries its actor into
//! every token, the person sees it among their sessions, the log has it with its reason, it lasts minutes and cannot be
//! prolonged, what it grants dies with it, and it is never privileged: nothing that one signs in with can be changed, and
//! no form of the account is taken.

use std::time::Duration;

use primitives::rng::is_token;
use primitives::subject::AssuranceLevel;
use primitives::{
    ActingParty, Actor, AuditEvent, Change, ClientAddress, KeyedHash, Sealer, Secret, SessionClaims,
    SessionId, TenantId, Timestamp,
};

use super::{Device, LiveSession, NewSession, Session, SessionToken};
use crate::flow::{PendingChange, Room};
use crate::identity::{Identity, IdentityState};
use crate::write::Write;

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

/// How long a link counts that begins one in a browser.
pub const LINK_LIFESPAN: Duration = Duration::from_mins(2);
const LINK_PREFIX: &str = "pil_";
const LINK_PURPOSE: &str = "impersonation_link";

/// The secret of a link that gives a browser such a session, once: `pil_` and 256 random bits. The session is there from
/// the beginning, with its record, and is found by this; what opens it replaces this by the token of a session.
#[derive(Debug, Clone)]
pub struct LinkToken(Secret<String>);

impl LinkToken {
    /// Reads a presented token; `None` if it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bits = text.strip_prefix(LINK_PREFIX)?;
        is_token(bits).then(|| Self(Secret::new(text.to_owned())))
    }

    /// The token itself, for the link.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The hash under which its session is stored until it is opened. No session token has it: it is of another purpose.
    pub fn hash(&self, sealer: &Sealer, tenant: &TenantId) -> KeyedHash {
        sealer.hash(tenant, LINK_PURPOSE, self.expose().as_bytes())
    }
}

/// Begins a session as `identity` for an operator.
pub fn begin(
    room: Room<'_>,
    who: (Actor, ClientAddress),
    identity: &Identity,
    reason: &str,
    lifespan: Duration,
) -> Result<(Session, SessionToken, PendingChange), ImpersonationError> {
    let (session, audit) = acting(room, who, identity, reason, lifespan)?;
    let token = SessionToken::generate(room.rng);
    let change = Change::new(room.tenant.clone()).audit(audit);
    let change = PendingChange::new(change, Some((session.clone(), token.clone())));
    Ok((session, token, change))
}

/// Begins one that a link gives to a browser.
pub fn begin_by_link(
    room: Room<'_>,
    who: (Actor, ClientAddress),
    identity: &Identity,
    reason: &str,
    lifespan: Duration,
) -> Result<(Session, LinkToken, Change<Write>), ImpersonationError> {
    let (session, audit) = acting(room, who, identity, reason, lifespan)?;
    let link = LinkToken(Secret::new(format!("{LINK_PREFIX}{}", room.rng.token())));
    let token = link.hash(room.sealer, room.tenant);
    let new = NewSession { session: session.clone(), token };
    let change = Change::new(room.tenant.clone())
        .write(Write::InsertSession(Box::new(new)))
        .audit(audit.with("by", &"link"));
    Ok((session, link, change))
}

/// The session that a link found, if it may still be opened.
pub fn check_link(session: Session, identity: Identity, now: Timestamp) -> Option<LiveSession> {
    let is_young = session.actor.is_some() && now < session.issued_at.after(LINK_LIFESPAN);
    LiveSession::check(session, identity, now).filter(|_| is_young)
}

/// Opens it: its token, and the change, of which one counts however often the link is opened.
pub fn open_link(room: Room<'_>, link: &LinkToken, live: &LiveSession) -> (SessionToken, Change<Write>) {
    let session = live.session();
    let token = SessionToken::generate(room.rng);
    let write = Write::ReplaceSessionToken {
        session: session.id,
        identity: session.identity,
        from: link.hash(room.sealer, room.tenant),
        to: token.hash(room.sealer, room.tenant),
        at: room.now,
    };
    let audit = AuditEvent::new("session.impersonation_begun", Actor::Anonymous, "session", &session.id)
        .with("identity", &session.identity);
    (token, Change::new(room.tenant.clone()).write(write).audit(audit))
}

fn acting(
    room: Room<'_>,
    (actor, address): (Actor, ClientAddress),
    identity: &Identity,
    reason: &str,
    lifespan: Duration,
) -> Result<(Session, AuditEvent), ImpersonationError> {
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
    let audit = AuditEvent::new("session.impersonated", actor, "session", &session.id)
        .with("identity", &identity.id)
        .with("reason", &reason.trim());
    Ok((session, audit))
}
