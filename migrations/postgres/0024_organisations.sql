-- Organisations: the customers inside a tenant, with whoever belongs to them. Every row says who manages it
-- (`provenance`), so that a directory never takes away what a person was given by hand.

CREATE TABLE organisations (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    label TEXT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    policy TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- What an organisation says is its own. Several may say so of one domain; it decides nothing.
CREATE TABLE organisation_domain_claims (
    tenant TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C" NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, organisation, domain)
);

-- What was proven. The key is what keeps a domain one organisation's.
CREATE TABLE organisation_domains (
    tenant TEXT COLLATE "C" NOT NULL,
    domain TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C" NOT NULL,
    verified_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, domain)
);
CREATE INDEX organisation_domains_by_organisation ON organisation_domains (tenant, organisation);

CREATE TABLE organisation_members (
    tenant TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    provenance TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, organisation, identity)
);
CREATE INDEX organisation_members_by_identity ON organisation_members (tenant, identity);

CREATE TABLE organisation_groups (
    tenant TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    label TEXT NOT NULL,
    provenance TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, organisation, id)
);

CREATE TABLE organisation_group_members (
    tenant TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C" NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    provenance TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, organisation, group_id, identity)
);
CREATE INDEX organisation_group_members_by_identity ON organisation_group_members (tenant, identity);

-- An invitation is used once: `accepted_at` and `revoked_at` are set once, and whoever sets them finds both NULL.
CREATE TABLE organisation_invitations (
    tenant TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL,
    invited_by TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT,
    accepted_by TEXT COLLATE "C",
    revoked_at BIGINT,
    PRIMARY KEY (tenant, organisation, id)
);
CREATE UNIQUE INDEX organisation_invitations_by_token ON organisation_invitations (tenant, token_hash);

-- What the organisation in whose name somebody signed in asks of the session.
ALTER TABLE identity_sessions ADD COLUMN required_assurance TEXT;
CREATE INDEX identity_sessions_by_organisation ON identity_sessions (tenant, organisation)
    WHERE organisation IS NOT NULL;
