-- What plugins have beside their tenant's settings: their secrets, sealed.

CREATE TABLE plugin_secrets (
    tenant TEXT COLLATE "C" NOT NULL,
    plugin TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, plugin, name)
);
