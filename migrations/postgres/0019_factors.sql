-- Second factors. A document is sealed, and says what a factor has left: a code that was used is in it. Its version guards
-- every use. `available_assurance` is how much an identity can prove: aal2 while it has a factor.

CREATE TABLE identity_factors (
    tenant TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    document BYTEA NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, identity, kind)
);

ALTER TABLE identities ADD COLUMN available_assurance TEXT NOT NULL DEFAULT 'aal1';
