-- How a code's challenge was made of its verifier: `S256` or `plain` (RFC 7636 section 4.2). Codes that wait are of the only one that there was.
ALTER TABLE oauth2_authorization_codes ADD COLUMN code_challenge_method TEXT NOT NULL DEFAULT 'S256';
