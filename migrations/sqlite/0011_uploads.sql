-- Plugins that were uploaded: their components, their versions, and what runs.

-- What comes before `component` is read without it.
CREATE TABLE plugin_components (
    tenant TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    component BLOB NOT NULL,
    PRIMARY KEY (tenant, sha256)
) STRICT;

CREATE TABLE plugin_versions (
    tenant TEXT NOT NULL,
    plugin TEXT NOT NULL,
    version INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    facts TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (tenant, plugin, version)
) STRICT, WITHOUT ROWID;

-- `state` is what runs and what ran before, as JSON; `revision` counts the row's changes.
CREATE TABLE uploaded_plugins (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    latest_version INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- What a tenant's versions and components take together. Changed with them, and before them.
CREATE TABLE component_usage (
    tenant TEXT NOT NULL PRIMARY KEY,
    versions INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
