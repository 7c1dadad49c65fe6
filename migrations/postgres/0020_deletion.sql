-- What is deleted stays dead.

-- What tells an uploaded plugin from one that had its name before. Those that are there already have the nil id; no
-- other is given it.
ALTER TABLE uploaded_plugins ADD COLUMN id TEXT COLLATE "C" NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';

-- The uploaded plugin that keeps these values; the nil id, too, where none of this name was uploaded.
ALTER TABLE plugin_usage ADD COLUMN upload_id TEXT COLLATE "C" NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';

-- Tenants that were deleted, while rows of theirs may be left. Nobody gets their ids until then, and nobody answers at
-- their hosts but who is given them.
CREATE TABLE deleted_tenants (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    host TEXT COLLATE "C",
    deleted_at BIGINT NOT NULL
);
