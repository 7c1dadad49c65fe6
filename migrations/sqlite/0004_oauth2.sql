-- The authorization server: clients, what was granted to them, and everything that hangs on a grant.

-- `secrets` is sealed: it holds hashes of secrets that people chose. `not_before` kills every token of
-- the client that was issued before it.
CREATE TABLE oauth2_clients (
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
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- `kept_until` is when the row may be forgotten: whatever hung on the grant is dead by then. It is
-- raised by the codes and tokens that are added to the grant, never lowered.
CREATE TABLE oauth2_grants (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    client TEXT NOT NULL,
    subject TEXT NOT NULL,
    session TEXT NOT NULL,
    organisation TEXT,
    authenticated_at INTEGER NOT NULL,
    acr TEXT NOT NULL,
    amr TEXT NOT NULL,
    scope TEXT NOT NULL,
    audience TEXT NOT NULL,
    nonce TEXT,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    kept_until INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_grants_by_subject ON oauth2_grants (tenant, subject, client);
CREATE INDEX oauth2_grants_by_session ON oauth2_grants (tenant, session);
CREATE INDEX oauth2_grants_by_client ON oauth2_grants (tenant, client);
CREATE INDEX oauth2_grants_by_expiry ON oauth2_grants (kept_until);

CREATE TABLE oauth2_consents (
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    client TEXT NOT NULL,
    scope TEXT NOT NULL,
    audience TEXT NOT NULL,
    granted_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (tenant, subject, client)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_consents_by_client ON oauth2_consents (tenant, client);
CREATE INDEX oauth2_consents_by_expiry ON oauth2_consents (expires_at) WHERE expires_at IS NOT NULL;

-- A redeemed code stays until its own expiry, so that a replay is noticed.
CREATE TABLE oauth2_authorization_codes (
    tenant TEXT NOT NULL,
    hash BLOB NOT NULL,
    grant_id TEXT NOT NULL,
    redirect_uri TEXT,
    code_challenge TEXT,
    expires_at INTEGER NOT NULL,
    consumed_at INTEGER,
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_authorization_codes_by_expiry ON oauth2_authorization_codes (expires_at);

-- `grant_id` is absent where the client acts for itself.
CREATE TABLE oauth2_access_tokens (
    tenant TEXT NOT NULL,
    hash BLOB NOT NULL,
    grant_id TEXT,
    client TEXT NOT NULL,
    scope TEXT NOT NULL,
    audience TEXT NOT NULL,
    claims TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_access_tokens_by_expiry ON oauth2_access_tokens (expires_at);

-- A rotated token stays until its own expiry, so that its reuse is noticed. The successor is sealed by
-- the authorization server to this row.
CREATE TABLE oauth2_refresh_tokens (
    tenant TEXT NOT NULL,
    hash BLOB NOT NULL,
    grant_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    rotated_at INTEGER,
    successor BLOB,
    sealed_successor BLOB,
    PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_refresh_tokens_by_grant ON oauth2_refresh_tokens (tenant, grant_id);
CREATE INDEX oauth2_refresh_tokens_by_expiry ON oauth2_refresh_tokens (expires_at);

-- `jti` of clients' assertions that were used (RFC 7523 section 3), hashed.
CREATE TABLE oauth2_used_assertions (
    tenant TEXT NOT NULL,
    client TEXT NOT NULL,
    jti TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, client, jti)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_used_assertions_by_expiry ON oauth2_used_assertions (expires_at);

-- Signed access tokens that were revoked one by one.
CREATE TABLE oauth2_revoked_jwts (
    tenant TEXT NOT NULL,
    jti TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, jti)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_revoked_jwts_by_expiry ON oauth2_revoked_jwts (expires_at);
