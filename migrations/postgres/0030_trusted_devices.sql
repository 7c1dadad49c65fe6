-- Browsers in which somebody is not asked for a second factor, by the hash of the token that they keep. A session that
-- counts by one says which; what forgets the device takes that from its sessions, too.

CREATE TABLE trusted_devices (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL,
    device TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX trusted_devices_by_token ON trusted_devices (tenant, token_hash);
CREATE INDEX trusted_devices_of_identity ON trusted_devices (tenant, identity);
CREATE INDEX trusted_devices_by_expiry ON trusted_devices (expires_at);

ALTER TABLE identity_sessions ADD COLUMN trusted_device TEXT COLLATE "C";
