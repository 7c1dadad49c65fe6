-- What storage needs for itself: wrapped data keys, the change log, audit records, the outbox.

CREATE TABLE data_keys (
    id BIGINT NOT NULL PRIMARY KEY,
    wrapped BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- `xid` orders rows by transaction, so that a reader who stops below the oldest transaction still
-- running never skips one that commits late.
CREATE TABLE changes (
    position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid XID8 NOT NULL DEFAULT pg_current_xact_id(),
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX changes_by_transaction ON changes (xid, position);
CREATE INDEX changes_by_age ON changes (at);

CREATE TABLE audit_records (
    tenant TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    organisation TEXT COLLATE "C",
    details TEXT NOT NULL,
    PRIMARY KEY (tenant, at, id)
);

CREATE TABLE outbox_messages (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX outbox_messages_due ON outbox_messages (next_attempt_at);
