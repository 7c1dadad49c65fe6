-- Keys that an operator keeps in sets of its own. The whole document is sealed, public keys too.
CREATE TABLE key_set_keys (
    tenant TEXT NOT NULL,
    set_name TEXT NOT NULL,
    kid TEXT NOT NULL,
    document BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, set_name, kid)
) STRICT, WITHOUT ROWID;
