//! Sessions, found by the hash of their token.

use ::identity::identity::Identity;
use ::identity::ports::{SessionFilter, Sessions, StoreUnavailable};
use ::identity::session::{NewSession, Session};
use futures_util::future::BoxFuture;
use primitives::{ActingParty, IdentityId, KeyedHash, SessionId, TenantId, Timestamp};

use super::identities::{COLUMNS, identity_at, identity_columns};
use super::{IDENTITY_CHANGED, SESSION_CHANGED, assurance, unavailable};
use crate::row::Row;
use crate::statement::{Statement, json, session_claims};
use crate::{Storage, StorageError, values};

/// A statement that reads what [`session_at`] takes.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT id, identity, organisation, assurance, methods, device, authenticated_at, issued_at,
                 expires_at, revoked_at, claims, actor, required_assurance, trusted_device
             FROM identity_sessions ",
            $which
        )
    };
}

pub(super) fn insert(tenant: &TenantId, new: &NewSession) -> Statement {
    let session = &new.session;
    Statement::one(
        "INSERT INTO identity_sessions (tenant, id, token_hash, identity, organisation, assurance, methods,
             device, authenticated_at, issued_at, expires_at, claims, actor, required_assurance, trusted_device)
         SELECT i.tenant, $3, $4, i.id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, (
             SELECT t.id FROM trusted_devices t WHERE t.tenant = $1 AND t.identity = $2 AND t.id = $15)
         FROM identities i
         WHERE i.tenant = $1 AND i.id = $2 AND i.state = 'active'",
        values![
            tenant,
            &session.identity,
            &session.id,
            &new.token,
            session.organisation.as_ref(),
            session.assurance.as_str(),
            json(&session.methods),
            json(&session.device),
            session.authenticated_at,
            session.issued_at,
            session.expires_at,
            session_claims(&session.claims),
            session.actor.as_ref().map(|actor| actor.sub.clone()),
            session.required.map(|required| required.as_str().to_owned()),
            // One that was forgotten meanwhile counts for nothing.
            session.trusted_device.map(|device| device.to_string()),
        ],
    )
}

/// Takes the row, so that whoever ends the session at this moment waits, or has ended it.
pub(crate) fn hold(tenant: &TenantId, session: SessionId, identity: IdentityId, at: Timestamp) -> Statement {
    Statement::one(
        "UPDATE identity_sessions SET expires_at = expires_at
         WHERE tenant = $1 AND id = $2 AND identity = $3 AND revoked_at IS NULL AND expires_at > $4",
        values![tenant, &session, &identity, at],
    )
}

pub(super) fn replace_token(
    tenant: &TenantId,
    (session, identity): (SessionId, IdentityId),
    (from, to): (&KeyedHash, &KeyedHash),
    at: Timestamp,
) -> Statement {
    Statement::one(
        "UPDATE identity_sessions SET token_hash = $5
         WHERE tenant = $1 AND id = $2 AND identity = $3 AND token_hash = $4 AND revoked_at IS NULL AND expires_at > $6",
        values![tenant, &session, &identity, from, to, at],
    )
    .changes(SESSION_CHANGED, session.to_string())
}

pub(super) fn delete(tenant: &TenantId, session: SessionId, identity: IdentityId) -> Statement {
    Statement::one(
        "DELETE FROM identity_sessions WHERE tenant = $1 AND id = $2 AND identity = $3",
        values![tenant, &session, &identity],
    )
    .changes(SESSION_CHANGED, session.to_string())
}

pub(super) fn delete_all(tenant: &TenantId, identity: IdentityId) -> Statement {
    Statement::any(
        "DELETE FROM identity_sessions WHERE tenant = $1 AND identity = $2",
        values![tenant, &identity],
    )
    .changes(IDENTITY_CHANGED, identity.to_string())
}

pub(super) fn extend(
    tenant: &TenantId,
    session: SessionId,
    expires_at: Timestamp,
    at: Timestamp,
) -> Statement {
    Statement::one(
        "UPDATE identity_sessions SET expires_at = $3
         WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL AND expires_at > $4",
        values![tenant, &session, expires_at, at],
    )
    .changes(SESSION_CHANGED, session.to_string())
}

fn session_at(row: &Row, at: usize) -> Result<Session, StorageError> {
    let level = |column, text: &str| {
        let (table, detail) = ("identity_sessions", "no such level".to_owned());
        assurance(text).ok_or(StorageError::Inconsistent { table, column, detail })
    };
    let assurance = level("assurance", &row.text(at + 3)?)?;
    let required = row.opt_text(at + 12)?;
    Ok(Session {
        id: row.parse(at, "id")?,
        identity: row.parse(at + 1, "identity")?,
        organisation: row.opt_parse(at + 2, "organisation")?,
        assurance,
        methods: row.json(at + 4, "methods")?,
        device: row.json(at + 5, "device")?,
        authenticated_at: row.time(at + 6)?,
        issued_at: row.time(at + 7)?,
        expires_at: row.time(at + 8)?,
        revoked_at: row.opt_time(at + 9)?,
        claims: row.opt_json(at + 10, "claims")?.unwrap_or_default(),
        actor: row.opt_text(at + 11)?.map(|sub| ActingParty { sub }),
        required: required.map(|text| level("required_assurance", &text)).transpose()?,
        trusted_device: row.opt_parse(at + 13, "trusted_device")?,
    })
}

impl Sessions for Storage {
    fn find_by_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hashes: &'a [KeyedHash],
    ) -> BoxFuture<'a, Result<Option<(Session, Identity)>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = concat!(
                "SELECT ",
                identity_columns!("i"),
                ",
                 s.id, s.identity, s.organisation, s.assurance, s.methods, s.device, s.authenticated_at,
                 s.issued_at, s.expires_at, s.revoked_at, s.claims, s.actor, s.required_assurance, s.trusted_device
                 FROM identity_sessions s
                 JOIN identities i ON i.tenant = s.tenant AND i.id = s.identity
                 WHERE s.tenant = $1 AND s.token_hash = $2"
            );
            // One key is the rule; older ones are tried only while a rotation lasts.
            for hash in hashes {
                let row = self.find_one(sql, values![tenant, hash]).await.map_err(unavailable)?;
                if let Some(row) = row {
                    let read = || Ok(Some((session_at(&row, COLUMNS)?, identity_at(&row, 0)?)));
                    return read().map_err(unavailable);
                }
            }
            Ok(None)
        })
    }

    fn find_session<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: SessionId,
    ) -> BoxFuture<'a, Result<Option<Session>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = select!("WHERE tenant = $1 AND id = $2");
            let row = self.find_one(sql, values![tenant, &id]).await.map_err(unavailable)?;
            row.map(|row| session_at(&row, 0)).transpose().map_err(unavailable)
        })
    }

    fn list_live<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
        now: Timestamp,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Session>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = select!(
                "WHERE tenant = $1 AND identity = $2 AND revoked_at IS NULL AND expires_at > $3
                 ORDER BY issued_at DESC, id LIMIT $4"
            );
            let rows = self
                .list(sql, values![tenant, &identity, now, i64::from(limit)])
                .await
                .map_err(unavailable)?;
            rows.iter().map(|row| session_at(row, 0)).collect::<Result<_, _>>().map_err(unavailable)
        })
    }

    fn list_sessions<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: SessionFilter,
        now: Timestamp,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Session>, StoreUnavailable>> {
        Box::pin(async move {
            // An empty identity and a 2 stand for "whatever it is".
            let sql = select!(
                "WHERE tenant = $1 AND id > $2 AND ($3 = '' OR identity = $3)
                 AND ($4 = 2 OR $4 = CASE WHEN revoked_at IS NULL AND expires_at > $5 THEN 1 ELSE 0 END)
                 ORDER BY id LIMIT $6"
            );
            let text = |id: Option<String>| id.unwrap_or_default();
            let args = values![
                tenant,
                text(filter.after.map(|id| id.to_string())),
                text(filter.identity.map(|id| id.to_string())),
                filter.live.map_or(2, i64::from),
                now,
                i64::from(limit),
            ];
            let rows = self.list(sql, args).await.map_err(unavailable)?;
            rows.iter().map(|row| session_at(row, 0)).collect::<Result<_, _>>().map_err(unavailable)
        })
    }
}
