-- As with clients (44): a refresh token takes about 300 bytes and a grant 450, so that a tree of them whole (WITHOUT ROWID) has
-- about ten to a page on every level and is seven pages deep for ten million. By row the tree of their names is four, and what is
-- rotated or kept longer moves nothing but its row.
CREATE TABLE oauth2_grants_by_row (
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
    redeemed_code BLOB,
    session_claims TEXT,
    actor TEXT,
    external_subject TEXT,
    claims TEXT,
    authorization_details TEXT,
    requested_claims TEXT,
    forced_subject TEXT,
    PRIMARY KEY (tenant, id)
) STRICT;

INSERT INTO oauth2_grants_by_row (tenant, id, client, subject, session, organisation, authenticated_at, acr, amr, scope, audience,
    nonce, created_at, revoked_at, kept_until, redeemed_code, session_claims, actor, external_subject, claims,
    authorization_details, requested_claims, forced_subject)
SELECT tenant, id, client, subject, session, organisation, authenticated_at, acr, amr, scope, audience,
    nonce, created_at, revoked_at, kept_until, redeemed_code, session_claims, actor, external_subject, claims,
    authorization_details, requested_claims, forced_subject
FROM oauth2_grants ORDER BY tenant, id;

DROP TABLE oauth2_grants;
ALTER TABLE oauth2_grants_by_row RENAME TO oauth2_grants;
CREATE INDEX oauth2_grants_by_subject ON oauth2_grants (tenant, subject, client);
CREATE INDEX oauth2_grants_by_session ON oauth2_grants (tenant, session);
CREATE INDEX oauth2_grants_by_client ON oauth2_grants (tenant, client);
CREATE INDEX oauth2_grants_by_expiry ON oauth2_grants (kept_until);
CREATE INDEX oauth2_grants_by_redeemed_code ON oauth2_grants (tenant, redeemed_code) WHERE redeemed_code IS NOT NULL;

CREATE TABLE oauth2_refresh_tokens_by_row (
    tenant TEXT NOT NULL,
    hash BLOB NOT NULL,
    grant_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    rotated_at INTEGER,
    successor BLOB,
    sealed_successor BLOB,
    cnf TEXT,
    PRIMARY KEY (tenant, hash)
) STRICT;

INSERT INTO oauth2_refresh_tokens_by_row (tenant, hash, grant_id, scope, issued_at, expires_at, rotated_at, successor,
    sealed_successor, cnf)
SELECT tenant, hash, grant_id, scope, issued_at, expires_at, rotated_at, successor, sealed_successor, cnf
FROM oauth2_refresh_tokens ORDER BY tenant, hash;

DROP TABLE oauth2_refresh_tokens;
ALTER TABLE oauth2_refresh_tokens_by_row RENAME TO oauth2_refresh_tokens;
CREATE INDEX oauth2_refresh_tokens_by_grant ON oauth2_refresh_tokens (tenant, grant_id);
CREATE INDEX oauth2_refresh_tokens_by_expiry ON oauth2_refresh_tokens (expires_at);
