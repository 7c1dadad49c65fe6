-- The marks of all tokens of which a token was exchanged (RFC 8693), with each of which it ends: the text of a JSON list. NULL for a
-- token that was not exchanged. Their marks, when they are revoked, stand in oauth2_revoked_jwts: of an opaque token's too.
ALTER TABLE oauth2_access_tokens ADD COLUMN lineage TEXT;
