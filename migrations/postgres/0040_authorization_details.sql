-- What no scope says (RFC 9396), and the claims that were asked for by name: of what was granted, of what a person asked us to
-- remember, of what devices ask for, and of opaque tokens, which may be for less than their grant. Absent: none.
ALTER TABLE oauth2_grants ADD COLUMN authorization_details TEXT;
ALTER TABLE oauth2_grants ADD COLUMN requested_claims TEXT;
ALTER TABLE oauth2_consents ADD COLUMN authorization_details TEXT;
ALTER TABLE oauth2_device_codes ADD COLUMN authorization_details TEXT;
ALTER TABLE oauth2_access_tokens ADD COLUMN authorization_details TEXT;
