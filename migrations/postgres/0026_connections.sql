-- The provider with which an organisation's people sign in, set by the API. Its secret is in `provider_secrets`, by its name,
-- which is part of every link: one that names people otherwise has another.
CREATE TABLE organisation_connections (
    tenant TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    settings TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, organisation)
);
CREATE UNIQUE INDEX organisation_connections_by_provider ON organisation_connections (tenant, provider);

-- Groups that a connection names are found by their labels: of two people who are the first in one, one makes it.
CREATE UNIQUE INDEX organisation_groups_of_connection ON organisation_groups (tenant, organisation, label)
    WHERE provenance = 'connection';
