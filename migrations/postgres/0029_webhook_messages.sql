-- What is on its way to webhooks, until it is taken; what was given up stays for operators. What it says is sealed: it
-- tells of people. `next_attempt_at` is NULL once a message was given up, `done_at` until then.
CREATE TABLE webhook_messages (
    tenant TEXT COLLATE "C" NOT NULL,
    webhook TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    topic TEXT NOT NULL,
    body BYTEA NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    done_at BIGINT,
    PRIMARY KEY (tenant, webhook, id)
);
CREATE INDEX webhook_messages_due ON webhook_messages (tenant, webhook, next_attempt_at, id)
    WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_messages_by_age ON webhook_messages (tenant, created_at, id);
CREATE INDEX webhook_messages_done ON webhook_messages (done_at) WHERE done_at IS NOT NULL;
