-- Devices that wait for a person to enter a code and answer (RFC 8628). Both codes are there as keyed hashes only. A row
-- is small and leaves some minutes after it has expired; the grant remembers a code that was redeemed.
CREATE TABLE oauth2_device_codes (
    tenant TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    user_code BYTEA NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    audience TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    poll_interval BIGINT NOT NULL,
    next_poll_at BIGINT NOT NULL,
    answer TEXT COLLATE "C",
    grant_id TEXT COLLATE "C",
    PRIMARY KEY (tenant, hash)
);
CREATE UNIQUE INDEX oauth2_device_codes_by_user_code ON oauth2_device_codes (tenant, user_code);
CREATE INDEX oauth2_device_codes_by_client ON oauth2_device_codes (tenant, client, expires_at);
CREATE INDEX oauth2_device_codes_by_expiry ON oauth2_device_codes (expires_at);
