-- A tenant's signing keys. The private JWK is sealed to tenant, this table and `kid`.

-- `due_at` is when something is to be done next: a pending key signs, an active one is succeeded, a
-- retired one is removed.
CREATE TABLE signing_keys (
    tenant TEXT NOT NULL,
    kid TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    private_jwk BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, kid)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX signing_keys_pending ON signing_keys (tenant, algorithm) WHERE state = 'pending';
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (tenant, algorithm) WHERE state = 'active';
CREATE INDEX signing_keys_due ON signing_keys (due_at, tenant);
