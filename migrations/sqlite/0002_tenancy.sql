-- Tenants and the keys of those who administer them.

CREATE TABLE tenants (
    tenant TEXT NOT NULL PRIMARY KEY,
    host TEXT,
    issuer TEXT,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    settings TEXT NOT NULL,
    managed_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tenants_by_host ON tenants (host);
CREATE INDEX tenants_of_the_file ON tenants (tenant) WHERE managed_by = 'file';

-- Keys of the operator are kept with the tenant `default`; `operator` says so.
CREATE TABLE admin_keys (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    operator INTEGER NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX admin_keys_by_id ON admin_keys (id);
