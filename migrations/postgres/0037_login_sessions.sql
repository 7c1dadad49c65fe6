-- Sign-ins at a login app of the tenant's own: what was granted in one is live while its row is. The cookie is there as a
-- keyed hash only. A subject that is no identity of the tenant has the app's own text beside an id that is made of it.
CREATE TABLE oauth2_login_sessions (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    token BYTEA NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    external_subject TEXT COLLATE "C",
    authenticated_at BIGINT NOT NULL,
    acr TEXT COLLATE "C" NOT NULL,
    amr TEXT COLLATE "C" NOT NULL,
    remembered_until BIGINT,
    expires_at BIGINT NOT NULL,
    provider_session TEXT COLLATE "C",
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX oauth2_login_sessions_by_token ON oauth2_login_sessions (tenant, token);
CREATE INDEX oauth2_login_sessions_by_subject ON oauth2_login_sessions (tenant, subject);
CREATE INDEX oauth2_login_sessions_by_expiry ON oauth2_login_sessions (expires_at);
-- Who granted it, where only a login app knows them, and what a consent app wants said in its tokens.
ALTER TABLE oauth2_grants ADD COLUMN external_subject TEXT;
ALTER TABLE oauth2_grants ADD COLUMN claims TEXT;
