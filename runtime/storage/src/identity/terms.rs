//! The terms by which identities are found, written with the identity that they are of.

use ::identity::Identity;
use ::identity::identity::IdentityState;
use ::identity::search::{state_term, terms};
use primitives::{IdentityId, TenantId};

use super::identities::{COLUMNS, identity_at, identity_columns};
use crate::apply::{ApplyError, Prepared};
use crate::statement::{Statement, Value};
use crate::{Storage, StorageError, values};

/// By which reading terms are taken today. Another one raises it, and the job takes them anew.
pub(super) const VERSION: i64 = 1;
/// They are still to be taken.
pub(super) const NOT_TAKEN: i64 = 0;

/// One statement for several rows: the terms come from the third value on.
macro_rules! insert {
    ($($rows:literal),+) => {
        concat!(
            "INSERT INTO identity_terms (tenant, term, identity) VALUES ($1, $3, $2)",
            $(", ($1, $", $rows, ", $2)",)+
            " ON CONFLICT DO NOTHING"
        )
    };
}

const ONE: &str =
    "INSERT INTO identity_terms (tenant, term, identity) VALUES ($1, $3, $2) ON CONFLICT DO NOTHING";
const FOUR: &str = insert!(4, 5, 6);
const EIGHT: &str = insert!(4, 5, 6, 7, 8, 9, 10);

/// The terms of a new identity.
pub(super) fn insert(tenant: &TenantId, identity: &Identity) -> Vec<Statement> {
    let terms = terms(identity);
    let mut statements = Vec::new();
    let mut rest = terms.as_slice();
    for (size, sql) in [(8, EIGHT), (4, FOUR), (1, ONE)] {
        while let Some((several, others)) = rest.split_at_checked(size) {
            let mut args = values![tenant, &identity.id];
            args.extend(several.iter().map(|term| Value::from(term.as_str())));
            statements.push(Statement::any(sql, args));
            rest = others;
        }
    }
    statements
}

/// What is never put off: whoever may not sign in is not among those who may.
pub(super) fn insert_state(tenant: &TenantId, identity: &Identity) -> Option<Statement> {
    state_term(identity.state).map(|term| Statement::any(ONE, values![tenant, &identity.id, term]))
}

/// Eight rows of whomever: a term and an identity each.
const EIGHT_OF_SEVERAL: &str = "INSERT INTO identity_terms (tenant, term, identity) VALUES
     ($1, $2, $3), ($1, $4, $5), ($1, $6, $7), ($1, $8, $9), ($1, $10, $11), ($1, $12, $13), ($1, $14, $15),
     ($1, $16, $17) ON CONFLICT DO NOTHING";

/// The terms of several, in the order of the table.
fn insert_all<'a>(tenant: &TenantId, several: impl Iterator<Item = &'a Identity>) -> Vec<Statement> {
    let mut rows: Vec<(String, String)> = several
        .flat_map(|identity| {
            let id = identity.id.to_string();
            terms(identity).into_iter().map(move |term| (term, id.clone()))
        })
        .collect();
    rows.sort_unstable();
    let (eights, rest) = rows.as_chunks::<8>();
    let eights = eights.iter().map(|eight| {
        let mut args = values![tenant];
        for (term, identity) in eight {
            args.extend(values![term.as_str(), identity.as_str()]);
        }
        Statement::any(EIGHT_OF_SEVERAL, args)
    });
    let rest = rest
        .iter()
        .map(|(term, identity)| Statement::any(ONE, values![tenant, identity.as_str(), term.as_str()]));
    eights.chain(rest).collect()
}

/// The terms of an identity that had others.
pub(super) fn replace(tenant: &TenantId, identity: &Identity) -> Vec<Statement> {
    let mut statements = vec![delete(tenant, identity.id)];
    statements.extend(insert(tenant, identity));
    statements
}

pub(super) fn delete(tenant: &TenantId, identity: IdentityId) -> Statement {
    Statement::any(
        "DELETE FROM identity_terms WHERE tenant = $1 AND identity = $2",
        values![tenant, &identity],
    )
}

/// The terms of an identity whose state alone changes.
pub(super) fn of_state(tenant: &TenantId, identity: IdentityId, state: IdentityState) -> Vec<Statement> {
    [IdentityState::Active, IdentityState::Inactive]
        .into_iter()
        .filter_map(|each| Some((each, state_term(each)?)))
        .map(|(each, term)| {
            if each == state {
                Statement::any(ONE, values![tenant, &identity, term])
            } else {
                Statement::any(
                    "DELETE FROM identity_terms WHERE tenant = $1 AND term = $3 AND identity = $2",
                    values![tenant, &identity, term],
                )
            }
        })
        .collect()
}

impl Storage {
    /// Whether identities wait for their terms: those that were there before there were any.
    pub async fn has_identities_without_terms(&self) -> Result<bool, StorageError> {
        let sql = "SELECT 1 FROM identities WHERE terms_version = 0 LIMIT 1";
        Ok(self.find_one(sql, Vec::new()).await?.is_some())
    }

    /// Whether identities of this tenant do.
    pub async fn has_identities_without_terms_of(&self, tenant: &TenantId) -> Result<bool, StorageError> {
        let sql = "SELECT 1 FROM identities WHERE tenant = $1 AND terms_version = 0 LIMIT 1";
        Ok(self.find_one(sql, values![tenant]).await?.is_some())
    }

    /// Takes the terms of up to `limit` identities that have none, and says of how many. Those of a tenant in one change, in
    /// the order of the table: neighbours are written to the same pages.
    pub async fn take_terms(&self, limit: u32) -> Result<u64, StorageError> {
        let sql = concat!(
            "SELECT ",
            identity_columns!("i"),
            ", tenant FROM identities i WHERE terms_version = 0 ORDER BY tenant, id LIMIT $1"
        );
        let rows = self.list(sql, values![i64::from(limit)]).await?;
        let waiting = rows.iter().map(|row| Ok((row.parse(COLUMNS, "tenant")?, identity_at(row, 0)?)));
        let waiting: Vec<(TenantId, Identity)> = waiting.collect::<Result<_, StorageError>>()?;
        let mut taken = 0;
        for several in waiting.chunk_by(|(one, _), (next, _)| one == next) {
            taken += self.take_terms_of(several).await?;
        }
        Ok(taken)
    }

    /// Of identities of one tenant: of all of them, or of each by itself where one changed meanwhile.
    async fn take_terms_of(&self, several: &[(TenantId, Identity)]) -> Result<u64, StorageError> {
        if self.take_together(several).await? {
            return Ok(several.len() as u64);
        }
        let mut taken = 0;
        for one in several.chunks(1) {
            taken += u64::from(self.take_together(one).await?);
        }
        Ok(taken)
    }

    /// Whether none of them changed meanwhile; who did has its terms by that.
    async fn take_together(&self, several: &[(TenantId, Identity)]) -> Result<bool, StorageError> {
        let Some((tenant, _)) = several.first() else { return Ok(true) };
        let mut statements = Vec::new();
        for (_, identity) in several {
            statements.push(Statement::one(
                "UPDATE identities SET terms_version = $4 WHERE tenant = $1 AND id = $2 AND version = $3
                     AND terms_version = 0",
                values![tenant, &identity.id, identity.version, VERSION],
            ));
            statements.push(delete(tenant, identity.id));
        }
        statements.extend(insert_all(tenant, several.iter().map(|(_, identity)| identity)));
        match self.apply_prepared(Prepared::of_tenant(tenant.clone(), statements)).await {
            Ok(()) => Ok(true),
            Err(ApplyError::Missed { .. }) => Ok(false),
            Err(ApplyError::Storage(error)) => Err(error),
        }
    }
}
