//! Table `oauth2_device_codes`.

use ::oauth2::device::{DeviceAnswer, DeviceCode, DeviceCodeRepository, Polling};
use ::oauth2::ports::PortResult;
use primitives::{ClientId, GrantId, KeyedHash, TenantId, Timestamp};

use super::{details_value, grants, port_error, scopes_at};
use crate::row::Row;
use crate::statement::{Statement, json};
use crate::{Storage, StorageError, values};

const TABLE: &str = "oauth2_device_codes";

/// As it is stored: `denied`, `allowed`, `redeemed`.
const fn word(answer: DeviceAnswer) -> (&'static str, Option<GrantId>) {
    match answer {
        DeviceAnswer::Denied => ("denied", None),
        DeviceAnswer::Allowed(grant) => ("allowed", Some(grant)),
        DeviceAnswer::Redeemed(grant) => ("redeemed", Some(grant)),
    }
}

pub(super) fn insert(tenant: &TenantId, code: &DeviceCode) -> Statement {
    let (answer, grant) = code.answer.map(word).unzip();
    Statement::one(
        "INSERT INTO oauth2_device_codes (tenant, hash, user_code, client, scope, audience, created_at, expires_at,
             poll_interval, next_poll_at, answer, grant_id, authorization_details)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING",
        values![
            tenant,
            &code.hash,
            &code.user_code,
            &code.client,
            code.scope.to_text(),
            json(&code.audience),
            code.created_at,
            code.expires_at,
            i64::from(code.polling.interval),
            code.polling.next_at,
            answer.map(str::to_owned),
            grant.flatten().as_ref(),
            details_value(&code.details),
        ],
    )
}

pub(super) fn note_poll(tenant: &TenantId, code: &KeyedHash, polling: Polling) -> Statement {
    Statement::any(
        "UPDATE oauth2_device_codes SET poll_interval = $3, next_poll_at = $4 WHERE tenant = $1 AND hash = $2",
        values![tenant, code, i64::from(polling.interval), polling.next_at],
    )
}

pub(super) fn answer(
    tenant: &TenantId,
    code: &KeyedHash,
    grant: Option<GrantId>,
    at: Timestamp,
) -> Statement {
    let (word, grant) = word(grant.map_or(DeviceAnswer::Denied, DeviceAnswer::Allowed));
    Statement::one(
        "UPDATE oauth2_device_codes SET answer = $3, grant_id = $4
         WHERE tenant = $1 AND hash = $2 AND answer IS NULL AND expires_at > $5",
        values![tenant, code, word, grant.as_ref(), at],
    )
}

pub(super) fn consume(
    tenant: &TenantId,
    code: &KeyedHash,
    grant: GrantId,
    kept_until: Timestamp,
) -> Vec<Statement> {
    let row = Statement::one(
        "UPDATE oauth2_device_codes SET answer = 'redeemed'
         WHERE tenant = $1 AND hash = $2 AND grant_id = $3 AND answer = 'allowed'
             AND EXISTS (SELECT 1 FROM oauth2_grants g
                         WHERE g.tenant = $1 AND g.id = $3 AND g.revoked_at IS NULL)",
        values![tenant, code, &grant],
    );
    vec![row, grants::redeem(tenant, grant, code, kept_until)]
}

fn code_at(row: &Row) -> Result<DeviceCode, StorageError> {
    let inconsistent =
        |column, detail: &str| StorageError::Inconsistent { table: TABLE, column, detail: detail.to_owned() };
    let interval = u32::try_from(row.int(7)?).map_err(|_| inconsistent("poll_interval", "is no interval"))?;
    let answer = match (row.opt_text(9)?.as_deref(), row.opt_parse(10, "grant_id")?) {
        (None, None) => None,
        (Some("denied"), None) => Some(DeviceAnswer::Denied),
        (Some("allowed"), Some(grant)) => Some(DeviceAnswer::Allowed(grant)),
        (Some("redeemed"), Some(grant)) => Some(DeviceAnswer::Redeemed(grant)),
        _ => return Err(inconsistent("answer", "does not go with its grant")),
    };
    Ok(DeviceCode {
        hash: KeyedHash(row.blob(0)?),
        user_code: KeyedHash(row.blob(1)?),
        client: row.parse(2, "client")?,
        scope: scopes_at(row, 3, TABLE)?,
        audience: row.json(4, "audience")?,
        details: row.opt_json(11, "authorization_details")?.unwrap_or_default(),
        created_at: row.time(5)?,
        expires_at: row.time(6)?,
        polling: Polling { interval, next_at: row.time(8)? },
        answer,
    })
}

macro_rules! select_where {
    ($column:literal) => {
        concat!(
            "SELECT hash, user_code, client, scope, audience, created_at, expires_at, poll_interval, next_poll_at,
                 answer, grant_id, authorization_details
             FROM oauth2_device_codes WHERE tenant = $1 AND ",
            $column,
            " = $2"
        )
    };
}

impl DeviceCodeRepository for Storage {
    fn find_device_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<DeviceCode>> {
        Box::pin(async move {
            let row =
                self.find_one(select_where!("hash"), values![tenant, hash]).await.map_err(port_error)?;
            row.as_ref().map(code_at).transpose().map_err(port_error)
        })
    }

    fn find_user_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<DeviceCode>> {
        Box::pin(async move {
            let sql = select_where!("user_code");
            let row = self.find_one(sql, values![tenant, hash]).await.map_err(port_error)?;
            row.as_ref().map(code_at).transpose().map_err(port_error)
        })
    }

    fn count_device_codes<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        now: Timestamp,
        most: u32,
    ) -> PortResult<'a, u32> {
        Box::pin(async move {
            let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM oauth2_device_codes
                           WHERE tenant = $1 AND client = $2 AND expires_at > $3 LIMIT $4) AS waiting";
            let args = values![tenant, client, now, i64::from(most)];
            let row = self.find_one(sql, args).await.map_err(port_error)?;
            let count = row.map(|row| row.int(0)).transpose().map_err(port_error)?.unwrap_or(0);
            Ok(u32::try_from(count).unwrap_or(most))
        })
    }
}
