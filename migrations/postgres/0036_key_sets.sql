-- Keys that an operator keeps in sets of its own. The whole document is sealed, public keys too.
CREATE TABLE key_set_keys (
    tenant TEXT COLLATE "C" NOT NULL,
    set_name TEXT COLLATE "C" NOT NULL,
    kid TEXT COLLATE "C" NOT NULL,
    document BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, set_name, kid)
);
