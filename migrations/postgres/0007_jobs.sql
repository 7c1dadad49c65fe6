-- What background work needs: whose turn a job is, and messages that could not be delivered.

-- A job is free for any node from `free_at` on: the end of its holder's turn, or when it is due next.
CREATE TABLE job_leases (
    job TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL,
    free_at BIGINT NOT NULL
);

CREATE TABLE dead_messages (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    died_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX dead_messages_by_age ON dead_messages (died_at);
