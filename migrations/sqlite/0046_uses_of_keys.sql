-- An initial access token may be good for so many registrations and no more (RFC 7591 section 1.2).
ALTER TABLE admin_keys ADD COLUMN uses_left INTEGER;
