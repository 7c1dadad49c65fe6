-- The authorization server: clients, what was granted to them, and everything that hangs on a grant.

-- `secrets` is sealed: it holds hashes of secrets that people chose. `not_before` kills every token of
-- the client that was issued before it.
CREATE TABLE oauth2_clients (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    document TEXT NOT NULL,
    secrets BYTEA NOT NULL,
    managed_by TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- `kept_until` is when the row may be forgotten: whatever hung on the grant is dead by then. It is
-- raised by the codes and tokens that are added to the grant, never lowered.
CREATE TABLE oauth2_grants (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    session TEXT COLLATE "C" NOT NULL,
    organisation TEXT COLLATE "C",
    authenticated_at BIGINT NOT NULL,
    acr TEXT NOT NULL,
    amr TEXT NOT NULL,
    scope TEXT NOT NULL,
    audience TEXT NOT NULL,
    nonce TEXT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    kept_until BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX oauth2_grants_by_subject ON oauth2_grants (tenant, subject, client);
CREATE INDEX oauth2_grants_by_session ON oauth2_grants (tenant, session);
CREATE INDEX oauth2_grants_by_client ON oauth2_grants (tenant, client);
CREATE INDEX oauth2_grants_by_expiry ON oauth2_grants (kept_until);

CREATE TABLE oauth2_consents (
    tenant TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    scope TEXT NOT NULL,
    audience TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (tenant, subject, client)
);
CREATE INDEX oauth2_consents_by_client ON oauth2_consents (tenant, client);
CREATE INDEX oauth2_consents_by_expiry ON oauth2_consents (expires_at) WHERE expires_at IS NOT NULL;

-- A redeemed code stays until its own expiry, so that a replay is noticed.
CREATE TABLE oauth2_authorization_codes (
    tenant TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    grant_id TEXT COLLATE "C" NOT NULL,
    redirect_uri TEXT,
    code_challenge TEXT,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    PRIMARY KEY (tenant, hash)
);
CREATE INDEX oauth2_authorization_codes_by_expiry ON oauth2_authorization_codes (expires_at);

-- `grant_id` is absent where the client acts for itself.
CREATE TABLE oauth2_access_tokens (
    tenant TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    grant_id TEXT COLLATE "C",
    client TEXT COLLATE "C" NOT NULL,
    scope TEXT NOT NULL,
    audience TEXT NOT NULL,
    claims TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, hash)
);
CREATE INDEX oauth2_access_tokens_by_expiry ON oauth2_access_tokens (expires_at);

-- A rotated token stays until its own expiry, so that its reuse is noticed. The successor is sealed by
-- the authorization server to this row.
CREATE TABLE oauth2_refresh_tokens (
    tenant TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    grant_id TEXT COLLATE "C" NOT NULL,
    scope TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    rotated_at BIGINT,
    successor BYTEA,
    sealed_successor BYTEA,
    PRIMARY KEY (tenant, hash)
);
CREATE INDEX oauth2_refresh_tokens_by_grant ON oauth2_refresh_tokens (tenant, grant_id);
CREATE INDEX oauth2_refresh_tokens_by_expiry ON oauth2_refresh_tokens (expires_at);

-- `jti` of clients' assertions that were used (RFC 7523 section 3), hashed.
CREATE TABLE oauth2_used_assertions (
    tenant TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    jti TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, client, jti)
);
CREATE INDEX oauth2_used_assertions_by_expiry ON oauth2_used_assertions (expires_at);

-- Signed access tokens that were revoked one by one.
CREATE TABLE oauth2_revoked_jwts (
    tenant TEXT COLLATE "C" NOT NULL,
    jti TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, jti)
);
CREATE INDEX oauth2_revoked_jwts_by_expiry ON oauth2_revoked_jwts (expires_at);
