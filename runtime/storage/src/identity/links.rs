//! Links to other providers, and the tokens that these gave, sealed.

use ::identity::Identity;
use ::identity::NewLink;
use ::identity::ports::{Links, StoreUnavailable};
use ::identity::providers::{Link, UpstreamTokens};
use futures_util::future::BoxFuture;
use primitives::{IdentityId, SealContext, Sealer, TenantId, Timestamp};

use super::factors::hold;
use super::identities::{COLUMNS, identity_at, identity_columns};
use super::ways::has_another_way;
use super::{IDENTITY_CHANGED, sealed_json, unavailable};
use crate::row::Row;
use crate::statement::{Statement, Value};
use crate::{Storage, StorageError, values};

const PURPOSE: &str = "identity_links";

pub(super) fn insert(
    sealer: &Sealer,
    tenant: &TenantId,
    identity: IdentityId,
    link: &NewLink,
    at: Timestamp,
) -> Statement {
    let tokens = link
        .tokens
        .as_ref()
        .map_or(Value::Blob(None), |tokens| sealed(sealer, tenant, (&link.provider, &link.subject), tokens));
    Statement::one(
        "INSERT INTO identity_links (tenant, provider, subject, identity, organisation, tokens, version, created_at, updated_at)
         SELECT i.tenant, $3, $4, i.id, $5, $6, 1, $7, $7 FROM identities i WHERE i.tenant = $1 AND i.id = $2
         ON CONFLICT DO NOTHING",
        values![
            tenant,
            &identity,
            link.provider.as_str(),
            link.subject.as_str(),
            link.organisation.map(|id| id.to_string()),
            tokens,
            at,
        ],
    )
    .changes(IDENTITY_CHANGED, identity.to_string())
}

pub(super) fn remove(
    tenant: &TenantId,
    identity: IdentityId,
    provider: &str,
    subject: &str,
) -> [Statement; 2] {
    [
        hold(tenant, identity),
        Statement::one(
            concat!(
                "DELETE FROM identity_links WHERE tenant = $1 AND identity = $2 AND provider = $3 AND subject = $4
                     AND ",
                has_another_way!()
            ),
            values![tenant, &identity, provider, subject],
        )
        .changes(IDENTITY_CHANGED, identity.to_string()),
    ]
}

pub(super) fn replace_tokens(
    sealer: &Sealer,
    tenant: &TenantId,
    (provider, subject): (&str, &str),
    tokens: &UpstreamTokens,
    (version, at): (i64, Timestamp),
) -> Statement {
    Statement::one(
        "UPDATE identity_links SET tokens = $4, updated_at = $6, version = version + 1
         WHERE tenant = $1 AND provider = $2 AND subject = $3 AND version = $5",
        values![tenant, provider, subject, sealed(sealer, tenant, (provider, subject), tokens), version, at],
    )
}

/// A provider's name has no slash.
fn row_name(provider: &str, subject: &str) -> String {
    format!("{provider}/{subject}")
}

fn sealed(
    sealer: &Sealer,
    tenant: &TenantId,
    (provider, subject): (&str, &str),
    tokens: &UpstreamTokens,
) -> Value {
    let row = row_name(provider, subject);
    sealed_json(sealer, SealContext { tenant, purpose: PURPOSE, row: &row }, tokens)
}

impl Storage {
    /// Reads a link from the columns that begin at `at`.
    fn link_at(&self, tenant: &TenantId, row: &Row, at: usize) -> Result<Link, StorageError> {
        let broken = |detail: &str| StorageError::Inconsistent {
            table: "identity_links",
            column: "tokens",
            detail: detail.to_owned(),
        };
        let (provider, subject) = (row.text(at)?, row.text(at + 1)?);
        let name = row_name(&provider, &subject);
        let context = SealContext { tenant, purpose: PURPOSE, row: &name };
        let tokens = match row.opt_blob(at + 3)? {
            None => None,
            Some(sealed) => {
                let plain = self.sealer().open(context, &sealed).map_err(|_| broken("the seal is broken"))?;
                Some(serde_json::from_slice(&plain).map_err(|_| broken("not tokens"))?)
            }
        };
        Ok(Link {
            organisation: row.opt_parse(at + 2, "organisation")?,
            tokens,
            version: row.int(at + 4)?,
            created_at: row.time(at + 5)?,
            updated_at: row.time(at + 6)?,
            provider,
            subject,
        })
    }
}

impl Links for Storage {
    fn find_by_link<'a>(
        &'a self,
        tenant: &'a TenantId,
        provider: &'a str,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Identity, Link)>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = concat!(
                "SELECT ",
                identity_columns!("i"),
                ", l.provider, l.subject, l.organisation, l.tokens, l.version, l.created_at, l.updated_at
                 FROM identity_links l
                 JOIN identities i ON i.tenant = l.tenant AND i.id = l.identity
                 WHERE l.tenant = $1 AND l.provider = $2 AND l.subject = $3"
            );
            let found = self.find_one(sql, values![tenant, provider, subject]).await.map_err(unavailable)?;
            let Some(row) = found else { return Ok(None) };
            let read = || Ok((identity_at(&row, 0)?, self.link_at(tenant, &row, COLUMNS)?));
            read().map(Some).map_err(unavailable)
        })
    }

    fn list_links<'a>(
        &'a self,
        tenant: &'a TenantId,
        identity: IdentityId,
    ) -> BoxFuture<'a, Result<Vec<Link>, StoreUnavailable>> {
        Box::pin(async move {
            let sql = "SELECT provider, subject, organisation, tokens, version, created_at, updated_at
                 FROM identity_links WHERE tenant = $1 AND identity = $2 ORDER BY provider";
            let rows = self.list(sql, values![tenant, &identity]).await.map_err(unavailable)?;
            let links = rows.iter().map(|row| self.link_at(tenant, row, 0));
            links.collect::<Result<_, _>>().map_err(unavailable)
        })
    }
}
