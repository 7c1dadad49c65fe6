-- A tenant's signing keys. The private JWK is sealed to tenant, this table and `kid`.

-- `due_at` is when something is to be done next: a pending key signs, an active one is succeeded, a
-- retired one is removed.
CREATE TABLE signing_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    kid TEXT COLLATE "C" NOT NULL,
    algorithm TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    due_at BIGINT NOT NULL,
    private_jwk BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, kid)
);
CREATE UNIQUE INDEX signing_keys_pending ON signing_keys (tenant, algorithm) WHERE state = 'pending';
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (tenant, algorithm) WHERE state = 'active';
CREATE INDEX signing_keys_due ON signing_keys (due_at, tenant);
