//! The secrets of a tenant, by name: what its settings refer to where they need one.
//!
//! Settings are a document that the API shows and takes, so they hold a secret's name and never the secret. Of a tenant
//! that the operator's file owns, the file says where each is; of any other, they are set by the API, which never shows
//! them. The database keeps them sealed.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::{Actor, AuditEvent, Change, Secret, TenantId, Timestamp};

use crate::ports::ReadError;
use crate::write::Write;

/// How many a tenant may have.
pub const TENANT_SECRETS_AT_MOST: usize = 64;
/// The longest one, in bytes.
pub const TENANT_SECRET_BYTES: usize = 8 << 10;

/// A secret with its name. Its value is never printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSecret {
    /// The name by which settings refer to it.
    pub name: String,
    /// What it is.
    pub value: Secret<String>,
}

/// Reads the secrets of tenants. Implemented by `storage`.
pub trait TenantSecrets: Send + Sync + fmt::Debug {
    /// The secret of a name.
    fn find_tenant_secret<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Secret<String>>, ReadError>>;

    /// All of a tenant's, in the order of their names.
    fn list_tenant_secrets<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<TenantSecret>, ReadError>>;
}

/// The change that sets a secret, whatever it was.
pub fn put(tenant: &TenantId, secret: TenantSecret, (actor, at): (Actor, Timestamp)) -> Change<Write> {
    let audit = AuditEvent::new("tenant_secret.set", actor, "secret", &secret.name);
    Change::new(tenant.clone()).write(Write::PutTenantSecret { secret, at }).audit(audit)
}

/// The change that takes one away.
pub fn delete(tenant: &TenantId, name: &str, actor: Actor) -> Change<Write> {
    let name = name.to_owned();
    let audit = AuditEvent::new("tenant_secret.deleted", actor, "secret", &name);
    Change::new(tenant.clone()).write(Write::DeleteTenantSecret { name }).audit(audit)
}

/// The change after which a tenant has the declared secrets and no others; `None` if it has.
pub fn reconcile_tenant_secrets(
    tenant: &TenantId,
    current: &[TenantSecret],
    declared: &[TenantSecret],
    now: Timestamp,
) -> Option<Change<Write>> {
    let mut change = Change::new(tenant.clone());
    for secret in declared.iter().filter(|secret| !current.contains(secret)) {
        change = change.and(put(tenant, secret.clone(), (Actor::System, now)));
    }
    let is_declared = |secret: &&TenantSecret| declared.iter().any(|other| other.name == secret.name);
    for secret in current.iter().filter(|secret| !is_declared(secret)) {
        change = change.and(delete(tenant, &secret.name, Actor::System));
    }
    (!change.writes.is_empty()).then_some(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_change_and_go_with_the_file() {
        let secret = |name: &str, value: &str| TenantSecret {
            name: name.to_owned(),
            value: Secret::new(value.to_owned()),
        };
        let check = |current: &[TenantSecret], declared: &[TenantSecret], expect: &[&str]| {
            let tenant = TenantId::default_tenant();
            let change = reconcile_tenant_secrets(&tenant, current, declared, Timestamp::from_seconds(1));
            let found: Vec<String> = change
                .iter()
                .flat_map(|change| &change.audit)
                .map(|event| format!("{} {}", event.action, event.target.1))
                .collect();
            assert_eq!(found, expect);
            assert!(!format!("{change:?}").contains("hunter2"));
        };
        let a = secret("a", "hunter2");
        check(&[], std::slice::from_ref(&a), &["tenant_secret.set a"]);
        check(std::slice::from_ref(&a), std::slice::from_ref(&a), &[]);
        check(std::slice::from_ref(&a), &[secret("a", "other")], &["tenant_secret.set a"]);
        check(&[a], &[], &["tenant_secret.deleted a"]);
    }
}
