-- Who acts in somebody's name: an operator's key, say. NULL where people act for themselves.
ALTER TABLE identity_sessions ADD COLUMN actor TEXT;
ALTER TABLE oauth2_grants ADD COLUMN actor TEXT;
