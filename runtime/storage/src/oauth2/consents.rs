//! Table `oauth2_consents`.

use ::oauth2::grant::Consent;
use ::oauth2::ports::GrantFilter;
use primitives::{ClientId, GrantId, IdentityId, TenantId, Timestamp};

use super::{details_value, scopes_at};
use crate::row::Row;
use crate::statement::{Statement, json, opt_json};
use crate::{Storage, StorageError, values};

pub(super) fn remember(tenant: &TenantId, consent: &Consent) -> Statement {
    Statement::one(
        "INSERT INTO oauth2_consents (tenant, subject, client, scope, audience, granted_at, expires_at,
             authorization_details, grant_id, session, record)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (tenant, subject, client) DO UPDATE SET scope = excluded.scope,
             audience = excluded.audience, granted_at = excluded.granted_at, expires_at = excluded.expires_at,
             authorization_details = excluded.authorization_details, grant_id = excluded.grant_id,
             session = excluded.session, record = excluded.record",
        values![
            tenant,
            &consent.subject,
            &consent.client,
            consent.scope.to_text(),
            json(&consent.audience),
            consent.granted_at,
            consent.expires_at,
            details_value(&consent.details),
            consent.grant.as_ref(),
            consent.record.as_ref().map(|record| &record.session),
            opt_json(consent.record.as_ref()),
        ],
    )
}

pub(super) fn forget(tenant: &TenantId, subject: IdentityId, client: Option<&ClientId>) -> Statement {
    match client {
        Some(client) => Statement::any(
            "DELETE FROM oauth2_consents WHERE tenant = $1 AND subject = $2 AND client = $3",
            values![tenant, &subject, client],
        ),
        None => Statement::any(
            "DELETE FROM oauth2_consents WHERE tenant = $1 AND subject = $2",
            values![tenant, &subject],
        ),
    }
}

/// The columns in the order in which [`consent_at`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT subject, client, scope, audience, granted_at, expires_at, authorization_details, grant_id, record
             FROM oauth2_consents WHERE tenant = $1 ",
            $rest
        )
    };
}

fn consent_at(row: &Row) -> Result<Consent, StorageError> {
    Ok(Consent {
        subject: row.parse(0, "subject")?,
        client: row.parse(1, "client")?,
        scope: scopes_at(row, 2, "oauth2_consents")?,
        audience: row.json(3, "audience")?,
        granted_at: row.time(4)?,
        expires_at: row.opt_time(5)?,
        details: row.opt_json(6, "authorization_details")?.unwrap_or_default(),
        grant: row.opt_parse(7, "grant_id")?,
        record: row.opt_json(8, "record")?,
    })
}

pub(super) async fn find(
    storage: &Storage,
    tenant: &TenantId,
    subject: IdentityId,
    client: &ClientId,
) -> Result<Option<Consent>, StorageError> {
    let sql = select!("AND subject = $2 AND client = $3");
    let row = storage.find_one(sql, values![tenant, &subject, client]).await?;
    row.map(|row| consent_at(&row)).transpose()
}

pub(super) async fn find_of_grant(
    storage: &Storage,
    tenant: &TenantId,
    grant: GrantId,
) -> Result<Option<Consent>, StorageError> {
    let row = storage.find_one(select!("AND grant_id = $2"), values![tenant, &grant]).await?;
    row.map(|row| consent_at(&row)).transpose()
}

pub(super) async fn list(
    storage: &Storage,
    tenant: &TenantId,
    (subject, filter): (IdentityId, GrantFilter),
    (now, limit): (Timestamp, u32),
) -> Result<Vec<Consent>, StorageError> {
    // An empty session stands for "whichever it is"; nothing is newer than the end of time. One that an older version has written
    // has no name, and stands first among those of its instant.
    let sql = select!(
        "AND subject = $2 AND ($3 = '' OR session = $3) AND (expires_at IS NULL OR expires_at > $4)
         AND (granted_at < $5 OR (granted_at = $5 AND COALESCE(grant_id, '') > $6))
         ORDER BY granted_at DESC, COALESCE(grant_id, '') LIMIT $7"
    );
    let session = filter.session.map(|id| id.to_string()).unwrap_or_default();
    let after = filter.after.map(|(at, id)| (at, id.to_string()));
    let (at, id) = after.unwrap_or_else(|| (Timestamp::from_micros(i64::MAX), String::new()));
    let args = values![tenant, &subject, session, now, at, id, i64::from(limit)];
    let rows = storage.list(sql, args).await?;
    rows.iter().map(consent_at).collect()
}
