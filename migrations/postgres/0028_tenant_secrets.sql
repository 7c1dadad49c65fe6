-- The secrets to which a tenant's settings refer by name. Sealed; in no document that is shown.

CREATE TABLE tenant_secrets (
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);
