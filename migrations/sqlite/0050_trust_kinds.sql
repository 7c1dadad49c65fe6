-- What an issuer's assertions are. Those that were trusted before are plain ones (RFC 7523): a trust for identity assertions is made anew.
ALTER TABLE oauth2_trusted_issuers ADD COLUMN kind TEXT NOT NULL DEFAULT 'jwt_bearer';
