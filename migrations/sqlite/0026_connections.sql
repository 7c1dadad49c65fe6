-- The provider with which an organisation's people sign in, set by the API. Its secret is in `provider_secrets`, by its name,
-- which is part of every link: one that names people otherwise has another.
CREATE TABLE organisation_connections (
    tenant TEXT NOT NULL,
    organisation TEXT NOT NULL,
    provider TEXT NOT NULL,
    settings TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, organisation)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX organisation_connections_by_provider ON organisation_connections (tenant, provider);

-- Groups that a connection names are found by their labels: of two people who are the first in one, one makes it.
CREATE UNIQUE INDEX organisation_groups_of_connection ON organisation_groups (tenant, organisation, label)
    WHERE provenance = 'connection';
