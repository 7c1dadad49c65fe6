-- Self-service forms in progress. The document is sealed: it holds what people typed. `browser` is the
-- keyed hash of the cookie of the browser that began it; NULL for native applications.

CREATE TABLE self_service_flows (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    document BLOB NOT NULL,
    browser BLOB,
    version INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX self_service_flows_by_expiry ON self_service_flows (tenant, expires_at);
