//! Tables `plugin_components` and `component_usage`.
//!
//! Attack: a tenant fills the database, with one large upload or many at once. So whoever adds or takes away
//! takes the tenant's row of `component_usage` first: on PostgreSQL too, uploads of one tenant go by turns, and
//! each sees what the one before left.

use ::tenancy::plugin::uploaded::{CheckedComponent, ComponentRoom};
use primitives::TenantId;

use crate::statement::Statement;
use crate::values;

/// The kind of change by which a tenant has another component.
pub const COMPONENT_CHANGED: &str = "plugin_component";

/// Makes the row on which writers of this tenant's components wait for each other, and takes it.
fn take_turn(tenant: &TenantId) -> Statement {
    Statement::one(
        "INSERT INTO component_usage (tenant, versions, bytes) VALUES ($1, 0, 0)
         ON CONFLICT (tenant) DO UPDATE SET versions = component_usage.versions",
        values![tenant],
    )
}

/// Guard: there is room for one more version, and for its component unless it is there.
pub(super) fn reserve(tenant: &TenantId, sha256: &str, bytes: u64, room: ComponentRoom) -> Vec<Statement> {
    let bounded = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let counted = Statement::one(
        "UPDATE component_usage SET
             versions = versions + 1,
             bytes = bytes + CASE WHEN EXISTS
                 (SELECT 1 FROM plugin_components c WHERE c.tenant = $1 AND c.sha256 = $2) THEN 0 ELSE $3 END
         WHERE tenant = $1
             AND versions + 1 <= $4
             AND bytes + CASE WHEN EXISTS
                 (SELECT 1 FROM plugin_components c WHERE c.tenant = $1 AND c.sha256 = $2) THEN 0 ELSE $3 END
                 <= $5",
        values![tenant, sha256, bounded(bytes), bounded(room.versions), bounded(room.bytes)],
    );
    vec![take_turn(tenant), counted]
}

/// No guard: equal bytes are there. Its room must be reserved before.
pub(super) fn put(tenant: &TenantId, component: &CheckedComponent) -> Statement {
    let bytes = component.bytes().to_vec();
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let sha256 = component.facts().sha256.as_str();
    Statement::any(
        "INSERT INTO plugin_components (tenant, sha256, size, component) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        values![tenant, sha256, size, bytes],
    )
    .changes(COMPONENT_CHANGED, sha256)
}

/// Deletes what no version has, and counts what is left.
pub(super) fn collect(tenant: &TenantId) -> [Statement; 3] {
    [
        take_turn(tenant),
        Statement::any(
            "DELETE FROM plugin_components WHERE tenant = $1 AND NOT EXISTS (
                 SELECT 1 FROM plugin_versions v
                 WHERE v.tenant = $1 AND v.sha256 = plugin_components.sha256)",
            values![tenant],
        ),
        Statement::one(
            "UPDATE component_usage SET
                 versions = (SELECT COUNT(*) FROM plugin_versions v WHERE v.tenant = $1),
                 bytes = (SELECT CAST(COALESCE(SUM(c.size), 0) AS BIGINT)
                          FROM plugin_components c WHERE c.tenant = $1)
             WHERE tenant = $1",
            values![tenant],
        ),
    ]
}
