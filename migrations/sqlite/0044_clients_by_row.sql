-- A client's document is longer than a quarter of a page. In a tree of such rows (WITHOUT ROWID) every page on the way down has a few
-- of them and no more, and the tree of a million is twice as deep as one of short keys. So the rows stand by their number, and
-- their names in an index.
CREATE TABLE oauth2_clients_by_row (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    document TEXT NOT NULL,
    secrets BLOB NOT NULL,
    managed_by TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    version INTEGER NOT NULL,
    registered INTEGER NOT NULL DEFAULT 0,
    unused_until INTEGER,
    backchannel_logout INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) STRICT;

INSERT INTO oauth2_clients_by_row (tenant, id, name, owner, document, secrets, managed_by, enabled, created_at, updated_at,
    not_before, version, registered, unused_until, backchannel_logout)
SELECT tenant, id, name, owner, document, secrets, managed_by, enabled, created_at, updated_at,
    not_before, version, registered, unused_until, backchannel_logout
FROM oauth2_clients ORDER BY tenant, created_at, id;

DROP TABLE oauth2_clients;
ALTER TABLE oauth2_clients_by_row RENAME TO oauth2_clients;
CREATE INDEX oauth2_clients_registered ON oauth2_clients (tenant, id) WHERE registered = 1;
CREATE INDEX oauth2_clients_unused ON oauth2_clients (unused_until) WHERE unused_until IS NOT NULL;
-- A list in the order in which they were made reads what lies together.
CREATE INDEX oauth2_clients_as_made ON oauth2_clients (tenant, created_at, id);
