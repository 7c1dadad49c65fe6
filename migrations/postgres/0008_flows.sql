-- Self-service forms in progress. The document is sealed: it holds what people typed. `browser` is the
-- keyed hash of the cookie of the browser that began it; NULL for native applications.

CREATE TABLE self_service_flows (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    document BYTEA NOT NULL,
    browser BYTEA,
    version BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX self_service_flows_by_expiry ON self_service_flows (tenant, expires_at);
