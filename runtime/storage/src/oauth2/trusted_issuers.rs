//! Table `oauth2_trusted_issuers`.

use ::oauth2::ports::PortResult;
use ::oauth2::trust::{TrustFilter, TrustKind, TrustRepository, TrustSearch, TrustedIssuer, TrustedSubject};
use jose::PublicJwk;
use primitives::{TenantId, Timestamp};

use super::{port_error, scopes_at};
use crate::row::Row;
use crate::statement::{Statement, json};
use crate::{Storage, StorageError, values};

const TABLE: &str = "oauth2_trusted_issuers";

pub(super) fn insert(tenant: &TenantId, trust: &TrustedIssuer) -> Statement {
    let subject = match &trust.subject {
        TrustedSubject::One(subject) => subject.as_str(),
        TrustedSubject::Any => "",
    };
    Statement::one(
        "INSERT INTO oauth2_trusted_issuers (tenant, id, issuer, subject, scope, kid, jwk, created_at, expires_at, kind)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        values![
            tenant,
            trust.id.as_str(),
            trust.issuer.as_str(),
            subject,
            trust.scope.to_text(),
            trust.jwk.kid().unwrap_or_default(),
            json(&trust.jwk),
            trust.created_at,
            trust.expires_at,
            trust.kind.as_str(),
        ],
    )
}

pub(super) fn delete(tenant: &TenantId, id: &str) -> Statement {
    Statement::any("DELETE FROM oauth2_trusted_issuers WHERE tenant = $1 AND id = $2", values![tenant, id])
}

fn trust_at(row: &Row) -> Result<TrustedIssuer, StorageError> {
    let subject = row.text(2)?;
    let jwk = PublicJwk::parse(row.text(4)?.as_bytes()).map_err(|_| StorageError::Inconsistent {
        table: TABLE,
        column: "jwk",
        detail: "is no public key".to_owned(),
    })?;
    // Attack: a row whose kind is not known is used for any.
    let kind = TrustKind::parse(&row.text(7)?).ok_or_else(|| StorageError::Inconsistent {
        table: TABLE,
        column: "kind",
        detail: "is no kind of assertions".to_owned(),
    })?;
    Ok(TrustedIssuer {
        id: row.text(0)?,
        kind,
        issuer: row.text(1)?,
        subject: if subject.is_empty() { TrustedSubject::Any } else { TrustedSubject::One(subject) },
        scope: scopes_at(row, 3, TABLE)?,
        jwk,
        created_at: row.time(5)?,
        expires_at: row.time(6)?,
    })
}

fn trusts_of(rows: &[Row]) -> Result<Vec<TrustedIssuer>, StorageError> {
    rows.iter().map(trust_at).collect()
}

impl TrustRepository for Storage {
    fn find_trusted_issuer<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a str,
    ) -> PortResult<'a, Option<TrustedIssuer>> {
        Box::pin(async move {
            let sql =
                "SELECT id, issuer, subject, scope, jwk, created_at, expires_at, kind FROM oauth2_trusted_issuers
                 WHERE tenant = $1 AND id = $2";
            let row = self.find_one(sql, values![tenant, id]).await.map_err(port_error)?;
            row.as_ref().map(trust_at).transpose().map_err(port_error)
        })
    }

    fn list_trusted_issuers<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: &'a TrustFilter,
        limit: u32,
    ) -> PortResult<'a, Vec<TrustedIssuer>> {
        Box::pin(async move {
            let sql =
                "SELECT id, issuer, subject, scope, jwk, created_at, expires_at, kind FROM oauth2_trusted_issuers
                 WHERE tenant = $1 AND id > $2 AND ($3 = '' OR issuer = $3) ORDER BY id LIMIT $4";
            let after = filter.after.as_deref().unwrap_or_default();
            let issuer = filter.issuer.as_deref().unwrap_or_default();
            let args = values![tenant, after, issuer, i64::from(limit)];
            let rows = self.list(sql, args).await.map_err(port_error)?;
            trusts_of(&rows).map_err(port_error)
        })
    }

    fn find_trusts<'a>(
        &'a self,
        tenant: &'a TenantId,
        search: TrustSearch<'a>,
        now: Timestamp,
        limit: u32,
    ) -> PortResult<'a, Vec<TrustedIssuer>> {
        Box::pin(async move {
            // The empty subject, which stands for anybody, sorts behind every other. Every trust names its key.
            let sql =
                "SELECT id, issuer, subject, scope, jwk, created_at, expires_at, kind FROM oauth2_trusted_issuers
                 WHERE tenant = $1 AND issuer = $2 AND (subject = $3 OR subject = '') AND expires_at > $4
                 AND kind = $5 AND ($6 = '' OR kid = $6) ORDER BY subject DESC, created_at DESC, kid LIMIT $7";
            let TrustSearch { kind, issuer, subject, kid } = search;
            let kid = kid.unwrap_or_default();
            let args = values![tenant, issuer, subject, now, kind.as_str(), kid, i64::from(limit)];
            let rows = self.list(sql, args).await.map_err(port_error)?;
            trusts_of(&rows).map_err(port_error)
        })
    }
}
