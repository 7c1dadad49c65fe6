-- When a key that had leaked was taken out of use, at once and for good. Its row stays, so that it never comes back under its
-- name; its state is `retired`, and it is due no more.
ALTER TABLE signing_keys ADD COLUMN revoked_at BIGINT;
