-- Audit records are appended and leave by age, or with their tenant when that is deleted, nothing else: whatever statement
-- would change one is undone. Before records leave by age, what leaves is written down as a time that only moves on.
CREATE TABLE audit_horizon (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    trimmed_before BIGINT NOT NULL
);

CREATE FUNCTION audit_records_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT 1 FROM audit_horizon h WHERE h.tenant = OLD.tenant AND OLD.at < h.trimmed_before)
            OR EXISTS (SELECT 1 FROM deleted_tenants d WHERE d.tenant = OLD.tenant) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit records are append-only';
END
$guard$;

CREATE FUNCTION audit_horizon_guard() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.trimmed_before >= OLD.trimmed_before AND NEW.tenant = OLD.tenant THEN
            RETURN NEW;
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF EXISTS (SELECT 1 FROM deleted_tenants d WHERE d.tenant = OLD.tenant) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit records are append-only';
END
$guard$;

CREATE TRIGGER audit_records_stay BEFORE UPDATE OR DELETE ON audit_records
    FOR EACH ROW EXECUTE FUNCTION audit_records_guard();
CREATE TRIGGER audit_records_stay_whole BEFORE TRUNCATE ON audit_records
    FOR EACH STATEMENT EXECUTE FUNCTION audit_records_guard();
CREATE TRIGGER audit_horizon_moves_on BEFORE UPDATE OR DELETE ON audit_horizon
    FOR EACH ROW EXECUTE FUNCTION audit_horizon_guard();
CREATE TRIGGER audit_horizon_stays BEFORE TRUNCATE ON audit_horizon
    FOR EACH STATEMENT EXECUTE FUNCTION audit_horizon_guard();
