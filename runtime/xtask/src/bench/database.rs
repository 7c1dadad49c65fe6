//! A PostgreSQL server that a node is measured on: asked with `psql`, in databases that are made for that.
//!
//! What a given address names is never touched: each node gets a database of its own beside it.

use anyhow::{Context, bail, ensure};
use std::path::Path;
use std::process::{Command, Stdio};

use super::machine::cpu_time;
use super::spent::Reading;
use crate::workspace;

/// A database that was made for one node, and is dropped with this.
#[derive(Debug)]
pub(super) struct Database {
    /// Of the server, as it was given.
    server: String,
    name: String,
    /// Its own address.
    url: String,
}

impl Database {
    /// Makes an empty one on the server of `server`, a `postgres://…` of any database there.
    pub(super) fn create(server: &str, name: &str) -> anyhow::Result<Self> {
        let name = format!("portcullis_bench_{}_{name}", std::process::id());
        let url = beside(server, &name).with_context(|| format!("{server} is no postgres://…/database"))?;
        ask(server, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))?;
        Ok(Self { server: server.to_owned(), name, url })
    }

    /// Returns the table of a node's configuration.
    pub(super) fn config(&self) -> String {
        config(&self.url)
    }

    /// Brings its tables in.
    pub(super) fn migrate(&self, binary: &Path, directory: &Path) -> anyhow::Result<()> {
        migrate(binary, directory, &self.config())
    }

    /// Runs statements in it.
    pub(super) fn ask(&self, sql: &str) -> anyhow::Result<String> {
        ask(&self.url, sql)
    }

    /// Reads what the server has spent: transactions that wrote (each has an id, and on a server that is durable waits for its
    /// log), bytes of the log, and the CPU of its processes, if they are on this machine.
    pub(super) fn reading(&self) -> anyhow::Result<Reading> {
        let said = self.ask(
            "SELECT pg_snapshot_xmax(pg_current_snapshot()), (pg_current_wal_lsn() - '0/0')::bigint,
                 (SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE pid <> pg_backend_pid())",
        )?;
        let mut columns = said.split('|');
        let mut number = || -> anyhow::Result<u64> {
            let column = columns.next().context("a short row")?;
            column.trim().parse().with_context(|| said.clone())
        };
        let (commits, bytes) = (number()?, number()?);
        let pids = columns.next().unwrap_or_default().split_whitespace();
        let mut database = Vec::new();
        for pid in pids {
            let pid: u32 = pid.parse().with_context(|| pid.to_owned())?;
            // One that ended meanwhile has done what it did for somebody else.
            if is_postgres(pid)
                && let Ok(cpu) = cpu_time(pid)
            {
                database.push((pid, cpu));
            }
        }
        Ok(Reading { database, bytes, commits: Some(commits), ..Reading::default() })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = ask(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("the database {} is left: {error:#}", self.name);
        }
    }
}

/// Fails unless the server keeps what it said it would, and returns what it is.
pub(super) fn facts(server: &str) -> anyhow::Result<String> {
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value = ask(server, &format!("SHOW {setting}"))?;
        ensure!(
            value == "on",
            "PostgreSQL has `{setting} = {value}`: what is measured there would not be durable"
        );
    }
    let show = |setting: &str| ask(server, &format!("SHOW {setting}"));
    Ok(format!(
        "PostgreSQL {}, shared_buffers {}, max_wal_size {}, fsync and synchronous_commit on",
        show("server_version")?,
        show("shared_buffers")?,
        show("max_wal_size")?
    ))
}

/// The table of a node's configuration that names a database.
pub(super) fn config(url: &str) -> String {
    format!("[storage]\nurl = \"{url}\"\n\n")
}

/// Brings the tables into what `storage` names: a node migrates the file that it makes itself, and no other database.
pub(super) fn migrate(binary: &Path, directory: &Path, storage: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)?;
    let config = directory.join("migrate.toml");
    std::fs::write(&config, storage)?;
    workspace::run(Command::new(binary).arg("migrate").arg("--config").arg(&config))
}

fn ask(url: &str, sql: &str) -> anyhow::Result<String> {
    let mut psql = Command::new("psql");
    // Nothing of the user's own settings, one row a line.
    psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).stdin(Stdio::null());
    let output = psql.output().context("`psql` cannot be started: install postgresql-client")?;
    if !output.status.success() {
        bail!("psql: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn is_postgres(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "postgres")
}

/// The address of another database on the same server.
fn beside(url: &str, name: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let query = path.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    matches!(scheme, "postgres" | "postgresql").then(|| format!("{scheme}://{authority}/{name}{query}"))
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn another_database_is_on_the_same_server() {
        let check = |url: &str, other: Option<&str>| assert_eq!(beside(url, "b").as_deref(), other);
        check("postgres://me@127.0.0.1:5432/postgres", Some("postgres://me@127.0.0.1:5432/b"));
        check("postgresql://h/a?sslmode=disable", Some("postgresql://h/b?sslmode=disable"));
        check("postgres://h", Some("postgres://h/b"));
        check("sqlite:a", None);
    }
}
