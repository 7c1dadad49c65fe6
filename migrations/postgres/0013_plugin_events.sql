-- How far each plugin that is told of events has come in its tenant's audit records: the last one that it took, how
-- often the next ones were offered, and when they are offered next.
CREATE TABLE plugin_events (
    tenant TEXT COLLATE "C" NOT NULL,
    plugin TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, plugin)
);
CREATE INDEX plugin_events_due ON plugin_events (next_attempt_at);
