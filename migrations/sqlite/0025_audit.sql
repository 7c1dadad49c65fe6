-- Audit records are appended and leave by age, or with their tenant when that is deleted, nothing else: whatever statement
-- would change one is undone. Before records leave by age, what leaves is written down as a time that only moves on.
CREATE TABLE audit_horizon (
    tenant TEXT NOT NULL PRIMARY KEY,
    trimmed_before INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_records_stay BEFORE UPDATE ON audit_records
BEGIN
    SELECT RAISE(ABORT, 'audit records are append-only');
END;

CREATE TRIGGER audit_records_leave_by_age BEFORE DELETE ON audit_records
WHEN NOT EXISTS (SELECT 1 FROM audit_horizon h WHERE h.tenant = OLD.tenant AND OLD.at < h.trimmed_before)
    AND NOT EXISTS (SELECT 1 FROM deleted_tenants d WHERE d.tenant = OLD.tenant)
BEGIN
    SELECT RAISE(ABORT, 'audit records are append-only');
END;

CREATE TRIGGER audit_horizon_moves_on BEFORE UPDATE ON audit_horizon
WHEN NEW.trimmed_before < OLD.trimmed_before OR NEW.tenant <> OLD.tenant
BEGIN
    SELECT RAISE(ABORT, 'audit records are append-only');
END;

CREATE TRIGGER audit_horizon_stays BEFORE DELETE ON audit_horizon
WHEN NOT EXISTS (SELECT 1 FROM deleted_tenants d WHERE d.tenant = OLD.tenant)
BEGIN
    SELECT RAISE(ABORT, 'audit records are append-only');
END;
