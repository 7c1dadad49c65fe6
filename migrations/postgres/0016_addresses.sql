-- Who has which address, to find them by it: `use` is `verification` or `recovery`. Several may have the same one.
CREATE TABLE identity_addresses (
    tenant TEXT COLLATE "C" NOT NULL,
    use TEXT COLLATE "C" NOT NULL,
    via TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, use, via, address, identity)
);
CREATE INDEX identity_addresses_by_identity ON identity_addresses (tenant, identity);
INSERT INTO identity_addresses (tenant, use, via, address, identity)
    SELECT i.tenant, 'verification', a.value ->> 'via', a.value ->> 'value', i.id
    FROM identities i, jsonb_array_elements(i.verifiable_addresses::jsonb) a
    ON CONFLICT DO NOTHING;
INSERT INTO identity_addresses (tenant, use, via, address, identity)
    SELECT i.tenant, 'recovery', a.value ->> 'via', a.value ->> 'value', i.id
    FROM identities i, jsonb_array_elements(i.recovery_addresses::jsonb) a
    ON CONFLICT DO NOTHING;
