-- Who signs in with other providers: (provider, subject) is one identity. The tokens that a provider gave are sealed;
-- their version guards every renewal.

CREATE TABLE identity_links (
    tenant TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C",
    tokens BYTEA,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, provider, subject)
);

CREATE UNIQUE INDEX identity_links_of_identity ON identity_links (tenant, identity, provider);
