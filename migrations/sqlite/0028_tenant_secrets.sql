-- The secrets to which a tenant's settings refer by name. Sealed; in no document that is shown.

CREATE TABLE tenant_secrets (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
