//! Ending and prolonging sessions: by the person, by an operator, by signing out.

use primitives::{Actor, AuditEvent, Change, IdentityId, SessionId, TenantId, Timestamp};

use super::{LiveSession, Session};
use crate::settings::SessionSettings;
use crate::write::Write;

/// Why a session is not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// The client's: the current session ends by signing out, not here.
    #[error("the current session cannot be revoked here")]
    Current,
    /// The client's: it is somebody else's, or there is none.
    #[error("there is no such session")]
    NotFound,
}

/// Signs out: ends the session that asks.
pub fn sign_out(tenant: &TenantId, live: &LiveSession, now: Timestamp) -> Change<Write> {
    let session = live.session();
    revoke(tenant, session, Actor::Subject(session.identity), now)
}

/// Ends another session of the person who asks. `found` is what the store knows of its id.
pub fn revoke_mine(
    tenant: &TenantId,
    live: &LiveSession,
    found: Option<&Session>,
    now: Timestamp,
) -> Result<Change<Write>, RevokeError> {
    let mine = live.session();
    let session = found.filter(|session| session.identity == mine.identity).ok_or(RevokeError::NotFound)?;
    if session.id == mine.id {
        return Err(RevokeError::Current);
    }
    Ok(revoke(tenant, session, Actor::Subject(mine.identity), now))
}

/// Ends all sessions of the person who asks but the one that asks.
pub fn revoke_my_others(tenant: &TenantId, live: &LiveSession, now: Timestamp) -> Change<Write> {
    let mine = live.session();
    let write = Write::RevokeSessions { identity: mine.identity, except: Some(mine.id), at: now };
    let actor = Actor::Subject(mine.identity);
    Change::new(tenant.clone()).write(write).audit(AuditEvent::new(
        "sessions.revoked",
        actor,
        "identity",
        &mine.identity,
    ))
}

/// Ends a session, whoever asks.
pub fn revoke(tenant: &TenantId, session: &Session, actor: Actor, now: Timestamp) -> Change<Write> {
    let (id, identity) = (session.id, session.identity);
    Change::new(tenant.clone())
        .write(Write::RevokeSession { session: id, identity, at: now })
        .audit(AuditEvent::new("session.revoked", actor, "session", &id))
}

/// Ends and forgets a session, live or not.
pub fn delete(tenant: &TenantId, session: &Session, actor: Actor) -> Change<Write> {
    let (id, identity) = (session.id, session.identity);
    Change::new(tenant.clone()).write(Write::DeleteSession { session: id, identity }).audit(AuditEvent::new(
        "session.deleted",
        actor,
        "session",
        &id,
    ))
}

/// Ends and forgets all sessions of an identity.
pub fn delete_all(tenant: &TenantId, identity: IdentityId, actor: Actor) -> Change<Write> {
    Change::new(tenant.clone()).write(Write::DeleteSessions(identity)).audit(AuditEvent::new(
        "sessions.deleted",
        actor,
        "identity",
        &identity,
    ))
}

/// Lets a live session last a whole lifespan from now.
pub fn extend(
    tenant: &TenantId,
    session: &Session,
    actor: Actor,
    settings: &SessionSettings,
    now: Timestamp,
) -> (Session, Change<Write>) {
    let mut extended = session.clone();
    // One in which somebody else acts stays as short as it was made.
    if session.actor.is_none() {
        extended.expires_at = now.after(settings.lifespan()).max(session.expires_at);
    }
    let write = Write::ExtendSession { session: extended.id, expires_at: extended.expires_at, at: now };
    let audit = AuditEvent::new("session.extended", actor, "session", &SessionId(session.id.0));
    (extended, Change::new(tenant.clone()).write(write).audit(audit))
}
