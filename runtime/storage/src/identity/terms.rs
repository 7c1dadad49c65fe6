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

    /// Takes the terms of up to `limit` identities that have none, and says of how many.
    pub async fn take_terms(&self, limit: u32) -> Result<u64, StorageError> {
        let sql = concat!(
            "SELECT ",
            identity_columns!("i"),
            ", tenant FROM identities i WHERE terms_version = 0 ORDER BY tenant, id LIMIT $1"
        );
        let rows = self.list(sql, values![i64::from(limit)]).await?;
        let mut taken = 0;
        for row in &rows {
            let tenant: TenantId = row.parse(COLUMNS, "tenant")?;
            let identity = identity_at(row, 0)?;
            let mut statements = vec![Statement::one(
                "UPDATE identities SET terms_version = $4 WHERE tenant = $1 AND id = $2 AND version = $3",
                values![&tenant, &identity.id, identity.version, VERSION],
            )];
            statements.extend(replace(&tenant, &identity));
            match self.apply_prepared(Prepared::of_tenant(tenant, statements)).await {
                Ok(()) => taken += 1,
                // It changed meanwhile, and has its terms.
                Err(ApplyError::Missed { .. }) => {}
                Err(ApplyError::Storage(error)) => return Err(error),
            }
        }
        Ok(taken)
    }
}
