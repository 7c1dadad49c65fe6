-- Who signs in with other providers: (provider, subject) is one identity. The tokens that a provider gave are sealed;
-- their version guards every renewal.

CREATE TABLE identity_links (
    tenant TEXT NOT NULL,
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    identity TEXT NOT NULL,
    organisation TEXT,
    tokens BLOB,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, provider, subject)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX identity_links_of_identity ON identity_links (tenant, identity, provider);
