-- The first answer to a challenge of a login, consent, logout or device app, or a person's refusal: `answer` is a keyed hash of
-- it. Until the challenge would have expired.
CREATE TABLE oauth2_answered_challenges (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    refused BIGINT NOT NULL,
    answer BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX oauth2_answered_challenges_by_end ON oauth2_answered_challenges (expires_at);

-- Where clients that register themselves wait for each other, so that no more of them are counted than there may be.
CREATE TABLE oauth2_registration_turns (
    tenant TEXT COLLATE "C" NOT NULL,
    turn BIGINT NOT NULL,
    PRIMARY KEY (tenant)
);

-- The names that a login app has given people at clients of pairwise subjects (`force_subject_identifier`): one person's each, for as
-- long as the client is there. A grant keeps the name that it was made with.
CREATE TABLE oauth2_forced_subjects (
    tenant TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    named_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, client, name)
);

CREATE INDEX oauth2_forced_subjects_by_subject ON oauth2_forced_subjects (tenant, client, subject, named_at);

ALTER TABLE oauth2_grants ADD COLUMN forced_subject TEXT;
