//! Refresh tokens and their grants by the million, into the SQLite file of a node that has ended: by SQL, with rows like the one
//! that is there.
//!
//! Each grant belongs to a client of the file and has [`TOKENS`] tokens, of which the last is live and the others were rotated, as
//! it is for somebody who has used an app for some hours. Hashes and sealed texts are random, of the length of real ones:
//! nobody can present such a token, and nothing tells them from real ones in the trees. Their indexes are taken away and
//! made again, since that is the faster way.

use anyhow::{Context, bail, ensure};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Tokens of a grant.
pub(super) const TOKENS: u64 = 10;
/// One of so many rotated tokens has expired, for the clean-up to find.
pub(super) const EXPIRED: u64 = 100;
/// Values of the first three bytes of a hash, by which the rows are put in in the order of their table.
const PREFIXES: u64 = 1 << 24;
/// Values of the first four bytes of a grant's id.
const IDS: u64 = 1 << 32;

/// Adds so many refresh tokens, with their grants; the file has at least one of each that is real, and one that was rotated.
pub(super) fn fill(file: &Path, refresh_tokens: u64) -> anyhow::Result<()> {
    let grants = refresh_tokens / TOKENS;
    // Else grants would have two live tokens, or none.
    ensure!(grants > 0 && grants.is_multiple_of(TOKENS), "refresh tokens come in hundreds");
    ensure!(refresh_tokens <= PREFIXES, "at most {PREFIXES} refresh tokens");
    let indexes = "FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
         AND tbl_name IN ('oauth2_grants', 'oauth2_refresh_tokens')";
    let drop = sqlite(file, &format!("SELECT 'DROP INDEX ' || name || ';' {indexes};"))?;
    let create = sqlite(file, &format!("SELECT sql || ';' {indexes};"))?;
    ensure!(!create.is_empty(), "the tables have no index");
    let mut script =
        String::from("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;\n");
    writeln!(script, "BEGIN;\n{drop}")?;
    script.push_str(&bytes());
    writeln!(
        script,
        "CREATE TEMP TABLE number AS SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000000 AS now,
             length(r.hash) AS hash, length(r.successor) AS successor, length(r.sealed_successor) AS sealed
         FROM oauth2_refresh_tokens r WHERE r.rotated_at IS NOT NULL LIMIT 1;
         CREATE TEMP TABLE real_grant AS SELECT g.* FROM oauth2_grants g
         JOIN oauth2_refresh_tokens r ON r.tenant = g.tenant AND r.grant_id = g.id AND r.rotated_at IS NOT NULL LIMIT 1;
         CREATE TEMP TABLE owner (number INTEGER PRIMARY KEY, id TEXT);
         INSERT INTO owner (id) SELECT c.id FROM oauth2_clients c JOIN real_grant g ON g.tenant = c.tenant ORDER BY c.id;
         CREATE TEMP TABLE made (number INTEGER PRIMARY KEY, id TEXT);
         INSERT INTO made SELECT value, printf('%08x', value * {IDS} / {grants}) || '-' || lower(hex(randomblob(2)))
             || '-4' || substr(lower(hex(randomblob(2))), 2) || '-a' || substr(lower(hex(randomblob(2))), 2)
             || '-' || lower(hex(randomblob(6))) FROM generate_series(0, {grants} - 1);"
    )?;
    script.push_str(&grants_sql());
    script.push_str(&tokens_sql(refresh_tokens, grants));
    writeln!(script, "{create}\nCOMMIT;\nPRAGMA journal_mode = WAL;")?;
    sqlite(file, &script)?;
    // What is measured later writes, too, and is not to wait for this.
    std::fs::File::open(file)?.sync_all()?;
    let found = count(file, "oauth2_refresh_tokens")?;
    ensure!(found >= refresh_tokens, "{found} refresh tokens are there, and not {refresh_tokens}");
    Ok(())
}

/// SQLite joins binary texts, but has nothing that makes one of a number.
fn bytes() -> String {
    let rows: Vec<String> = (0..=255_u8).map(|byte| format!("({byte}, x'{byte:02x}')")).collect();
    format!(
        "CREATE TEMP TABLE byte (n INTEGER PRIMARY KEY, b BLOB);\nINSERT INTO byte VALUES {};\n",
        rows.join(", ")
    )
}

/// What is not said here a grant has as the real one does, or not at all.
fn grants_sql() -> String {
    "INSERT INTO oauth2_grants (tenant, id, client, subject, session, authenticated_at, acr, amr, scope, audience, nonce,
         created_at, kept_until)
     SELECT g.tenant, m.id, o.id, lower(hex(randomblob(4))) || substr(m.id, 9), lower(hex(randomblob(4))) || substr(m.id, 9),
         g.authenticated_at, g.acr, g.amr, g.scope, g.audience, g.nonce, g.created_at,
         n.now + 40 * 86400000000 + abs(random() % 86400000000)
     FROM made m JOIN real_grant g JOIN number n
     JOIN owner o ON o.number = 1 + (m.number * 7919) % (SELECT COUNT(*) FROM owner)
     ORDER BY m.number;\n"
        .to_owned()
}

/// The tokens in the order of their hashes: the grants come by turns, so that those of one lie far from each other.
fn tokens_sql(refresh_tokens: u64, grants: u64) -> String {
    format!(
        "INSERT INTO oauth2_refresh_tokens (tenant, hash, grant_id, scope, issued_at, expires_at, rotated_at, successor,
             sealed_successor)
         SELECT g.tenant, CAST(one.b || two.b || three.b || randomblob(n.hash - 3) AS BLOB), m.id, g.scope, t.issued_at,
             CASE WHEN t.rotated AND t.i % {EXPIRED} = 0 THEN n.now - 1000000
                  ELSE n.now + 86400000000 + abs(random() % (29 * 86400000000)) END,
             CASE WHEN t.rotated THEN t.issued_at + 3600000000 END,
             CASE WHEN t.rotated THEN randomblob(n.successor) END,
             CASE WHEN t.rotated THEN randomblob(n.sealed) END
         FROM (SELECT value AS i, value * {PREFIXES} / {refresh_tokens} AS prefix,
                   (value / {grants} + value % {grants}) % {TOKENS} < {TOKENS} - 1 AS rotated,
                   (SELECT now FROM number) - 3600000000 * ({TOKENS} - (value / {grants} + value % {grants}) % {TOKENS}) AS issued_at
               FROM generate_series(0, {refresh_tokens} - 1)) AS t
         JOIN number n JOIN real_grant g
         JOIN made m ON m.number = t.i % {grants}
         JOIN byte one ON one.n = t.prefix >> 16
         JOIN byte two ON two.n = (t.prefix >> 8) & 255
         JOIN byte three ON three.n = t.prefix & 255;\n"
    )
}

/// Returns how many rows a table has, or those that `WHERE …` finds.
pub(super) fn count(file: &Path, of: &str) -> anyhow::Result<u64> {
    let said = sqlite(file, &format!("SELECT COUNT(*) FROM {of};"))?;
    said.parse().with_context(|| said.clone())
}

/// Runs statements with the program `sqlite3`, whose binary texts and series are what is needed here.
pub(super) fn sqlite(file: &Path, script: &str) -> anyhow::Result<String> {
    let mut sqlite = Command::new("sqlite3");
    sqlite.args(["-batch", "-bail", "-noheader", "-cmd", ".timeout 20000"]).arg(file);
    // What sorts them when the indexes are made is as large as they are.
    sqlite.env("SQLITE_TMPDIR", file.parent().context("a directory")?);
    sqlite.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = sqlite.spawn().context("`sqlite3` cannot be started")?;
    let mut pipe = child.stdin.take().context("a pipe")?;
    std::io::Write::write_all(&mut pipe, script.as_bytes())?;
    drop(pipe);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("sqlite3: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
