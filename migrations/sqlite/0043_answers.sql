-- The first answer to a challenge of a login, consent, logout or device app, or a person's refusal: `answer` is a keyed hash of
-- it. Until the challenge would have expired.
CREATE TABLE oauth2_answered_challenges (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    refused INTEGER NOT NULL,
    answer BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth2_answered_challenges_by_end ON oauth2_answered_challenges (expires_at);

-- Where clients that register themselves wait for each other, so that no more of them are counted than there may be.
CREATE TABLE oauth2_registration_turns (
    tenant TEXT NOT NULL,
    turn INTEGER NOT NULL,
    PRIMARY KEY (tenant)
) STRICT, WITHOUT ROWID;

-- The names that a login app has given people at clients of pairwise subjects (`force_subject_identifier`): one person's each, for as
-- long as the client is there. A grant keeps the name that it was made with.
CREATE TABLE oauth2_forced_subjects (
    tenant TEXT NOT NULL,
    client TEXT NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    named_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, client, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth2_forced_subjects_by_subject ON oauth2_forced_subjects (tenant, client, subject, named_at);

ALTER TABLE oauth2_grants ADD COLUMN forced_subject TEXT;
