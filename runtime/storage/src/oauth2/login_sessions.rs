//! Table `oauth2_login_sessions`.

use ::oauth2::authorization::answered::{AnsweredChallenge, ChallengeId};
use ::oauth2::authorization::external::{LoginSession, LoginSessionRepository};
use ::oauth2::ports::PortResult;
use ::oauth2::write::SignIns;
use primitives::{ClientId, IdentityId, KeyedHash, SessionId, TenantId, Timestamp};

use super::{answered_challenges, forced_subjects, port_error};
use crate::row::Row;
use crate::statement::{Statement, json};
use crate::{Storage, StorageError, values};

pub(super) fn insert(tenant: &TenantId, session: &LoginSession) -> Statement {
    Statement::one(
        "INSERT INTO oauth2_login_sessions (tenant, id, token, subject, external_subject, authenticated_at, acr, amr,
             remembered_until, expires_at, provider_session)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
        values![
            tenant,
            &session.id,
            &session.token,
            &session.subject,
            session.external.clone(),
            session.authenticated_at,
            session.acr.as_str(),
            json(&session.amr),
            session.remembered_until,
            session.expires_at,
            session.provider_session.clone(),
        ],
    )
}

pub(super) fn extend(
    tenant: &TenantId,
    session: SessionId,
    token: &KeyedHash,
    (remembered_until, expires_at): (Option<Timestamp>, Timestamp),
) -> Statement {
    Statement::one(
        "UPDATE oauth2_login_sessions SET token = $3, remembered_until = $4, expires_at = $5
         WHERE tenant = $1 AND id = $2",
        values![tenant, &session, token, remembered_until, expires_at],
    )
}

pub(super) fn delete(tenant: &TenantId, session: SessionId) -> Statement {
    Statement::any(
        "DELETE FROM oauth2_login_sessions WHERE tenant = $1 AND id = $2",
        values![tenant, &session],
    )
}

pub(super) fn delete_of_subject(tenant: &TenantId, subject: IdentityId, which: SignIns) -> Statement {
    let (only, but) = hanging(which);
    Statement::any(
        "DELETE FROM oauth2_login_sessions WHERE tenant = $1 AND subject = $2
             AND ($3 = '' OR provider_session = $3)
             AND ($4 = '' OR provider_session IS NULL OR provider_session <> $4)",
        values![tenant, &subject, only, but],
    )
}

/// The session on which they must hang, and the one on which they must not; an empty one stands for "whichever".
pub(super) fn hanging(which: SignIns) -> (String, String) {
    match which {
        SignIns::All => (String::new(), String::new()),
        SignIns::HangingOn(session) => (session.to_string(), String::new()),
        SignIns::NotHangingOn(session) => (String::new(), session.to_string()),
    }
}

fn session_at(row: &Row) -> Result<LoginSession, StorageError> {
    Ok(LoginSession {
        id: row.parse(0, "id")?,
        token: KeyedHash(row.blob(1)?),
        subject: row.parse(2, "subject")?,
        external: row.opt_text(3)?,
        authenticated_at: row.time(4)?,
        acr: row.text(5)?,
        amr: row.json(6, "amr")?,
        remembered_until: row.opt_time(7)?,
        expires_at: row.time(8)?,
        provider_session: row.opt_text(9)?,
    })
}

macro_rules! select_where {
    ($column:literal) => {
        concat!(
            "SELECT id, token, subject, external_subject, authenticated_at, acr, amr, remembered_until, expires_at,
                 provider_session
             FROM oauth2_login_sessions WHERE tenant = $1 AND ",
            $column,
            " = $2"
        )
    };
}

impl LoginSessionRepository for Storage {
    fn find_login_session_by_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<LoginSession>> {
        Box::pin(async move {
            let row =
                self.find_one(select_where!("token"), values![tenant, hash]).await.map_err(port_error)?;
            row.as_ref().map(session_at).transpose().map_err(port_error)
        })
    }

    fn find_login_session<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: SessionId,
    ) -> PortResult<'a, Option<LoginSession>> {
        Box::pin(async move {
            let row = self.find_one(select_where!("id"), values![tenant, &id]).await.map_err(port_error)?;
            row.as_ref().map(session_at).transpose().map_err(port_error)
        })
    }

    fn find_challenge_answer<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a ChallengeId,
    ) -> PortResult<'a, Option<AnsweredChallenge>> {
        Box::pin(async move { answered_challenges::find(self, tenant, id).await.map_err(port_error) })
    }

    fn find_forced_name<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        subject: IdentityId,
    ) -> PortResult<'a, Option<String>> {
        Box::pin(async move {
            forced_subjects::find_name(self, tenant, client, subject).await.map_err(port_error)
        })
    }

    fn find_forced_subject<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        name: &'a str,
    ) -> PortResult<'a, Option<IdentityId>> {
        Box::pin(async move {
            forced_subjects::find_subject(self, tenant, client, name).await.map_err(port_error)
        })
    }

    fn list_subjects_named<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> PortResult<'a, Vec<IdentityId>> {
        Box::pin(async move { forced_subjects::list_named(self, tenant, name).await.map_err(port_error) })
    }

    fn has_identity<'a>(&'a self, tenant: &'a TenantId, id: IdentityId) -> PortResult<'a, bool> {
        Box::pin(async move {
            let sql = "SELECT 1 FROM identities WHERE tenant = $1 AND id = $2";
            Ok(self.find_one(sql, values![tenant, &id]).await.map_err(port_error)?.is_some())
        })
    }

    fn is_session_of<'a>(
        &'a self,
        tenant: &'a TenantId,
        session: SessionId,
        identity: IdentityId,
    ) -> PortResult<'a, bool> {
        Box::pin(async move {
            let sql = "SELECT 1 FROM identity_sessions s
                 JOIN identities i ON i.tenant = s.tenant AND i.id = s.identity AND i.state = 'active'
                 WHERE s.tenant = $1 AND s.id = $2 AND s.identity = $3 AND s.revoked_at IS NULL AND s.expires_at > $4";
            let args = values![tenant, &session, &identity, self.inner.clock.now()];
            Ok(self.find_one(sql, args).await.map_err(port_error)?.is_some())
        })
    }
}
