-- What plugins have beside their tenant's settings: their secrets, sealed, and what they keep.

CREATE TABLE plugin_secrets (
    tenant TEXT COLLATE "C" NOT NULL,
    plugin TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, plugin, name)
);

-- `key` is bytes: whatever a plugin calls its values is no text to the database. `size` is that of key and
-- value.
CREATE TABLE plugin_values (
    tenant TEXT COLLATE "C" NOT NULL,
    plugin TEXT COLLATE "C" NOT NULL,
    key BYTEA NOT NULL,
    value BYTEA NOT NULL,
    size BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (tenant, plugin, key)
);
CREATE INDEX plugin_values_by_end ON plugin_values (expires_at) WHERE expires_at IS NOT NULL;

-- What the values of each plugin take together. Changed with them, and before them.
CREATE TABLE plugin_usage (
    tenant TEXT COLLATE "C" NOT NULL,
    plugin TEXT COLLATE "C" NOT NULL,
    entries BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, plugin)
);
