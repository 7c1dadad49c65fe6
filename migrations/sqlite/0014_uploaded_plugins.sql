-- The secrets of uploaded plugins, sealed. Those of plugins in the node's configuration file are in `plugin_secrets`.
CREATE TABLE uploaded_plugin_secrets (
    tenant TEXT NOT NULL,
    plugin TEXT NOT NULL,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (tenant, plugin, name)
) STRICT, WITHOUT ROWID;

-- An uploaded plugin has its row in `plugin_usage` from its first version until it is deleted.
INSERT INTO plugin_usage (tenant, plugin, entries, bytes)
SELECT tenant, name, 0, 0 FROM uploaded_plugins WHERE true
ON CONFLICT DO NOTHING;
