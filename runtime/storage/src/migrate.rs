//! Migrations: a squashed baseline, then expand → migrate → contract.
//!
//! The database records its schema's number and the lowest schema number that a binary must know to
//! use it. A node starts if it is not below that; otherwise it says what to run.

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

use crate::database::{Database, Location};
use crate::sqlite::unavailable;
use crate::{Durability, StorageError, postgres, sqlite};

struct Migration {
    number: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($number:literal $file:literal),+ $(,)?) => {
        &[$(Migration {
            number: $number,
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../../../migrations/postgres/", $file)),
        }),+]
    };
}

/// In order of their numbers; each area has its own line.
const MIGRATIONS: &[Migration] = migrations![
    1 "0001_core.sql",
    2 "0002_tenancy.sql",
    3 "0003_identity.sql",
    4 "0004_oauth2.sql",
    5 "0005_jose.sql",
    6 "0006_subject_revocation.sql",
    7 "0007_jobs.sql",
    8 "0008_flows.sql",
    9 "0009_redeemed_codes.sql",
    10 "0010_plugins.sql",
    11 "0011_uploads.sql",
    12 "0012_session_claims.sql",
    13 "0013_plugin_events.sql",
    14 "0014_uploaded_plugins.sql",
    15 "0015_courier.sql",
    16 "0016_addresses.sql",
    17 "0017_identity_search.sql",
    18 "0018_impersonation.sql",
    19 "0019_factors.sql",
    20 "0020_deletion.sql",
    21 "0021_keys.sql",
    22 "0022_identity_links.sql",
    23 "0023_provider_secrets.sql",
    24 "0024_organisations.sql",
    25 "0025_audit.sql",
    26 "0026_connections.sql",
    27 "0027_organisation_deletion.sql",
    28 "0028_tenant_secrets.sql",
    29 "0029_webhook_messages.sql",
    30 "0030_trusted_devices.sql",
    31 "0031_connections.sql",
    32 "0032_bound_tokens.sql",
    33 "0033_device_codes.sql",
    34 "0034_registered_clients.sql",
    35 "0035_trusted_issuers.sql",
    36 "0036_key_sets.sql",
    37 "0037_login_sessions.sql",
    38 "0038_backchannel_logout.sql",
    39 "0039_exchanged_tokens.sql",
    40 "0040_authorization_details.sql",
    41 "0041_attempt_buckets.sql",
    42 "0042_lineage.sql",
    43 "0043_answers.sql",
    44 "0044_clients_by_row.sql",
    45 "0045_tokens_by_row.sql",
    46 "0046_uses_of_keys.sql",
    47 "0047_names_by_subject.sql",
    48 "0048_revoked_signing_keys.sql",
    49 "0049_consent_records.sql",
    50 "0050_trust_kinds.sql",
    51 "0051_names_of_clients.sql",
    52 "0052_kept_signing_keys.sql",
    53 "0053_challenge_methods.sql",
];

/// A migration that is left out or out of order does not compile.
const _: () = {
    let mut rest = MIGRATIONS;
    let mut expected = 1;
    while let Some((first, others)) = rest.split_first() {
        assert!(first.number == expected, "migrations are numbered from 1 without a gap");
        expected += 1;
        rest = others;
    }
};

/// The schema that this binary was written for.
pub const SCHEMA_VERSION: i64 = match MIGRATIONS.last() {
    Some(last) => last.number,
    None => 0,
};

/// The lowest schema number that a binary must know to use the schema that this one makes. Raised
/// only by a contracting migration.
const LOWEST_BINARY: i64 = 1;

/// What a migration run found and left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MigrationState {
    /// The schema before; 0 for an empty database.
    pub from: i64,
    /// The schema now.
    pub to: i64,
}

const CREATE_STATE: &str = "CREATE TABLE IF NOT EXISTS schema_state (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL, lowest_binary BIGINT NOT NULL)";
const READ_STATE: &str = "SELECT version, lowest_binary FROM schema_state";
const WRITE_STATE: &str = "INSERT INTO schema_state (id, version, lowest_binary) VALUES (1, $1, $2)
    ON CONFLICT (id) DO UPDATE SET version = excluded.version, lowest_binary = excluded.lowest_binary";

/// Refuses a database that this binary must not use.
pub(crate) async fn check(database: &Database) -> Result<(), StorageError> {
    let rows = match database.list(READ_STATE, Vec::new()).await {
        Ok(rows) => rows,
        Err(StorageError::Unavailable(message)) if message.contains("schema_state") => Vec::new(),
        Err(error) => return Err(error),
    };
    let (version, lowest_binary) = match rows.first() {
        Some(row) => (row.int(0)?, row.int(1)?),
        None => (0, 0),
    };
    if version < SCHEMA_VERSION {
        return Err(StorageError::Schema(format!(
            "the database has schema {version}, this binary needs {SCHEMA_VERSION}: run `portcullis migrate`"
        )));
    }
    check_not_too_new(version, lowest_binary)
}

fn check_not_too_new(version: i64, lowest_binary: i64) -> Result<(), StorageError> {
    if SCHEMA_VERSION < lowest_binary {
        return Err(StorageError::Schema(format!(
            "the database has schema {version}, which needs a newer portcullis (schema {lowest_binary}; this one \
             knows {SCHEMA_VERSION}): install the newer version"
        )));
    }
    Ok(())
}

pub(crate) async fn run(location: &Location) -> Result<MigrationState, StorageError> {
    // Nothing but the statements differs; the two drivers' types keep this from being one function.
    macro_rules! migrate {
        ($transaction:expr, $field:ident) => {{
            let transaction = $transaction;
            transaction.execute(CREATE_STATE).await.map_err(unavailable)?;
            let row = sqlx::query(READ_STATE).fetch_optional(&mut *transaction).await.map_err(unavailable)?;
            let (from, lowest): (i64, i64) = match row {
                Some(row) => (row.try_get(0).map_err(unavailable)?, row.try_get(1).map_err(unavailable)?),
                None => (0, 0),
            };
            check_not_too_new(from, lowest)?;
            for migration in MIGRATIONS.iter().filter(|migration| migration.number > from) {
                sqlx::raw_sql(AssertSqlSafe(migration.$field)).execute(&mut *transaction).await.map_err(
                    |error| StorageError::Schema(format!("migration {} failed: {error}", migration.number)),
                )?;
            }
            if from < SCHEMA_VERSION {
                sqlx::query(WRITE_STATE)
                    .bind(SCHEMA_VERSION)
                    .bind(LOWEST_BINARY.max(lowest))
                    .execute(&mut *transaction)
                    .await
                    .map_err(unavailable)?;
            }
            MigrationState { from, to: from.max(SCHEMA_VERSION) }
        }};
    }
    match location {
        Location::Sqlite(path) => {
            let mut connection = sqlite::connect(path, Durability::Full).await?;
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
            let state = migrate!(&mut *transaction, sqlite);
            transaction.commit().await.map_err(unavailable)?;
            connection.close().await.map_err(unavailable)?;
            Ok(state)
        }
        Location::Postgres { url, .. } => {
            let mut connection = postgres::options(url)?.connect().await.map_err(unavailable)?;
            let mut transaction = connection.begin().await.map_err(unavailable)?;
            // One node migrates, the others wait for it and then find nothing to do.
            transaction.execute("SELECT pg_advisory_xact_lock(4480448000)").await.map_err(unavailable)?;
            let state = migrate!(&mut *transaction, postgres);
            transaction.commit().await.map_err(unavailable)?;
            connection.close().await.map_err(unavailable)?;
            Ok(state)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables that are laid out anew in SQLite's file, under their names and with all their columns: a binary that prepares its
    /// statements again goes on.
    const LAID_OUT_ANEW: [i64; 2] = [44, 45];

    /// The previous binary must be able to go on with the new schema: what it reads and writes stays.
    #[test]
    fn migrations_only_expand_while_older_binaries_may_use_the_schema() {
        for migration in MIGRATIONS.iter().filter(|migration| migration.number > LOWEST_BINARY) {
            let is_anew = LAID_OUT_ANEW.contains(&migration.number);
            for text in [if is_anew { "" } else { migration.sqlite }, migration.postgres] {
                let statements = text.split(';').map(|statement| {
                    let lines = statement.lines().filter(|line| !line.trim_start().starts_with("--"));
                    lines.collect::<Vec<_>>().join(" ").to_uppercase()
                });
                for statement in statements {
                    let contracts =
                        ["DROP ", "RENAME ", "ALTER COLUMN"].iter().any(|w| statement.contains(w));
                    let demands = statement.contains("ADD COLUMN")
                        && statement.contains("NOT NULL")
                        && !statement.contains("DEFAULT");
                    assert!(!contracts && !demands, "migration {}: {statement}", migration.number);
                }
            }
        }
    }
}
