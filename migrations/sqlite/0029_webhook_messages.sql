-- What is on its way to webhooks, until it is taken; what was given up stays for operators. What it says is sealed: it
-- tells of people. `next_attempt_at` is NULL once a message was given up, `done_at` until then.
CREATE TABLE webhook_messages (
    tenant TEXT NOT NULL,
    webhook TEXT NOT NULL,
    id TEXT NOT NULL,
    topic TEXT NOT NULL,
    body BLOB NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER,
    error TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    done_at INTEGER,
    PRIMARY KEY (tenant, webhook, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_messages_due ON webhook_messages (tenant, webhook, next_attempt_at, id)
    WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_messages_by_age ON webhook_messages (tenant, created_at, id);
CREATE INDEX webhook_messages_done ON webhook_messages (done_at) WHERE done_at IS NOT NULL;
