-- Plugins that were uploaded: their components, their versions, and what runs.

-- What comes before `component` is read without it.
CREATE TABLE plugin_components (
    tenant TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    component BYTEA NOT NULL,
    PRIMARY KEY (tenant, sha256)
);

CREATE TABLE plugin_versions (
    tenant TEXT COLLATE "C" NOT NULL,
    plugin TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    facts TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (tenant, plugin, version)
);

-- `state` is what runs and what ran before, as JSON; `revision` counts the row's changes.
CREATE TABLE uploaded_plugins (
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    latest_version BIGINT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- What a tenant's versions and components take together. Changed with them, and before them.
CREATE TABLE component_usage (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    versions BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);
