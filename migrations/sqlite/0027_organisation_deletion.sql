-- Organisations that were deleted, until none of their rows is left: whoever is given such an id must not meet them.
CREATE TABLE deleted_organisations (
    tenant TEXT NOT NULL,
    organisation TEXT NOT NULL,
    deleted_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, organisation)
) STRICT, WITHOUT ROWID;

-- Of keys of one organisation: which. What proves them names it too, so that whoever does not read this column lets none in.
ALTER TABLE admin_keys ADD COLUMN organisation TEXT;
CREATE INDEX admin_keys_by_organisation ON admin_keys (tenant, organisation) WHERE organisation IS NOT NULL;
