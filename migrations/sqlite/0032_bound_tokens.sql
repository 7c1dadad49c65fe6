-- What tokens are bound to, as `cnf` has it: the text of a JSON object. NULL for a token of whoever bears it.
ALTER TABLE oauth2_access_tokens ADD COLUMN cnf TEXT;
ALTER TABLE oauth2_refresh_tokens ADD COLUMN cnf TEXT;
-- The thumbprint of the key with whose proof alone a code is redeemed.
ALTER TABLE oauth2_authorization_codes ADD COLUMN dpop_jkt TEXT;
