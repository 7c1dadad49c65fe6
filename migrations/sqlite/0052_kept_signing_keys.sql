-- Until when a key that signs is needed at least: a lifespan was lowered, and what it has signed lives as long. When it retires it
-- stays published for as long.
ALTER TABLE signing_keys ADD COLUMN needed_until INTEGER;
