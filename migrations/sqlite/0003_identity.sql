-- People: identities, what they sign in with, and their sessions.

CREATE TABLE identities (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    schema_id TEXT NOT NULL,
    state TEXT NOT NULL,
    state_changed_at INTEGER NOT NULL,
    traits TEXT NOT NULL,
    metadata_public TEXT,
    metadata_admin TEXT,
    external_id TEXT,
    organisation TEXT,
    verifiable_addresses TEXT NOT NULL,
    recovery_addresses TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identities_by_external_id ON identities (tenant, external_id);

-- A password's hash is sealed: a stolen database alone gives nothing to guess against.
CREATE TABLE identity_passwords (
    tenant TEXT NOT NULL,
    identity TEXT NOT NULL,
    hash BLOB NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, identity)
) STRICT, WITHOUT ROWID;

-- Found by the normalised form, unique by the skeleton, which look-alikes share.
CREATE TABLE identity_identifiers (
    tenant TEXT NOT NULL,
    identifier TEXT NOT NULL,
    skeleton TEXT NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (tenant, identifier)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identity_identifiers_by_skeleton ON identity_identifiers (tenant, skeleton);
CREATE INDEX identity_identifiers_by_identity ON identity_identifiers (tenant, identity);

CREATE TABLE identity_sessions (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    identity TEXT NOT NULL,
    organisation TEXT,
    assurance TEXT NOT NULL,
    methods TEXT NOT NULL,
    device TEXT NOT NULL,
    authenticated_at INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identity_sessions_by_token ON identity_sessions (tenant, token_hash);
CREATE INDEX identity_sessions_by_identity ON identity_sessions (tenant, identity);
CREATE INDEX identity_sessions_by_expiry ON identity_sessions (expires_at);
