-- With which grant a remembered consent was given, in which session and how: for the list of consents, when the grant is over. Those
-- that were given before have a name too, by which they are taken back.
ALTER TABLE oauth2_consents ADD COLUMN grant_id TEXT COLLATE "C";
ALTER TABLE oauth2_consents ADD COLUMN session TEXT COLLATE "C";
ALTER TABLE oauth2_consents ADD COLUMN record TEXT;
UPDATE oauth2_consents SET grant_id = gen_random_uuid()::text;
CREATE INDEX oauth2_consents_by_grant ON oauth2_consents (tenant, grant_id);
