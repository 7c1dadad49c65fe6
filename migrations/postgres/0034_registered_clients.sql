-- Clients that registered themselves (RFC 7591), and when one of them leaves that never got a token.
ALTER TABLE oauth2_clients ADD COLUMN registered BIGINT NOT NULL DEFAULT 0;
ALTER TABLE oauth2_clients ADD COLUMN unused_until BIGINT;
CREATE INDEX oauth2_clients_registered ON oauth2_clients (tenant, id) WHERE registered = 1;
CREATE INDEX oauth2_clients_unused ON oauth2_clients (unused_until) WHERE unused_until IS NOT NULL;
