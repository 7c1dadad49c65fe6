-- What identities are found by: one row for each term of each. `terms_version` of an identity says by which reading its
-- terms were taken; 0 is none yet, and a job takes them.
CREATE TABLE identity_terms (
    tenant TEXT COLLATE "C" NOT NULL,
    term TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, term, identity)
);
CREATE INDEX identity_terms_by_identity ON identity_terms (tenant, identity, term);

ALTER TABLE identities ADD COLUMN terms_version BIGINT NOT NULL DEFAULT 0;
CREATE INDEX identities_without_terms ON identities (tenant, id) WHERE terms_version = 0;
