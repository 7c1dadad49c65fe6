//! What clients are told when a session ends, and which clients those are.
//!
//! Attack: a node ends after it has ended a session and before its clients were told, and an app goes on as if somebody were
//! signed in. So what they are told is in the change that ends the session, and waits among the messages of webhooks until it
//! was taken or given up.

use ::oauth2::write::SignIns;
use ::tenancy::webhook::LOGOUT_PREFIX;
use primitives::{ClientId, IdentityId, SessionId, TenantId, Timestamp};

use super::login_sessions::hanging;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// What such a message is about, for operators.
const TOPIC: &str = "session.ended";

/// One message for each client of the sessions that the condition names, whatever else ends them while it waits.
macro_rules! tell_clients {
    ($sessions:literal) => {
        concat!(
            "INSERT INTO webhook_messages
                 (tenant, webhook, id, topic, body, subject, attempts, next_attempt_at, created_at, updated_at)
             SELECT DISTINCT g.tenant, $3 || g.client, g.session, $4, $5, g.subject, 0, $6, $6, $6
             FROM oauth2_grants g
             JOIN oauth2_clients c ON c.tenant = g.tenant AND c.id = g.client
             WHERE g.tenant = $1 AND g.session ",
            $sessions,
            " AND c.backchannel_logout = 1 AND c.enabled = 1
             ON CONFLICT DO NOTHING"
        )
    };
}

/// A grant that was revoked counts too: that the app may do nothing more does not end the session that it has made of it.
pub(super) fn tell_clients_of_session(tenant: &TenantId, session: SessionId, at: Timestamp) -> Statement {
    Statement::any(tell_clients!("= $2"), values![tenant, &session, LOGOUT_PREFIX, TOPIC, Vec::new(), at])
}

/// The same of sign-ins of somebody at a login app, before they are deleted.
pub(super) fn tell_clients_of_login_sessions(
    tenant: &TenantId,
    subject: IdentityId,
    which: SignIns,
    at: Timestamp,
) -> Statement {
    let (only, but) = hanging(which);
    Statement::any(
        tell_clients!(
            "IN (SELECT l.id FROM oauth2_login_sessions l WHERE l.tenant = $1 AND l.subject = $2
                 AND ($7 = '' OR l.provider_session = $7)
                 AND ($8 = '' OR l.provider_session IS NULL OR l.provider_session <> $8))"
        ),
        values![tenant, &subject, LOGOUT_PREFIX, TOPIC, Vec::new(), at, only, but],
    )
}

/// The clients that were granted something in a session, whatever became of it, at most `limit`.
pub(super) async fn clients_of_session(
    storage: &Storage,
    tenant: &TenantId,
    session: SessionId,
    limit: u32,
) -> Result<Vec<ClientId>, StorageError> {
    let sql = "SELECT DISTINCT client FROM oauth2_grants
         WHERE tenant = $1 AND session = $2 ORDER BY client LIMIT $3";
    let rows = storage.list(sql, values![tenant, &session, i64::from(limit)]).await?;
    rows.iter().map(|row| row.parse(0, "client")).collect()
}
