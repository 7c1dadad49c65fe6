-- Passkeys and security keys, found by the id that their authenticator gave them (base64url). A document is sealed; its
-- version guards every use, so that of one answer that is sent many times one counts.

CREATE TABLE identity_keys (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    identity TEXT NOT NULL,
    kind TEXT NOT NULL,
    document BLOB NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_keys_by_identity ON identity_keys (tenant, identity);
