//! With what a tenant proves to its providers that it is their client: sealed in the database, in no document.
//!
//! As with plugins, only the operator's file refers to secrets of the node. A tenant that the file does not own has its
//! secrets set by the API, which never shows them.

use primitives::{Actor, AuditEvent, Change, OrganisationId, Secret, TenantId, Timestamp};

use crate::connection::{Connection, is_connection};
use crate::ports::NamedSecret;

/// The longest secret, in bytes: a private key fits.
pub const SECRET_BYTES: usize = 8 << 10;

/// One guarded write of this room.
#[derive(Debug, Clone)]
pub enum Write {
    /// Sets the secret of a provider, whatever it was. No guard.
    PutSecret {
        /// The provider's name.
        provider: String,
        /// The secret.
        value: Secret<String>,
        /// When.
        at: Timestamp,
    },
    /// Takes it away. No guard.
    DeleteSecret {
        /// The provider's name.
        provider: String,
    },
    /// Sets an organisation's connection. Guard: the organisation exists, and its connection still has this version; there
    /// is none yet where that is 0. The stored one becomes one more.
    PutConnection(Box<Connection>),
    /// Takes one away. Guard: it is this provider.
    DeleteConnection {
        /// Whose.
        organisation: OrganisationId,
        /// Its name.
        provider: String,
    },
}

/// The change that sets a secret.
pub fn put(
    tenant: &TenantId,
    provider: &str,
    value: Secret<String>,
    (actor, at): (Actor, Timestamp),
) -> Change<Write> {
    let provider = provider.to_owned();
    let audit = AuditEvent::new("provider_secret.set", actor, "provider", &provider);
    Change::new(tenant.clone()).write(Write::PutSecret { provider, value, at }).audit(audit)
}

/// The change that takes one away.
pub fn delete(tenant: &TenantId, provider: &str, actor: Actor) -> Change<Write> {
    let provider = provider.to_owned();
    let audit = AuditEvent::new("provider_secret.deleted", actor, "provider", &provider);
    Change::new(tenant.clone()).write(Write::DeleteSecret { provider }).audit(audit)
}

/// The change after which a tenant's providers have the declared secrets and no others; `None` if they have.
pub fn reconcile(
    tenant: &TenantId,
    current: &[NamedSecret],
    declared: &[NamedSecret],
    now: Timestamp,
) -> Option<Change<Write>> {
    let mut change = Change::new(tenant.clone());
    for (provider, value) in declared.iter().filter(|declared| !current.contains(declared)) {
        change = change.and(put(tenant, provider, value.clone(), (Actor::System, now)));
    }
    // Those of connections are set by the API, whoever owns the tenant.
    let is_declared =
        |provider: &String| is_connection(provider) || declared.iter().any(|(other, _)| other == provider);
    for (provider, _) in current.iter().filter(|(provider, _)| !is_declared(provider)) {
        change = change.and(delete(tenant, provider, Actor::System));
    }
    (!change.writes.is_empty()).then_some(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_change_and_go_with_the_file() {
        let secret = |provider: &str, value: &str| (provider.to_owned(), Secret::new(value.to_owned()));
        let check = |current: &[NamedSecret], declared: &[NamedSecret], expect: &[&str]| {
            let change =
                reconcile(&TenantId::default_tenant(), current, declared, Timestamp::from_seconds(1));
            let found: Vec<String> = change
                .iter()
                .flat_map(|change| &change.audit)
                .map(|event| format!("{} {}", event.action, event.target.1))
                .collect();
            assert_eq!(found, expect);
            assert!(!format!("{change:?}").contains("hunter2"));
        };
        let a = secret("a", "hunter2");
        check(&[], std::slice::from_ref(&a), &["provider_secret.set a"]);
        check(std::slice::from_ref(&a), std::slice::from_ref(&a), &[]);
        check(std::slice::from_ref(&a), &[secret("a", "other")], &["provider_secret.set a"]);
        check(&[a], &[], &["provider_secret.deleted a"]);
        let connection = secret("org-6ba7b810-9dad-11d1-80b4-00c04fd430c8", "hunter2");
        check(&[connection], &[], &[]);
    }
}
