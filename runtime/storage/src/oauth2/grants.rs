//! Table `oauth2_grants`.

use std::time::Duration;

use ::oauth2::grant::{Consent, Grant, GrantSubject, GrantedClaims, SIGNED_TOKENS_LIVE};
use ::oauth2::ports::{Allowed, GrantFilter, GrantRepository, PortResult};
use primitives::{ActingParty, ClientId, GrantId, IdentityId, KeyedHash, SessionId, TenantId, Timestamp};

use super::{GRANT_CHANGED, consents, details_value, granted, logouts, port_error, scopes_at};
use crate::row::Row;
use crate::statement::{Statement, json, opt_json, session_claims};
use crate::{Storage, StorageError, values};

/// Raised in steps, so that most rotations leave the row alone.
const STEP: Duration = Duration::from_hours(24);

/// The columns of a grant `g`, in the order in which [`grant_at`] reads them.
macro_rules! grant_columns {
    () => {
        "g.id, g.client, g.subject, g.session, g.organisation, g.authenticated_at, g.acr, g.amr, g.scope,
         g.audience, g.nonce, g.created_at, g.revoked_at, g.session_claims, g.actor, g.external_subject, g.claims,
         g.authorization_details, g.requested_claims, g.forced_subject"
    };
}
pub(super) use grant_columns;

pub(super) fn insert(tenant: &TenantId, grant: &Grant) -> Statement {
    Statement::one(
        "INSERT INTO oauth2_grants (tenant, id, client, subject, session, organisation, authenticated_at, acr,
             amr, scope, audience, nonce, created_at, revoked_at, kept_until, session_claims, actor,
             external_subject, claims, authorization_details, requested_claims, forced_subject)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
             $22)
         ON CONFLICT DO NOTHING",
        values![
            tenant,
            &grant.id,
            &grant.client,
            &grant.subject.id,
            &grant.subject.session,
            grant.subject.organisation.as_ref(),
            grant.subject.authenticated_at,
            grant.subject.acr.as_str(),
            json(&grant.subject.amr),
            grant.scope.to_text(),
            json(&grant.audience),
            grant.nonce.clone(),
            grant.created_at,
            grant.revoked_at,
            grant.created_at.after(SIGNED_TOKENS_LIVE + STEP),
            session_claims(&grant.subject.session_claims),
            grant.subject.actor.as_ref().map(|actor| actor.sub.clone()),
            grant.subject.external.clone(),
            opt_json(Some(&grant.claims).filter(|claims| !claims.is_empty())),
            details_value(&grant.details),
            opt_json(Some(&grant.requested).filter(|claims| !claims.is_empty())),
            grant.subject.forced.clone(),
        ],
    )
}

/// Keeps the grant for as long as something that expires at `expires_at` may hang on it, and what was signed by then.
pub(super) fn keep(tenant: &TenantId, grant: GrantId, expires_at: Timestamp) -> Statement {
    keep_until(tenant, grant, expires_at.after(SIGNED_TOKENS_LIVE))
}

/// Keeps the grant until `needed` at least.
pub(super) fn keep_until(tenant: &TenantId, grant: GrantId, needed: Timestamp) -> Statement {
    Statement::any(
        "UPDATE oauth2_grants SET kept_until = $4 WHERE tenant = $1 AND id = $2 AND kept_until < $3",
        values![tenant, &grant, needed, needed.after(STEP)],
    )
    .raises(2)
}

/// Notes the code that was redeemed for a grant, and keeps the grant as [`keep`] does.
pub(super) fn redeem(
    tenant: &TenantId,
    grant: GrantId,
    code: &KeyedHash,
    kept_until: Timestamp,
) -> Statement {
    let needed = kept_until.after(SIGNED_TOKENS_LIVE);
    Statement::one(
        "UPDATE oauth2_grants SET redeemed_code = $3,
             kept_until = CASE WHEN kept_until < $4 THEN $5 ELSE kept_until END
         WHERE tenant = $1 AND id = $2",
        values![tenant, &grant, code, needed, needed.after(STEP)],
    )
}

/// Replaces what the grant's tokens say. Whoever remembers the grant reads it anew.
pub(super) fn replace_claims(tenant: &TenantId, grant: GrantId, claims: &GrantedClaims) -> Statement {
    Statement::one(
        "UPDATE oauth2_grants SET claims = $3 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL",
        values![tenant, &grant, opt_json(Some(claims).filter(|claims| !claims.is_empty()))],
    )
    .changes(GRANT_CHANGED, grant.to_string())
}

pub(super) fn revoke(tenant: &TenantId, grant: GrantId, at: Timestamp) -> Statement {
    Statement::any(
        "UPDATE oauth2_grants SET revoked_at = $3 WHERE tenant = $1 AND id = $2 AND revoked_at IS NULL",
        values![tenant, &grant, at],
    )
    .changes(GRANT_CHANGED, grant.to_string())
}

pub(super) fn revoke_of_client(tenant: &TenantId, client: &ClientId, at: Timestamp) -> Statement {
    Statement::any(
        "UPDATE oauth2_grants SET revoked_at = $3 WHERE tenant = $1 AND client = $2 AND revoked_at IS NULL",
        values![tenant, client, at],
    )
    .changes(GRANT_CHANGED, "*")
}

pub(super) fn revoke_of_subject(
    tenant: &TenantId,
    subject: IdentityId,
    client: Option<&ClientId>,
    at: Timestamp,
) -> Statement {
    match client {
        Some(client) => Statement::any(
            "UPDATE oauth2_grants SET revoked_at = $4
             WHERE tenant = $1 AND subject = $2 AND client = $3 AND revoked_at IS NULL",
            values![tenant, &subject, client, at],
        ),
        None => Statement::any(
            "UPDATE oauth2_grants SET revoked_at = $3
             WHERE tenant = $1 AND subject = $2 AND revoked_at IS NULL",
            values![tenant, &subject, at],
        ),
    }
    .changes(GRANT_CHANGED, "*")
}

pub(super) fn revoke_of_session(tenant: &TenantId, session: SessionId, at: Timestamp) -> Statement {
    Statement::any(
        "UPDATE oauth2_grants SET revoked_at = $3
         WHERE tenant = $1 AND session = $2 AND revoked_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM oauth2_refresh_tokens r
                             WHERE r.tenant = oauth2_grants.tenant AND r.grant_id = oauth2_grants.id)",
        values![tenant, &session, at],
    )
    .changes(GRANT_CHANGED, "*")
}

/// Reads a grant from the columns that begin at `at`.
pub(super) fn grant_at(row: &Row, at: usize) -> Result<Grant, StorageError> {
    Ok(Grant {
        id: row.parse(at, "id")?,
        client: row.parse(at + 1, "client")?,
        subject: GrantSubject {
            id: row.parse(at + 2, "subject")?,
            session: row.parse(at + 3, "session")?,
            organisation: row.opt_parse(at + 4, "organisation")?,
            authenticated_at: row.time(at + 5)?,
            acr: row.text(at + 6)?,
            amr: row.json(at + 7, "amr")?,
            session_claims: row.opt_json(at + 13, "session_claims")?.unwrap_or_default(),
            actor: row.opt_text(at + 14)?.map(|sub| ActingParty { sub }),
            external: row.opt_text(at + 15)?,
            forced: row.opt_text(at + 19)?,
        },
        scope: scopes_at(row, at + 8, "oauth2_grants")?,
        audience: row.json(at + 9, "audience")?,
        nonce: row.opt_text(at + 10)?,
        claims: row.opt_json(at + 16, "claims")?.unwrap_or_default(),
        details: row.opt_json(at + 17, "authorization_details")?.unwrap_or_default(),
        requested: row.opt_json(at + 18, "requested_claims")?.unwrap_or_default(),
        created_at: row.time(at + 11)?,
        revoked_at: row.opt_time(at + 12)?,
    })
}

impl GrantRepository for Storage {
    fn find_grant<'a>(&'a self, tenant: &'a TenantId, id: GrantId) -> PortResult<'a, Option<Grant>> {
        Box::pin(async move {
            let sql = concat!(
                "SELECT ",
                grant_columns!(),
                " FROM oauth2_grants g WHERE g.tenant = $1 AND g.id = $2"
            );
            let row = self.find_one(sql, values![tenant, &id]).await.map_err(port_error)?;
            row.map(|row| grant_at(&row, 0)).transpose().map_err(port_error)
        })
    }

    fn find_consent<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        client: &'a ClientId,
    ) -> PortResult<'a, Option<Consent>> {
        Box::pin(async move { consents::find(self, tenant, subject, client).await.map_err(port_error) })
    }

    fn find_consent_of_grant<'a>(
        &'a self,
        tenant: &'a TenantId,
        grant: GrantId,
    ) -> PortResult<'a, Option<Consent>> {
        Box::pin(async move { consents::find_of_grant(self, tenant, grant).await.map_err(port_error) })
    }

    fn list_consents<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        filter: GrantFilter,
        page: (Timestamp, u32),
    ) -> PortResult<'a, Vec<Consent>> {
        Box::pin(
            async move { consents::list(self, tenant, (subject, filter), page).await.map_err(port_error) },
        )
    }

    fn list_grants<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        filter: GrantFilter,
        limit: u32,
    ) -> PortResult<'a, Vec<Grant>> {
        Box::pin(async move {
            // An empty session stands for "whichever it is"; nothing is newer than the end of time.
            let sql = concat!(
                "SELECT ",
                grant_columns!(),
                " FROM oauth2_grants g WHERE g.tenant = $1 AND g.subject = $2 AND g.revoked_at IS NULL
                  AND ($3 = '' OR g.session = $3)
                  AND (g.created_at < $4 OR (g.created_at = $4 AND g.id > $5))
                  ORDER BY g.created_at DESC, g.id LIMIT $6"
            );
            let session = filter.session.map(|id| id.to_string()).unwrap_or_default();
            let after = filter.after.map(|(at, id)| (at, id.to_string()));
            let (at, id) = after.unwrap_or_else(|| (Timestamp::from_micros(i64::MAX), String::new()));
            let args = values![tenant, &subject, session, at, id, i64::from(limit)];
            let rows = self.list(sql, args).await.map_err(port_error)?;
            rows.iter().map(|row| grant_at(row, 0)).collect::<Result<_, _>>().map_err(port_error)
        })
    }

    fn list_clients_with_access<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        page: (Timestamp, u32),
    ) -> PortResult<'a, Vec<(ClientId, Timestamp)>> {
        Box::pin(async move { granted::clients(self, tenant, subject, page).await.map_err(port_error) })
    }

    fn list_allowed<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        client: &'a ClientId,
        page: (Timestamp, u32),
    ) -> PortResult<'a, Vec<Allowed>> {
        Box::pin(
            async move { granted::allowed(self, tenant, (subject, client), page).await.map_err(port_error) },
        )
    }

    fn list_clients_of_session<'a>(
        &'a self,
        tenant: &'a TenantId,
        session: SessionId,
        limit: u32,
    ) -> PortResult<'a, Vec<ClientId>> {
        Box::pin(async move {
            logouts::clients_of_session(self, tenant, session, limit).await.map_err(port_error)
        })
    }
}
