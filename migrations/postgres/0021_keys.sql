-- Passkeys and security keys, found by the id that their authenticator gave them (base64url). A document is sealed; its
-- version guards every use, so that of one answer that is sent many times one counts.

CREATE TABLE identity_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    document BYTEA NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX identity_keys_by_identity ON identity_keys (tenant, identity);
