//! A node's database, as it is seen and broken from beside the node.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use storage::Location;

/// From now on records of this action are refused, and whatever is in one transaction with them: as for a node that ends, or loses its
/// database, just there.
pub(crate) async fn refuse_records(location: &Location, action: &str) {
    let sql = match location {
        Location::Sqlite(_) => format!(
            "CREATE TRIGGER broken BEFORE INSERT ON audit_records WHEN NEW.action = '{action}'
             BEGIN SELECT RAISE(ABORT, 'broken'); END"
        ),
        Location::Postgres { .. } => format!(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
             CREATE TRIGGER broken BEFORE INSERT ON audit_records FOR EACH ROW
                 WHEN (NEW.action = '{action}') EXECUTE FUNCTION broken()"
        ),
    };
    run(location, sql).await;
}

/// They are taken again.
pub(crate) async fn mend(location: &Location) {
    let sql = match location {
        Location::Sqlite(_) => "DROP TRIGGER broken",
        Location::Postgres { .. } => "DROP TRIGGER broken ON audit_records; DROP FUNCTION broken",
    };
    run(location, sql.to_owned()).await;
}

/// How many rows every table has.
pub(crate) async fn count_rows(location: &Location) -> BTreeMap<String, i64> {
    let names = match location {
        Location::Sqlite(_) => {
            "SELECT name, 0 FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        }
        Location::Postgres { .. } => {
            "SELECT table_name::TEXT, 0::BIGINT FROM information_schema.tables WHERE table_schema = 'public'"
        }
    };
    let names = read(location, names.to_owned()).await;
    let counts = names.keys().map(|name| format!("SELECT '{name}', COUNT(*) FROM {name}"));
    read(location, counts.collect::<Vec<_>>().join(" UNION ALL ")).await
}

/// Whether anything is written: by the commits that a connection of its own sees. On PostgreSQL, whose server has other writers, by rows
/// alone ([`count_rows`]).
#[derive(Debug)]
pub(crate) struct Commits(Option<SqliteConnection>);

impl Commits {
    pub(crate) async fn watch(location: &Location) -> Self {
        match location {
            Location::Sqlite(_) => Self(Some(sqlite(location).await)),
            Location::Postgres { .. } => Self(None),
        }
    }

    /// A number that is another one when something was committed since it was asked for.
    pub(crate) async fn version(&mut self) -> i64 {
        match &mut self.0 {
            None => 0,
            Some(connection) => {
                // It is what the connection has read, so it reads.
                let read = sqlx::query("SELECT COUNT(*) FROM tenants").execute(&mut *connection).await;
                read.unwrap();
                sqlx::query_scalar("PRAGMA data_version").fetch_one(connection).await.unwrap()
            }
        }
    }
}

async fn run(location: &Location, sql: String) {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql));
    match location {
        Location::Sqlite(_) => drop(sql.execute(&mut sqlite(location).await).await.unwrap()),
        Location::Postgres { .. } => drop(sql.execute(&mut postgres(location).await).await.unwrap()),
    }
}

async fn read(location: &Location, sql: String) -> BTreeMap<String, i64> {
    let sql = AssertSqlSafe(sql);
    let rows: Vec<(String, i64)> = match location {
        Location::Sqlite(_) => sqlx::query_as(sql).fetch_all(&mut sqlite(location).await).await.unwrap(),
        Location::Postgres { .. } => {
            sqlx::query_as(sql).fetch_all(&mut postgres(location).await).await.unwrap()
        }
    };
    rows.into_iter().collect()
}

async fn sqlite(location: &Location) -> SqliteConnection {
    let Location::Sqlite(path) = location else { panic!("it is no file") };
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

async fn postgres(location: &Location) -> PgConnection {
    let Location::Postgres { url, .. } = location else { panic!("it is no server") };
    PgConnection::connect(url.expose()).await.unwrap()
}
