-- Tenants and the keys of those who administer them.

CREATE TABLE tenants (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    host TEXT COLLATE "C",
    issuer TEXT,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    settings TEXT NOT NULL,
    managed_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX tenants_by_host ON tenants (host);
CREATE INDEX tenants_of_the_file ON tenants (tenant) WHERE managed_by = 'file';

-- Keys of the operator are kept with the tenant `default`; `operator` says so.
CREATE TABLE admin_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    operator BIGINT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    secret_hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX admin_keys_by_id ON admin_keys (id);
