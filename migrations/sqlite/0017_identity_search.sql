-- What identities are found by: one row for each term of each. `terms_version` of an identity says by which reading its
-- terms were taken; 0 is none yet, and a job takes them.
CREATE TABLE identity_terms (
    tenant TEXT NOT NULL,
    term TEXT NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (tenant, term, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_terms_by_identity ON identity_terms (tenant, identity, term);

ALTER TABLE identities ADD COLUMN terms_version INTEGER NOT NULL DEFAULT 0;
CREATE INDEX identities_without_terms ON identities (tenant, id) WHERE terms_version = 0;
