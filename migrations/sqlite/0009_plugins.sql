-- What plugins have beside their tenant's settings: their secrets, sealed.

CREATE TABLE plugin_secrets (
    tenant TEXT NOT NULL,
    plugin TEXT NOT NULL,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, plugin, name)
) STRICT, WITHOUT ROWID;
