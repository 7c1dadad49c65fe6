//! The rows that are made, in a file with our tables.

use std::fs;

use super::bulk::{TOKENS, count, fill, sqlite};
use crate::workspace::{self, answers};

/// A tenant with two clients, a grant, a token that was rotated and its successor.
const REAL: &str = "
    INSERT INTO oauth2_clients (tenant, id, name, owner, document, secrets, managed_by, enabled, created_at, updated_at,
        not_before, version)
    VALUES ('t', 'one', '', '', '{}', x'00', 'api', 1, 1, 1, 1, 1), ('t', 'two', '', '', '{}', x'00', 'api', 1, 1, 1, 1, 1);
    INSERT INTO oauth2_grants (tenant, id, client, subject, session, authenticated_at, acr, amr, scope, audience,
        created_at, kept_until)
    VALUES ('t', 'real', 'one', 's', 's', 1, 'aal1', '[]', 'openid', '[]', 1, 9);
    INSERT INTO oauth2_refresh_tokens (tenant, hash, grant_id, scope, issued_at, expires_at, rotated_at, successor,
        sealed_successor)
    VALUES ('t', zeroblob(32), 'real', 'openid', 1, 9, 2, zeroblob(32), zeroblob(90)),
        ('t', randomblob(32), 'real', 'openid', 1, 9, NULL, NULL, NULL);";

#[test]
fn made_rows_have_the_shape_of_real_ones() {
    if !answers("sqlite3", "--version") {
        assert!(!workspace::under_ci(), "sqlite3 is missing: apt-get install sqlite3");
        eprintln!("skipped: sqlite3 is missing");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("portcullis.db");
    let mut migrations: Vec<_> = fs::read_dir(workspace::root().join("migrations/sqlite")).unwrap().collect();
    migrations.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
    let mut script: String =
        migrations.into_iter().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    script.push_str(REAL);
    // As a node leaves it.
    script.push_str("PRAGMA journal_mode = WAL;");
    sqlite(&file, &script).unwrap();

    let indexes = count(&file, "sqlite_master WHERE type = 'index'").unwrap();
    fill(&file, 1_000).unwrap();
    let check = |of: &str, rows: u64| assert_eq!(count(&file, of).unwrap(), rows, "{of}");
    let made = "oauth2_refresh_tokens r WHERE r.grant_id <> 'real'";
    check(made, 1_000);
    check(&format!("{made} AND length(hash) = 32 AND expires_at > issued_at"), 1_000);
    // Of each grant one is live, and every other has a successor.
    let live = "SELECT grant_id FROM oauth2_refresh_tokens WHERE rotated_at IS NULL GROUP BY grant_id HAVING COUNT(*) = 1";
    check(&format!("oauth2_grants WHERE id IN ({live}) AND id <> 'real'"), 1_000 / TOKENS);
    check(&format!("{made} AND length(successor) = 32 AND length(sealed_successor) = 90"), 900);
    check(&format!("{made} AND rotated_at IS NULL AND sealed_successor IS NULL"), 100);
    // One in a hundred of those has expired, but no live one.
    let now = "CAST(strftime('%s', 'now') AS INTEGER) * 1000000";
    check(&format!("{made} AND expires_at <= {now} AND rotated_at IS NOT NULL"), 9);
    check(&format!("{made} AND expires_at <= {now}"), 9);
    check("oauth2_grants WHERE client = 'two'", 50);
    check("oauth2_grants WHERE length(id) = 36 AND length(subject) = 36 AND length(session) = 36", 100);
    check("sqlite_master WHERE type = 'index'", indexes);
    assert!(fill(&file, 9).is_err());
}
