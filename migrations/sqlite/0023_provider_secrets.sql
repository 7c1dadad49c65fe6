-- With what a tenant proves to other providers that it is their client. Sealed; in no document that is shown.

CREATE TABLE provider_secrets (
    tenant TEXT NOT NULL,
    provider TEXT NOT NULL,
    secret BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, provider)
) STRICT, WITHOUT ROWID;
