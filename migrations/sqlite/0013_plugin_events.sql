-- How far each plugin that is told of events has come in its tenant's audit records: the last one that it took, how
-- often the next ones were offered, and when they are offered next.
CREATE TABLE plugin_events (
    tenant TEXT NOT NULL,
    plugin TEXT NOT NULL,
    at INTEGER NOT NULL,
    id TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, plugin)
) STRICT, WITHOUT ROWID;
CREATE INDEX plugin_events_due ON plugin_events (next_attempt_at);
