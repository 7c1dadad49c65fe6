-- How often somebody tried, by the keyed hash of who or what it was: a bucket that is full again at `full_at`, how often
-- it refused since it was last full, and until when it refuses everything. A row whose bucket is full says nothing.

CREATE TABLE attempt_buckets (
    tenant TEXT COLLATE "C" NOT NULL,
    bucket BYTEA NOT NULL,
    full_at BIGINT NOT NULL,
    refusals BIGINT NOT NULL,
    locked_until BIGINT NOT NULL,
    PRIMARY KEY (tenant, bucket)
);

CREATE INDEX attempt_buckets_by_end ON attempt_buckets (full_at);
