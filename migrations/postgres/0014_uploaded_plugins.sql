-- The secrets of uploaded plugins, sealed. Those of plugins in the node's configuration file are in `plugin_secrets`.
CREATE TABLE uploaded_plugin_secrets (
    tenant TEXT COLLATE "C" NOT NULL,
    plugin TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, plugin, name)
);

-- An uploaded plugin has its row in `plugin_usage` from its first version until it is deleted.
INSERT INTO plugin_usage (tenant, plugin, entries, bytes)
SELECT tenant, name, 0, 0 FROM uploaded_plugins WHERE true
ON CONFLICT DO NOTHING;
