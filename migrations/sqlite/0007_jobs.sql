-- What background work needs: whose turn a job is, and messages that could not be delivered.

-- A job is free for any node from `free_at` on: the end of its holder's turn, or when it is due next.
CREATE TABLE job_leases (
    job TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    free_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_messages (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    died_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_messages_by_age ON dead_messages (died_at);
