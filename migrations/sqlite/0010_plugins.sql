-- What plugins have beside their tenant's settings: their secrets, sealed, and what they keep.

CREATE TABLE plugin_secrets (
    tenant TEXT NOT NULL,
    plugin TEXT NOT NULL,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, plugin, name)
) STRICT, WITHOUT ROWID;

-- `key` is bytes: whatever a plugin calls its values is no text to the database. `size` is that of key and
-- value.
CREATE TABLE plugin_values (
    tenant TEXT NOT NULL,
    plugin TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    size INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (tenant, plugin, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX plugin_values_by_end ON plugin_values (expires_at) WHERE expires_at IS NOT NULL;

-- What the values of each plugin take together. Changed with them, and before them.
CREATE TABLE plugin_usage (
    tenant TEXT NOT NULL,
    plugin TEXT NOT NULL,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (tenant, plugin)
) STRICT, WITHOUT ROWID;
