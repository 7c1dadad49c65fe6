-- With what a tenant proves to other providers that it is their client. Sealed; in no document that is shown.

CREATE TABLE provider_secrets (
    tenant TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, provider)
);
