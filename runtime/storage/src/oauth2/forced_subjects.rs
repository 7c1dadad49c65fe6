//! Table `oauth2_forced_subjects`: the names that a login app has given people at clients, and those that we give at clients that have
//! their own.

use ::oauth2::forced_subject::ForcedSubject;
use primitives::{ClientId, IdentityId, TenantId};

use crate::statement::Statement;
use crate::{Storage, StorageError, values};

/// A name that is somebody else's stays theirs.
pub(super) fn name(tenant: &TenantId, named: &ForcedSubject) -> Statement {
    Statement::one(
        "INSERT INTO oauth2_forced_subjects (tenant, client, name, subject, named_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant, client, name) DO UPDATE SET named_at = excluded.named_at
         WHERE oauth2_forced_subjects.subject = excluded.subject",
        values![tenant, &named.client, named.name.as_str(), &named.subject, named.at],
    )
}

/// It is made of whose it is, so that one which is there is theirs.
pub(super) fn note(tenant: &TenantId, named: &ForcedSubject) -> Statement {
    Statement::any(
        "INSERT INTO oauth2_forced_subjects (tenant, client, name, subject, named_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        values![tenant, &named.client, named.name.as_str(), &named.subject, named.at],
    )
}

/// More people than this have no name in common that means anybody.
const MOST_NAMED: i64 = 100;

pub(super) async fn list_named(
    storage: &Storage,
    tenant: &TenantId,
    name: &str,
) -> Result<Vec<IdentityId>, StorageError> {
    let sql = "SELECT DISTINCT subject FROM oauth2_forced_subjects WHERE tenant = $1 AND name = $2
         ORDER BY subject LIMIT $3";
    let rows = storage.list(sql, values![tenant, name, MOST_NAMED]).await?;
    rows.iter().map(|row| row.parse(0, "subject")).collect()
}

pub(super) async fn find_name(
    storage: &Storage,
    tenant: &TenantId,
    client: &ClientId,
    subject: IdentityId,
) -> Result<Option<String>, StorageError> {
    let sql = "SELECT name FROM oauth2_forced_subjects WHERE tenant = $1 AND client = $2 AND subject = $3
         ORDER BY named_at DESC, name DESC LIMIT 1";
    storage.find_one(sql, values![tenant, client, &subject]).await?.map(|row| row.text(0)).transpose()
}

pub(super) async fn find_subject(
    storage: &Storage,
    tenant: &TenantId,
    client: &ClientId,
    name: &str,
) -> Result<Option<IdentityId>, StorageError> {
    let sql = "SELECT subject FROM oauth2_forced_subjects WHERE tenant = $1 AND client = $2 AND name = $3";
    storage.find_one(sql, values![tenant, client, name]).await?.map(|row| row.parse(0, "subject")).transpose()
}
