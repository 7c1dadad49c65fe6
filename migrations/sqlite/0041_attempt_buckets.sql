-- How often somebody tried, by the keyed hash of who or what it was: a bucket that is full again at `full_at`, how often
-- it refused since it was last full, and until when it refuses everything. A row whose bucket is full says nothing.

CREATE TABLE attempt_buckets (
    tenant TEXT NOT NULL,
    bucket BLOB NOT NULL,
    full_at INTEGER NOT NULL,
    refusals INTEGER NOT NULL,
    locked_until INTEGER NOT NULL,
    PRIMARY KEY (tenant, bucket)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempt_buckets_by_end ON attempt_buckets (full_at);
