-- What a tenant's plugins say of a session, and said of the session behind a grant: the text of a JSON object.
ALTER TABLE identity_sessions ADD COLUMN claims TEXT;
ALTER TABLE oauth2_grants ADD COLUMN session_claims TEXT;
