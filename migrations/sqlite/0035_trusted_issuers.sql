-- Issuers whose assertions are taken for grants (RFC 7523). `subject` is empty where the issuer speaks for anybody.
CREATE TABLE oauth2_trusted_issuers (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    scope TEXT NOT NULL,
    kid TEXT NOT NULL,
    jwk TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX oauth2_trusted_issuers_by_name ON oauth2_trusted_issuers (tenant, issuer, subject, kid);

-- For whom an opaque token stands that hangs on no grant; its client for itself if there is none.
ALTER TABLE oauth2_access_tokens ADD COLUMN subject TEXT;
