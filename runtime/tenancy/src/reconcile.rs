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

/// A declared tenant wants a host at which a tenant answers that the file does not own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "tenant {wants} cannot answer at {host}: tenant {holds}, which the API made, does; free the host there first"
)]
pub struct HostTaken {
    /// The declared tenant.
    pub wants: TenantId,
    /// The host.
    pub host: String,
    /// Who answers there.
    pub holds: TenantId,
}

/// Checks that no host is taken from a tenant that is none of the file's business. `current` holds every
/// tenant that the file declares or owns, or that answers at a host that the file names.
pub fn check_hosts(current: &[Tenant], declared: &[DeclaredTenant]) -> Result<(), HostTaken> {
    let foreign = |tenant: &&Tenant| {
        tenant.managed_by == ManagedBy::Api && !declared.iter().any(|declared| declared.id == tenant.id)
    };
    for holder in current.iter().filter(foreign) {
        let wants = declared.iter().find(|wants| wants.host.is_some() && wants.host == holder.host);
        if let Some(DeclaredTenant { id, host: Some(host), .. }) = wants {
            return Err(HostTaken { wants: id.clone(), host: host.clone(), holds: holder.id.clone() });
        }
    }
    Ok(())
}

/// The changes that make the database agree with the file, in the order in which they are to be applied.
///
/// `current` holds every tenant that the file declares or owns. A declared tenant that the API made is
/// taken over: writing it into the file is the operator's word. One that the file owns and no longer
/// declares is disabled; its data stays. `default` never is: it goes over to the API as it is.
///
/// No change takes a host that another tenant still has. Tenants that swap hosts do so by way of none: one
/// of them answers at its path alone until the last change.
pub fn reconcile(current: &[Tenant], declared: &[DeclaredTenant], now: Timestamp) -> Vec<Change<Write>> {
    let mut waiting = targets(current, declared, now);
    let mut hosts = Hosts(current.iter().filter_map(|t| Some((t.host.clone()?, t.id.clone()))).collect());
    let mut changes = Vec::new();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|target| {
            let free = hosts.is_free_for(&target.after);
            if free {
                hosts.moved(&target.after);
                changes.push(target.change(now));
            }
            !free
        });
        if waiting.len() < before {
            continue;
        }
        match waiting.iter().position(|target| hosts.waits_for_itself(target, &waiting)) {
            Some(index) => {
                let released = waiting.get_mut(index).and_then(|target| target.release(now));
                changes.extend(released.map(|(tenant, change)| {
                    hosts.moved(&tenant);
                    change
                }));
            }
            // Somebody else has the host (see `check_hosts`): the guard says so when the change is applied.
            None => changes.extend(waiting.drain(..).map(|target| target.change(now))),
        }
    }
    changes
}

/// A tenant that differs from what the file wants.
struct Target {
    /// As it is; a new one is not yet.
    before: Option<Tenant>,
    /// As it shall be.
    after: Tenant,
    action: &'static str,
}

impl Target {
    fn change(&self, now: Timestamp) -> Change<Write> {
        match &self.before {
            None => self.after.clone().create(Actor::System),
            Some(before) => replaced(before, self.after.clone(), self.action, now).1,
        }
    }

    /// Gives up the host for now.
    fn release(&mut self, now: Timestamp) -> Option<(Tenant, Change<Write>)> {
        let before = self.before.take()?;
        let (released, change) =
            replaced(&before, Tenant { host: None, ..before.clone() }, "tenant.host_released", now);
        self.before = Some(released.clone());
        Some((released, change))
    }
}

/// Who answers at which host while the changes are applied one after the other.
struct Hosts(BTreeMap<String, TenantId>);

impl Hosts {
    fn holder(&self, tenant: &Tenant) -> Option<&TenantId> {
        self.0.get(tenant.host.as_ref()?)
    }

    fn is_free_for(&self, tenant: &Tenant) -> bool {
        self.holder(tenant).is_none_or(|holder| *holder == tenant.id)
    }

    fn moved(&mut self, tenant: &Tenant) {
        self.0.retain(|_, holder| *holder != tenant.id);
        if let Some(host) = &tenant.host {
            self.0.insert(host.clone(), tenant.id.clone());
        }
    }

    /// Whether the tenant waits for one that waits for one … that waits for it.
    fn waits_for_itself(&self, target: &Target, waiting: &[Target]) -> bool {
        let mut at = target;
        for _ in waiting {
            let Some(holder) = self.holder(&at.after) else { return false };
            if *holder == target.after.id {
                return true;
            }
            let Some(next) = waiting.iter().find(|other| other.after.id == *holder) else { return false };
            at = next;
        }
        false
    }
}

fn targets(current: &[Tenant], declared: &[DeclaredTenant], now: Timestamp) -> Vec<Target> {
    let vanished = current
        .iter()
        .filter(|tenant| tenant.managed_by == ManagedBy::File)
        .filter(|tenant| !declared.iter().any(|declared| declared.id == tenant.id))
        .map(|tenant| vanished(tenant, declared));
    let wanted = declared.iter().map(|declared| {
        let known = current.iter().find(|tenant| tenant.id == declared.id);
        let new = || Tenant::new(declared.id.clone(), ManagedBy::File, now);
        let mut after = as_declared(declared, known.cloned().unwrap_or_else(new));
        after.managed_by = ManagedBy::File;
        let taken = known.is_some_and(|tenant| tenant.managed_by == ManagedBy::Api);
        let action = if taken { "tenant.taken_over" } else { "tenant.updated" };
        Target { before: known.cloned(), after, action }
    });
    vanished.chain(wanted).filter(|target| target.before.as_ref() != Some(&target.after)).collect()
}

fn vanished(tenant: &Tenant, declared: &[DeclaredTenant]) -> Target {
    let mut after = tenant.clone();
    if tenant.id.as_str() == TenantId::DEFAULT {
        after.managed_by = ManagedBy::Api;
        let wanted = declared.iter().any(|other| other.host.is_some() && other.host == tenant.host);
        after.host = after.host.filter(|_| !wanted);
        return Target { before: Some(tenant.clone()), after, action: "tenant.left_to_api" };
    }
    // The host is given up, so that another tenant can have it.
    after.state = TenantState::Disabled;
    after.host = None;
    Target { before: Some(tenant.clone()), after, action: "tenant.disabled" }
}

fn as_declared(declared: &DeclaredTenant, mut tenant: Tenant) -> Tenant {
    tenant.host.clone_from(&declared.host);
    tenant.issuer.clone_from(&declared.issuer);
    tenant.state = if declared.suspended { TenantState::Suspended } else { TenantState::Active };
    tenant.settings.document.clone_from(&declared.settings);
    tenant
}

fn replaced(
    before: &Tenant,
    mut after: Tenant,
    action: &'static str,
    now: Timestamp,
) -> (Tenant, Change<Write>) {
    let read_version = before.settings.version;
    after.settings.version = read_version + 1;
    after.updated_at = now;
    let audit =
        AuditEvent::new(action, Actor::System, "tenant", &after.id).with("version", &(read_version + 1));
    let write = Write::ReplaceTenant { tenant: after.clone(), read_version };
    (after.clone(), Change::new(after.id).write(write).audit(audit))
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
    fn default_goes_over_to_the_api_as_it_is() {
        let mut stored = stored("default", Some("h"), ManagedBy::File);
        stored.settings.document.insert("branding".into(), serde_json::json!({"name": "N"}));
        check(std::slice::from_ref(&stored), &[], &["tenant.left_to_api default"]);
        let after = applied(std::slice::from_ref(&stored), &[]);
        assert_eq!(after["default"].managed_by, ManagedBy::Api);
        assert_eq!(
            (after["default"].state, after["default"].host.as_deref()),
            (TenantState::Active, Some("h"))
        );
        assert_eq!(after["default"].settings.document, stored.settings.document);
        let without = applied(&[stored], &[declared("a", Some("h"))]);
        assert_eq!((without["default"].host.as_deref(), without["a"].host.as_deref()), (None, Some("h")));
    }

    #[test]
    fn changed_settings_are_a_change() {
        let with =
            |name: &str| Map::from_iter([("branding".to_owned(), serde_json::json!({ "name": name }))]);
        let mut before = stored("a", None, ManagedBy::File);
        before.settings.document = with("A");
        let mut wanted = declared("a", None);
        wanted.settings = with("A");
        check(std::slice::from_ref(&before), std::slice::from_ref(&wanted), &[]);
        wanted.settings = with("B");
        let after = applied(&[before], &[wanted]);
        assert_eq!((&after["a"].settings.document, after["a"].settings.version), (&with("B"), 2));
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
        check(
            &[stored("a", Some("h"), ManagedBy::File), stored("b", Some("i"), ManagedBy::File)],
            &[declared("a", Some("i")), declared("b", Some("h"))],
            &["tenant.host_released a", "tenant.updated b", "tenant.updated a"],
        );
    }

    /// Applies the changes one after the other, each with its guard, and gives what is stored then.
    fn applied(current: &[Tenant], wanted: &[DeclaredTenant]) -> BTreeMap<String, Tenant> {
        let mut rows: BTreeMap<String, Tenant> =
            current.iter().map(|tenant| (tenant.id.to_string(), tenant.clone())).collect();
        for change in reconcile(current, wanted, NOW) {
            for write in change.writes {
                let new = match write {
                    Write::InsertTenant(new) => {
                        assert!(!rows.contains_key(new.id.as_str()), "{} exists", new.id);
                        new
                    }
                    Write::ReplaceTenant { tenant: new, read_version } => {
                        assert_eq!(rows[new.id.as_str()].settings.version, read_version);
                        new
                    }
                    other => panic!("{other:?}"),
                };
                let taken =
                    rows.values().any(|row| row.id != new.id && row.host.is_some() && row.host == new.host);
                assert!(!taken, "{:?} is taken", new.host);
                rows.insert(new.id.to_string(), new);
            }
        }
        rows
    }

    /// Every way in which three tenants can have three hosts.
    fn assignments() -> Vec<[Option<&'static str>; 3]> {
        let hosts = [None, Some("x"), Some("y"), Some("z")];
        let mut all = Vec::new();
        for a in hosts {
            for b in hosts.into_iter().filter(|b| b.is_none() || *b != a) {
                for c in hosts.into_iter().filter(|c| c.is_none() || (*c != a && *c != b)) {
                    all.push([a, b, c]);
                }
            }
        }
        all
    }

    #[test]
    fn hosts_change_hands_in_every_way() {
        const IDS: [&str; 3] = ["a", "b", "c"];
        for before in assignments() {
            for after in assignments() {
                // The third tenant is new, or was there.
                for known in [2, 3] {
                    let current: Vec<_> =
                        (0..known).map(|i| stored(IDS[i], before[i], ManagedBy::File)).collect();
                    let wanted: Vec<_> = (0..3).map(|i| declared(IDS[i], after[i])).collect();
                    let rows = applied(&current, &wanted);
                    let found = IDS.map(|id| rows[id].host.as_deref());
                    assert_eq!(found, after, "from {before:?}");
                }
            }
        }
    }

    #[test]
    fn host_of_a_tenant_that_the_api_made_is_not_taken() {
        let api = stored("b", Some("h"), ManagedBy::Api);
        let wanted = [declared("a", Some("h"))];
        let taken = check_hosts(std::slice::from_ref(&api), &wanted).unwrap_err();
        assert_eq!((taken.wants.as_str(), taken.holds.as_str()), ("a", "b"));
        // Nothing else is moved out of the way for it.
        let current = [api, stored("a", Some("i"), ManagedBy::File), stored("c", None, ManagedBy::File)];
        check(
            &current,
            &[declared("a", Some("h")), declared("c", Some("i"))],
            &["tenant.updated a", "tenant.updated c"],
        );
        assert_eq!(
            check_hosts(&[stored("b", Some("h"), ManagedBy::Api)], &[declared("b", Some("h"))]),
            Ok(())
        );
        assert_eq!(check_hosts(&[stored("b", Some("h"), ManagedBy::File)], &wanted), Ok(()));
    }
}
