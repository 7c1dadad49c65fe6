-- Through whose hands an exchanged token came, and who acts (RFC 8693): the text of a JSON object. NULL for a token that was not
-- exchanged.
ALTER TABLE oauth2_access_tokens ADD COLUMN derivation TEXT;
