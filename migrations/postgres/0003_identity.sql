-- People: identities, what they sign in with, and their sessions.

CREATE TABLE identities (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    schema_id TEXT NOT NULL,
    state TEXT NOT NULL,
    state_changed_at BIGINT NOT NULL,
    traits TEXT NOT NULL,
    metadata_public TEXT,
    metadata_admin TEXT,
    external_id TEXT COLLATE "C",
    organisation TEXT COLLATE "C",
    verifiable_addresses TEXT NOT NULL,
    recovery_addresses TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX identities_by_external_id ON identities (tenant, external_id);

-- A password's hash is sealed: a stolen database alone gives nothing to guess against.
CREATE TABLE identity_passwords (
    tenant TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, identity)
);

-- Found by the normalised form, unique by the skeleton, which look-alikes share.
CREATE TABLE identity_identifiers (
    tenant TEXT COLLATE "C" NOT NULL,
    identifier TEXT COLLATE "C" NOT NULL,
    skeleton TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, identifier)
);
CREATE UNIQUE INDEX identity_identifiers_by_skeleton ON identity_identifiers (tenant, skeleton);
CREATE INDEX identity_identifiers_by_identity ON identity_identifiers (tenant, identity);

CREATE TABLE identity_sessions (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C",
    assurance TEXT NOT NULL,
    methods TEXT NOT NULL,
    device TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX identity_sessions_by_token ON identity_sessions (tenant, token_hash);
CREATE INDEX identity_sessions_by_identity ON identity_sessions (tenant, identity);
CREATE INDEX identity_sessions_by_expiry ON identity_sessions (expires_at);
