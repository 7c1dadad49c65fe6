//! A plugin's named secrets: the configuration file refers to them, the database keeps them sealed.
//!
//! They are no part of the tenant's settings: that document is what the API shows and takes. A reference in
//! it would let whoever may write a tenant's settings read any file and any variable of the node; so only
//! the file of the node's operator refers, and what the file no longer declares is deleted.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::{Actor, AuditEvent, Change, Secret, TenantId, Timestamp};

use crate::ports::ReadError;
use crate::write::Write;

/// The longest name, in bytes.
const NAME_BYTES: usize = 64;
/// How many secrets a plugin may have.
pub const SECRETS_AT_MOST: usize = 32;
/// The longest secret, in bytes.
pub const SECRET_BYTES: usize = 8 << 10;

/// A secret of a plugin. Its value is never printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSecret {
    /// The plugin's name in its tenant.
    pub plugin: String,
    /// The name by which the plugin asks for it.
    pub name: String,
    /// What it gets.
    pub value: Secret<String>,
}

impl PluginSecret {
    fn is_named_as(&self, other: &Self) -> bool {
        self.plugin == other.plugin && self.name == other.name
    }
}

/// Whether a secret may have this name.
pub fn is_secret_name(name: &str) -> bool {
    let of_form = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(of_form)
}

/// Reads the secrets of plugins. Implemented by `storage`.
pub trait PluginSecrets: Send + Sync + fmt::Debug {
    /// The secrets of one plugin, in the order of their names.
    fn list_plugin_secrets<'a>(
        &'a self,
        tenant: &'a TenantId,
        plugin: &'a str,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>>;

    /// The secrets of all plugins of a tenant, those of one plugin together.
    fn list_secrets_of_plugins<'a>(
        &'a self,
        tenant: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<PluginSecret>, ReadError>>;
}

/// The change after which a tenant's plugins have the declared secrets and no others; `None` if they have.
pub fn reconcile_secrets(
    tenant: &TenantId,
    current: &[PluginSecret],
    declared: &[PluginSecret],
    now: Timestamp,
) -> Option<Change<Write>> {
    let mut change = Change::new(tenant.clone());
    for secret in declared.iter().filter(|secret| !current.contains(secret)) {
        let audit = audited("plugin_secret.set", secret);
        change = change.write(Write::PutPluginSecret { secret: secret.clone(), at: now }).audit(audit);
    }
    let is_declared = |secret: &&PluginSecret| declared.iter().any(|other| other.is_named_as(secret));
    for secret in current.iter().filter(|secret| !is_declared(secret)) {
        let PluginSecret { plugin, name, .. } = secret.clone();
        change = change
            .write(Write::DeletePluginSecret { plugin, name })
            .audit(audited("plugin_secret.deleted", secret));
    }
    (!change.writes.is_empty()).then_some(change)
}

fn audited(action: &'static str, secret: &PluginSecret) -> AuditEvent {
    AuditEvent::new(action, Actor::System, "plugin", &secret.plugin).with("secret", &secret.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(plugin: &str, name: &str, value: &str) -> PluginSecret {
        PluginSecret {
            plugin: plugin.to_owned(),
            name: name.to_owned(),
            value: Secret::new(value.to_owned()),
        }
    }

    /// Compares `<audit action> <plugin>/<secret>` of each write.
    fn check(current: &[PluginSecret], declared: &[PluginSecret], expect: &[&str]) {
        let change =
            reconcile_secrets(&TenantId::default_tenant(), current, declared, Timestamp::from_seconds(1));
        let found: Vec<String> = change
            .iter()
            .flat_map(|change| &change.audit)
            .map(|event| format!("{} {}/{}", event.action, event.target.1, event.details[0].1))
            .collect();
        assert_eq!(found, expect);
        assert_eq!(change.map_or(0, |change| change.writes.len()), expect.len());
    }

    #[test]
    fn secrets_come_change_and_go_with_the_file() {
        let (a, b) = (secret("a", "key", "1"), secret("b", "key", "1"));
        check(&[], &[a.clone(), b.clone()], &["plugin_secret.set a/key", "plugin_secret.set b/key"]);
        check(&[a.clone(), b.clone()], &[b.clone(), a.clone()], &[]);
        check(std::slice::from_ref(&a), &[secret("a", "key", "2")], &["plugin_secret.set a/key"]);
        check(&[a.clone(), b], &[a], &["plugin_secret.deleted b/key"]);
    }

    #[test]
    fn secret_is_not_printed_with_its_change() {
        let change = reconcile_secrets(
            &TenantId::default_tenant(),
            &[],
            &[secret("a", "key", "hunter2")],
            Timestamp::from_seconds(1),
        );
        let printed = format!("{change:?}");
        assert!(printed.contains("key") && !printed.contains("hunter2"), "{printed}");
    }

    #[test]
    fn names_are_short_and_plain() {
        for (name, expect) in [
            ("api_key", true),
            ("a.b-C9", true),
            ("", false),
            ("a/b", false),
            ("a b", false),
            ("ä", false),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
        ] {
            assert_eq!(is_secret_name(name), expect, "{name}");
        }
    }
}
