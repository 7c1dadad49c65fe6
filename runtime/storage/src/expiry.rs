//! Rows that have had their time leave, a bounded batch at a call.
//!
//! A redeemed code is remembered with its grant, and a rotated refresh token until its own expiry: until
//! then a replay must be noticed. Nothing here is announced in the change log, since whoever keeps such a
//! row in memory checks its time anyway.

use std::time::Duration;

use ::identity::flow::KEPT_AFTER_EXPIRY;
use primitives::{TenantId, Timestamp};

use crate::apply::{ApplyError, Prepared};
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// A node that has not read the change log for half as long forgets all that it keeps in memory, so that
/// nothing is lost with older rows.
pub(crate) const CHANGES_KEPT_AT_LEAST: Duration = Duration::from_hours(1);

/// A device's request stays so much longer than it can be answered.
const DEVICE_CODES_KEPT: Duration = Duration::from_mins(5);

/// How many rows of each table one call has deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name is that of what was deleted")]
pub struct ExpiredCounts {
    pub sessions: u64,
    pub login_sessions: u64,
    pub trusted_devices: u64,
    pub attempt_buckets: u64,
    pub flows: u64,
    pub answered_challenges: u64,
    pub authorization_codes: u64,
    pub clients: u64,
    pub device_codes: u64,
    pub access_tokens: u64,
    pub refresh_tokens: u64,
    pub used_assertions: u64,
    pub revoked_jwts: u64,
    pub consents: u64,
    pub grants: u64,
    pub plugin_values: u64,
}

impl ExpiredCounts {
    /// All tables together.
    pub const fn total(&self) -> u64 {
        self.sessions
            + self.login_sessions
            + self.trusted_devices
            + self.attempt_buckets
            + self.flows
            + self.answered_challenges
            + self.authorization_codes
            + self.clients
            + self.device_codes
            + self.access_tokens
            + self.refresh_tokens
            + self.used_assertions
            + self.revoked_jwts
            + self.consents
            + self.grants
            + self.plugin_values
    }

    /// Whether a table may hold more: it gave as many rows as a call takes.
    pub const fn is_full(&self, limit: u32) -> bool {
        let limit = limit as u64;
        self.sessions >= limit
            || self.login_sessions >= limit
            || self.trusted_devices >= limit
            || self.attempt_buckets >= limit
            || self.flows >= limit
            || self.answered_challenges >= limit
            || self.authorization_codes >= limit
            || self.clients >= limit
            || self.device_codes >= limit
            || self.access_tokens >= limit
            || self.refresh_tokens >= limit
            || self.used_assertions >= limit
            || self.revoked_jwts >= limit
            || self.consents >= limit
            || self.grants >= limit
            || self.plugin_values >= limit
    }
}

/// Deletes by primary key what an index on the time finds: bounded, and the same on both databases.
macro_rules! delete_batch {
    ($table:literal, $key:literal, $time:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE (",
            $key,
            ") IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $time,
            " <= $1 ORDER BY ",
            $time,
            " LIMIT $2)"
        )
    };
}

/// Puts off the time of grants whose session lives to the session's end.
macro_rules! keep_grants_of {
    ($sessions:literal, $live:literal) => {
        concat!(
            "UPDATE oauth2_grants SET kept_until = (SELECT s.expires_at FROM ",
            $sessions,
            " s WHERE s.tenant = oauth2_grants.tenant AND s.id = oauth2_grants.session)
             WHERE (tenant, id) IN (
                 SELECT g.tenant, g.id FROM oauth2_grants g JOIN ",
            $sessions,
            " s ON s.tenant = g.tenant AND s.id = g.session AND ",
            $live,
            " WHERE g.kept_until <= $1 ORDER BY g.kept_until LIMIT $2)"
        )
    };
}

impl Storage {
    /// Deletes what has expired by `now`, of every tenant, at most `limit` rows of each table.
    ///
    /// Each table is a change of its own, or several, so that other writes get their turn in between.
    pub async fn delete_expired(&self, now: Timestamp, limit: u32) -> Result<ExpiredCounts, StorageError> {
        let delete = async |sql, until: Timestamp| self.delete(sql, until, limit).await;
        Ok(ExpiredCounts {
            sessions: delete(delete_batch!("identity_sessions", "tenant, id", "expires_at"), now).await?,
            login_sessions: delete(delete_batch!("oauth2_login_sessions", "tenant, id", "expires_at"), now)
                .await?,
            trusted_devices: delete(delete_batch!("trusted_devices", "tenant, id", "expires_at"), now)
                .await?,
            // One that is full again says as much as one that is not there.
            attempt_buckets: delete(delete_batch!("attempt_buckets", "tenant, bucket", "full_at"), now)
                .await?,
            // An expired flow still answers for a while, with where to begin anew.
            flows: delete(
                delete_batch!("self_service_flows", "tenant, id", "expires_at"),
                now.before(KEPT_AFTER_EXPIRY),
            )
            .await?,
            answered_challenges: delete(
                delete_batch!("oauth2_answered_challenges", "tenant, id", "expires_at"),
                now,
            )
            .await?,
            authorization_codes: delete(
                delete_batch!("oauth2_authorization_codes", "tenant, hash", "expires_at"),
                now,
            )
            .await?,
            clients: self.delete_left_clients(now, limit).await?,
            // Until then a device that went on asking learns that it is too late.
            device_codes: delete(
                delete_batch!("oauth2_device_codes", "tenant, hash", "expires_at"),
                now.before(DEVICE_CODES_KEPT),
            )
            .await?,
            access_tokens: delete(delete_batch!("oauth2_access_tokens", "tenant, hash", "expires_at"), now)
                .await?,
            refresh_tokens: delete(delete_batch!("oauth2_refresh_tokens", "tenant, hash", "expires_at"), now)
                .await?,
            used_assertions: delete(
                delete_batch!("oauth2_used_assertions", "tenant, client, jti", "expires_at"),
                now,
            )
            .await?,
            revoked_jwts: delete(delete_batch!("oauth2_revoked_jwts", "tenant, jti", "expires_at"), now)
                .await?,
            consents: delete(delete_batch!("oauth2_consents", "tenant, subject, client", "expires_at"), now)
                .await?,
            // Last: until then what hung on them is gone.
            grants: self.delete_expired_grants(now, limit).await?,
            plugin_values: self.delete_expired_values(now, limit).await?,
        })
    }

    /// Clients that registered themselves and were not used in time, each when nothing is left of what people consented to at it and of
    /// the names that it knows them by. Whoever keeps one in memory looks at its time.
    async fn delete_left_clients(&self, now: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let consents = "DELETE FROM oauth2_consents WHERE (tenant, subject, client) IN (
                 SELECT o.tenant, o.subject, o.client FROM oauth2_clients c
                 JOIN oauth2_consents o ON o.tenant = c.tenant AND o.client = c.id
                 WHERE c.unused_until <= $1 LIMIT $2)";
        let names = "DELETE FROM oauth2_forced_subjects WHERE (tenant, client, name) IN (
                 SELECT o.tenant, o.client, o.name FROM oauth2_clients c
                 JOIN oauth2_forced_subjects o ON o.tenant = c.tenant AND o.client = c.id
                 WHERE c.unused_until <= $1 LIMIT $2)";
        let clients = "DELETE FROM oauth2_clients WHERE (tenant, id) IN (
                 SELECT c.tenant, c.id FROM oauth2_clients c WHERE c.unused_until <= $1
                 AND NOT EXISTS (SELECT 1 FROM oauth2_consents o WHERE o.tenant = c.tenant AND o.client = c.id)
                 AND NOT EXISTS (SELECT 1 FROM oauth2_forced_subjects o WHERE o.tenant = c.tenant AND o.client = c.id)
                 ORDER BY c.unused_until LIMIT $2)";
        let mut left = 0;
        for sql in [consents, names, clients] {
            left = left.max(self.delete(sql, now, limit).await?);
        }
        Ok(left)
    }

    /// A grant is there for as long as its session is, one of ours or a sign-in at a login app: by it we know which clients to tell
    /// of the session's end. One whose session goes on has its time put off to the session's end, which may be put off itself
    /// until then.
    async fn delete_expired_grants(&self, now: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let keep = [
            keep_grants_of!("identity_sessions", "s.revoked_at IS NULL AND s.expires_at > $1"),
            keep_grants_of!("oauth2_login_sessions", "s.expires_at > $1"),
        ];
        for sql in keep {
            self.delete(sql, now, limit).await?;
        }
        let sql = "DELETE FROM oauth2_grants WHERE (tenant, id) IN (
                 SELECT g.tenant, g.id FROM oauth2_grants g
                 WHERE g.kept_until <= $1 AND NOT EXISTS (
                     SELECT 1 FROM identity_sessions s WHERE s.tenant = g.tenant AND s.id = g.session
                         AND s.revoked_at IS NULL AND s.expires_at > $1)
                 AND NOT EXISTS (
                     SELECT 1 FROM oauth2_login_sessions l WHERE l.tenant = g.tenant AND l.id = g.session
                         AND l.expires_at > $1)
                 ORDER BY g.kept_until LIMIT $2)";
        self.delete(sql, now, limit).await
    }

    /// Deletes at most `limit` rows of the change log from before `before`. Rows of the last hour stay
    /// whatever is asked, since other nodes may have to read them yet.
    pub async fn trim_changes(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let until = before.min(self.inner.clock.now().before(CHANGES_KEPT_AT_LEAST));
        self.delete(delete_batch!("changes", "position", "at"), until, limit).await
    }

    /// Deletes at most `limit` messages that were given up before `before`, of every tenant.
    pub async fn trim_dead_messages(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.delete(delete_batch!("dead_messages", "tenant, id", "died_at"), before, limit).await
    }

    /// Deletes at most `limit` messages to people that were sent or given up before `before`, of every tenant.
    pub async fn trim_courier_messages(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.delete(delete_batch!("courier_messages", "tenant, id", "done_at"), before, limit).await
    }

    /// Deletes at most `limit` messages to webhooks that were given up before `before`, of every tenant.
    pub async fn trim_webhook_messages(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.delete(delete_batch!("webhook_messages", "tenant, webhook, id", "done_at"), before, limit).await
    }

    /// Deletes at most `limit` of a tenant's audit records, the oldest first, from before `before`. That nothing younger
    /// leaves is the database's own to see to: what is to leave is written down first, and only moves on.
    pub async fn trim_audit(
        &self,
        tenant: &TenantId,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        let horizon = "INSERT INTO audit_horizon (tenant, trimmed_before) VALUES ($1, $2)
             ON CONFLICT (tenant) DO UPDATE SET trimmed_before = excluded.trimmed_before
             WHERE audit_horizon.trimmed_before < excluded.trimmed_before";
        self.rows_hit(Statement::any(horizon, values![tenant, before])).await?;
        let sql = "DELETE FROM audit_records WHERE (tenant, at, id) IN (
                 SELECT tenant, at, id FROM audit_records WHERE tenant = $1 AND at < $2
                 ORDER BY tenant, at, id LIMIT $3)";
        self.rows_hit(Statement::any(sql, values![tenant, before, i64::from(limit)])).await
    }

    async fn delete(&self, sql: &'static str, until: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.rows_hit(Statement::any(sql, values![until, i64::from(limit)])).await
    }

    async fn rows_hit(&self, statement: Statement) -> Result<u64, StorageError> {
        match self.inner.database.apply(Prepared::of_storage(vec![statement])).await {
            Ok(rows) => Ok(rows),
            Err(ApplyError::Storage(error)) => Err(error),
            Err(missed @ ApplyError::Missed { .. }) => Err(StorageError::Unavailable(missed.to_string())),
        }
    }
}
