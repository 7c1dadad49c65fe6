-- Who has which address, to find them by it: `use` is `verification` or `recovery`. Several may have the same one.
CREATE TABLE identity_addresses (
    tenant TEXT NOT NULL,
    use TEXT NOT NULL,
    via TEXT NOT NULL,
    address TEXT NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (tenant, use, via, address, identity)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_addresses_by_identity ON identity_addresses (tenant, identity);
INSERT OR IGNORE INTO identity_addresses (tenant, use, via, address, identity)
    SELECT i.tenant, 'verification', json_extract(a.value, '$.via'), json_extract(a.value, '$.value'), i.id
    FROM identities i, json_each(i.verifiable_addresses) a;
INSERT OR IGNORE INTO identity_addresses (tenant, use, via, address, identity)
    SELECT i.tenant, 'recovery', json_extract(a.value, '$.via'), json_extract(a.value, '$.value'), i.id
    FROM identities i, json_each(i.recovery_addresses) a;
