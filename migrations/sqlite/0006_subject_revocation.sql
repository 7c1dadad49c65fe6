-- Tokens issued to a subject before `tokens_not_before` are dead. A column of the identity, since it is
-- read with the identity in one statement whenever a token of a subject is checked.
ALTER TABLE identities ADD COLUMN tokens_not_before INTEGER NOT NULL DEFAULT 0;
