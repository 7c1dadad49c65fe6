-- Second factors. A document is sealed, and says what a factor has left: a code that was used is in it. Its version guards
-- every use. `available_assurance` is how much an identity can prove: aal2 while it has a factor.

CREATE TABLE identity_factors (
    tenant TEXT NOT NULL,
    identity TEXT NOT NULL,
    kind TEXT NOT NULL,
    document BLOB NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, identity, kind)
) STRICT, WITHOUT ROWID;

ALTER TABLE identities ADD COLUMN available_assurance TEXT NOT NULL DEFAULT 'aal1';
