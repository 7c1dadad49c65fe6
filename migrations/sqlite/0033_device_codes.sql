-- Devices that wait for a person to enter a code and answer (RFC 8628). Both codes are there as keyed hashes only. A row
-- is small and leaves some minutes after it has expired; the grant remembers a code that was redeemed.
CREATE TABLE oauth2_device_codes (
    tenant TEXT NOT NULL,
    hash BLOB NOT NULL,
    user_code BLOB NOT NULL,
    client TEXT NOT NULL,
    scope TEXT NOT NULL,
    audience TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    poll_interval INTEGER NOT NULL,
    next_poll_at INTEGER NOT NULL,
    answer TEXT,
    grant_id TEXT,
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX oauth2_device_codes_by_user_code ON oauth2_device_codes (tenant, user_code);
CREATE INDEX oauth2_device_codes_by_client ON oauth2_device_codes (tenant, client, expires_at);
CREATE INDEX oauth2_device_codes_by_expiry ON oauth2_device_codes (expires_at);
