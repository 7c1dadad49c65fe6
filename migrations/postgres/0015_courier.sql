-- Messages to people, on their way and after it. What they say is sealed: it holds codes and links. `next_attempt_at` is
-- NULL once nothing will be tried any more, `done_at` until then.
CREATE TABLE courier_messages (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    template TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    content BYTEA NOT NULL,
    organisation TEXT COLLATE "C",
    send_count BIGINT NOT NULL,
    dispatches TEXT COLLATE "C" NOT NULL,
    next_attempt_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    done_at BIGINT,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX courier_messages_due ON courier_messages (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX courier_messages_by_age ON courier_messages (tenant, created_at, id);
CREATE INDEX courier_messages_done ON courier_messages (done_at) WHERE done_at IS NOT NULL;
