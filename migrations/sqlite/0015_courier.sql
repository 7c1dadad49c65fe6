-- Messages to people, on their way and after it. What they say is sealed: it holds codes and links. `next_attempt_at` is
-- NULL once nothing will be tried any more, `done_at` until then.
CREATE TABLE courier_messages (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    status TEXT NOT NULL,
    channel TEXT NOT NULL,
    template TEXT NOT NULL,
    recipient TEXT NOT NULL,
    content BLOB NOT NULL,
    organisation TEXT,
    send_count INTEGER NOT NULL,
    dispatches TEXT NOT NULL,
    next_attempt_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    done_at INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX courier_messages_due ON courier_messages (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX courier_messages_by_age ON courier_messages (tenant, created_at, id);
CREATE INDEX courier_messages_done ON courier_messages (done_at) WHERE done_at IS NOT NULL;
