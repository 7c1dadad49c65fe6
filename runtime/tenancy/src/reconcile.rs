//! From what a configuration file declares to what has to change.

use std::collections::BTreeMap;

use primitives::{Actor, AuditEvent, Change, TenantId, Timestamp};
use serde_json::{Map, Value};
use url::Url;

use crate::tenant::{ManagedBy, Tenant, TenantState};
use crate::write::Write;

/// A tenant as a configuration file declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredTenant {
    /// Its identifier.
    pub id: TenantId,
    /// Its host.
    pub host: Option<String>,
    /// Its issuer.
    pub issuer: Option<Url>,
    /// Whether it shall not answer.
    pub suspended: bool,
    /// Its settings.
    pub settings: Map<String, Value>,
}

/// The changes that make the database agree with the file, one per tenant that differs.
///
/// `current` holds every tenant that the file declares or owns. A declared tenant that the API made is
/// taken over: writing it into the file is the operator's word. One that the file owns and no longer
/// declares is disabled; its data stays. Hosts are freed before they are taken, so that two tenants may
/// swap theirs in one edit of the file only if each has another in between.
pub fn reconcile(current: &[Tenant], declared: &[DeclaredTenant], now: Timestamp) -> Vec<Change<Write>> {
    let wanted: BTreeMap<&TenantId, &DeclaredTenant> =
        declared.iter().map(|tenant| (&tenant.id, tenant)).collect();
    let known: BTreeMap<&TenantId, &Tenant> = current.iter().map(|tenant| (&tenant.id, tenant)).collect();
    let vanished = current
        .iter()
        .filter(|tenant| tenant.managed_by == ManagedBy::File && !wanted.contains_key(&tenant.id))
        .filter(|tenant| tenant.state != TenantState::Disabled || tenant.host.is_some())
        .map(|tenant| {
            // The host is given up, so that another tenant can take it in the same edit.
            let gone = Tenant { state: TenantState::Disabled, host: None, ..tenant.clone() };
            replaced(tenant, gone, "tenant.disabled", now)
        });
    let (losing_host, others): (Vec<_>, Vec<_>) = declared
        .iter()
        .filter_map(|declared| {
            let Some(tenant) = known.get(&declared.id) else { return Some((false, inserted(declared, now))) };
            let mut wanted = as_declared(declared, (*tenant).clone());
            wanted.managed_by = ManagedBy::File;
            let frees = tenant.host.is_some() && tenant.host != wanted.host;
            let action =
                if tenant.managed_by == ManagedBy::Api { "tenant.taken_over" } else { "tenant.updated" };
            (wanted != **tenant).then(|| (frees, replaced(tenant, wanted, action, now)))
        })
        .partition(|(frees, _)| *frees);
    vanished.chain(losing_host.into_iter().chain(others).map(|(_, change)| change)).collect()
}

fn inserted(declared: &DeclaredTenant, now: Timestamp) -> Change<Write> {
    as_declared(declared, Tenant::new(declared.id.clone(), ManagedBy::File, now)).create(Actor::System)
}

fn as_declared(declared: &DeclaredTenant, mut tenant: Tenant) -> Tenant {
    tenant.host.clone_from(&declared.host);
    tenant.issuer.clone_from(&declared.issuer);
    tenant.state = if declared.suspended { TenantState::Suspended } else { TenantState::Active };
    tenant.settings.document.clone_from(&declared.settings);
    tenant
}

fn replaced(before: &Tenant, mut after: Tenant, action: &'static str, now: Timestamp) -> Change<Write> {
    let read_version = before.settings.version;
    after.settings.version = read_version + 1;
    after.updated_at = now;
    let audit =
        AuditEvent::new(action, Actor::System, "tenant", &after.id).with("version", &(read_version + 1));
    Change::new(after.id.clone()).write(Write::ReplaceTenant { tenant: after, read_version }).audit(audit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn declared(id: &str, host: Option<&str>) -> DeclaredTenant {
        DeclaredTenant {
            id: id.parse().unwrap(),
            host: host.map(str::to_owned),
            issuer: None,
            suspended: false,
            settings: Map::new(),
        }
    }

    fn stored(id: &str, host: Option<&str>, managed_by: ManagedBy) -> Tenant {
        let mut tenant = Tenant::new(id.parse().unwrap(), managed_by, NOW);
        tenant.host = host.map(str::to_owned);
        tenant
    }

    /// Compares `<audit action> <tenant>` of each change.
    fn check(current: &[Tenant], wanted: &[DeclaredTenant], expect: &[&str]) {
        let changes = reconcile(current, wanted, NOW);
        let found: Vec<String> =
            changes.iter().map(|change| format!("{} {}", change.audit[0].action, change.tenant)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn declared_tenants_are_made_changed_and_left_alone() {
        check(&[], &[declared("a", None)], &["tenant.created a"]);
        check(&[stored("a", None, ManagedBy::File)], &[declared("a", None)], &[]);
        check(&[stored("a", None, ManagedBy::File)], &[declared("a", Some("h"))], &["tenant.updated a"]);
    }

    #[test]
    fn file_takes_over_what_the_api_made() {
        check(&[stored("a", None, ManagedBy::Api)], &[declared("a", None)], &["tenant.taken_over a"]);
    }

    #[test]
    fn vanished_tenants_are_disabled_once_and_come_back() {
        let file = stored("a", None, ManagedBy::File);
        check(std::slice::from_ref(&file), &[], &["tenant.disabled a"]);
        let disabled = Tenant { state: TenantState::Disabled, ..file };
        check(std::slice::from_ref(&disabled), &[], &[]);
        check(&[disabled], &[declared("a", None)], &["tenant.updated a"]);
        check(&[stored("a", None, ManagedBy::Api)], &[], &[]);
    }

    #[test]
    fn host_is_freed_before_it_is_taken() {
        check(
            &[stored("a", None, ManagedBy::File), stored("b", Some("h"), ManagedBy::File)],
            &[declared("a", Some("h")), declared("b", None)],
            &["tenant.updated b", "tenant.updated a"],
        );
        check(
            &[stored("b", Some("h"), ManagedBy::File)],
            &[declared("a", Some("h"))],
            &["tenant.disabled b", "tenant.created a"],
        );
    }
}
