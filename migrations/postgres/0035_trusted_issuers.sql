-- Issuers whose assertions are taken for grants (RFC 7523). `subject` is empty where the issuer speaks for anybody.
CREATE TABLE oauth2_trusted_issuers (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    kid TEXT COLLATE "C" NOT NULL,
    jwk TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX oauth2_trusted_issuers_by_name ON oauth2_trusted_issuers (tenant, issuer, subject, kid);

-- For whom an opaque token stands that hangs on no grant; its client for itself if there is none.
ALTER TABLE oauth2_access_tokens ADD COLUMN subject TEXT COLLATE "C";
