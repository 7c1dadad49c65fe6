-- Organisations: the customers inside a tenant, with whoever belongs to them. Every row says who manages it
-- (`provenance`), so that a directory never takes away what a person was given by hand.

CREATE TABLE organisations (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    label TEXT NOT NULL,
    state TEXT NOT NULL,
    policy TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- What an organisation says is its own. Several may say so of one domain; it decides nothing.
CREATE TABLE organisation_domain_claims (
    tenant TEXT NOT NULL,
    organisation TEXT NOT NULL,
    domain TEXT NOT NULL,
    token TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, organisation, domain)
) STRICT, WITHOUT ROWID;

-- What was proven. The key is what keeps a domain one organisation's.
CREATE TABLE organisation_domains (
    tenant TEXT NOT NULL,
    domain TEXT NOT NULL,
    organisation TEXT NOT NULL,
    verified_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, domain)
) STRICT, WITHOUT ROWID;
CREATE INDEX organisation_domains_by_organisation ON organisation_domains (tenant, organisation);

CREATE TABLE organisation_members (
    tenant TEXT NOT NULL,
    organisation TEXT NOT NULL,
    identity TEXT NOT NULL,
    role TEXT NOT NULL,
    provenance TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, organisation, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX organisation_members_by_identity ON organisation_members (tenant, identity);

CREATE TABLE organisation_groups (
    tenant TEXT NOT NULL,
    organisation TEXT NOT NULL,
    id TEXT NOT NULL,
    label TEXT NOT NULL,
    provenance TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, organisation, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE organisation_group_members (
    tenant TEXT NOT NULL,
    organisation TEXT NOT NULL,
    group_id TEXT NOT NULL,
    identity TEXT NOT NULL,
    provenance TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, organisation, group_id, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX organisation_group_members_by_identity ON organisation_group_members (tenant, identity);

-- An invitation is used once: `accepted_at` and `revoked_at` are set once, and whoever sets them finds both NULL.
CREATE TABLE organisation_invitations (
    tenant TEXT NOT NULL,
    organisation TEXT NOT NULL,
    id TEXT NOT NULL,
    address TEXT NOT NULL,
    role TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    invited_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    accepted_at INTEGER,
    accepted_by TEXT,
    revoked_at INTEGER,
    PRIMARY KEY (tenant, organisation, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX organisation_invitations_by_token ON organisation_invitations (tenant, token_hash);

-- What the organisation in whose name somebody signed in asks of the session.
ALTER TABLE identity_sessions ADD COLUMN required_assurance TEXT;
CREATE INDEX identity_sessions_by_organisation ON identity_sessions (tenant, organisation)
    WHERE organisation IS NOT NULL;
