//! The secrets of an uploaded plugin: set by whoever administers it, read by the plugin alone.
//!
//! Attack: a plugin is uploaded under the name of one in the node's file, or that name is freed, and reads the secrets
//! there; or the other way round. So these are kept apart from those of [`secrets`](crate::plugin::secrets): an uploaded
//! plugin has these and no others.
//!
//! Nothing tells a value again, not even to whoever set it.

use primitives::{Actor, AuditEvent, Change, Secret, Timestamp};
use serde::Serialize;

use super::{Asked, UploadedPlugin};
use crate::plugin::secrets::{SECRET_BYTES, SECRETS_AT_MOST, is_secret_name};
use crate::write::Write;

/// What is told of a secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SecretFacts {
    /// The name by which the plugin asks for it.
    pub name: String,
    /// When it was set.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: Actor,
}

/// A secret to be kept, sealed. Its value is never printed.
#[derive(Debug, Clone, PartialEq)]
pub struct UploadedSecret {
    /// The plugin's name in its tenant.
    pub plugin: String,
    /// What is told of it.
    pub facts: SecretFacts,
    /// What the plugin gets.
    pub value: Secret<String>,
}

/// Why a secret is not set or deleted. The caller's, every one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nothing can have this name.
    #[error("a secret's name has 1 to 64 letters, digits, `_`, `-` and `.`")]
    Name,
    /// There is nothing in it, or too much.
    #[error("a secret has 1 to {SECRET_BYTES} bytes")]
    Size,
    /// The plugin has as many as it may.
    #[error("the plugin has {SECRETS_AT_MOST} secrets, which is as many as it may; delete one")]
    TooMany,
    /// It has none of this name.
    #[error("the plugin has no secret of that name")]
    Unknown,
}

impl UploadedPlugin {
    /// The change after which the plugin has this secret. `known` are those that it has.
    ///
    /// It raises the plugin's revision: of two who set one at once, one decides anew on what the other left, and none is set
    /// of a plugin that is gone.
    pub fn set_secret(
        self,
        (name, value): (&str, Secret<String>),
        known: &[SecretFacts],
        asked: &Asked<'_>,
    ) -> Result<Change<Write>, SecretError> {
        if !is_secret_name(name) {
            return Err(SecretError::Name);
        }
        if !(1..=SECRET_BYTES).contains(&value.expose().len()) {
            return Err(SecretError::Size);
        }
        if known.len() >= SECRETS_AT_MOST && !known.iter().any(|facts| facts.name == name) {
            return Err(SecretError::TooMany);
        }
        let facts =
            SecretFacts { name: name.to_owned(), updated_at: asked.now, updated_by: asked.actor.clone() };
        let write =
            Write::PutUploadedSecret(Box::new(UploadedSecret { plugin: self.name.clone(), facts, value }));
        let (_, change) = self.changed_secret("plugin_secret.set", name, asked);
        Ok(change.write(write))
    }

    /// The change after which it no longer has this secret.
    pub fn delete_secret(
        self,
        name: &str,
        known: &[SecretFacts],
        asked: &Asked<'_>,
    ) -> Result<Change<Write>, SecretError> {
        if !known.iter().any(|facts| facts.name == name) {
            return Err(SecretError::Unknown);
        }
        let write = Write::DeleteUploadedSecret { plugin: self.name.clone(), name: name.to_owned() };
        let (_, change) = self.changed_secret("plugin_secret.deleted", name, asked);
        Ok(change.write(write))
    }

    fn changed_secret(self, action: &'static str, secret: &str, asked: &Asked<'_>) -> (Self, Change<Write>) {
        let audit =
            AuditEvent::new(action, asked.actor.clone(), "plugin", &self.name).with("secret", &secret);
        self.changed(audit, asked)
    }
}

#[cfg(test)]
mod tests {
    use primitives::{TenantId, UploadedPluginId};

    use super::*;
    use crate::plugin::uploaded::UploadState;

    fn plan() -> UploadedPlugin {
        let at = Timestamp::from_seconds(1);
        UploadedPlugin {
            name: "plan".to_owned(),
            id: UploadedPluginId(uuid::Uuid::nil()),
            revision: 7,
            latest_version: 1,
            state: UploadState::Uploaded,
            created_at: at,
            updated_at: at,
        }
    }

    fn known(names: impl IntoIterator<Item = String>) -> Vec<SecretFacts> {
        let facts =
            |name| SecretFacts { name, updated_at: Timestamp::from_seconds(1), updated_by: Actor::System };
        names.into_iter().map(facts).collect()
    }

    fn set(name: &str, value: &str, known: &[SecretFacts]) -> Result<Change<Write>, SecretError> {
        let tenant = TenantId::default_tenant();
        let asked = Asked { tenant: &tenant, actor: Actor::System, now: Timestamp::from_seconds(2) };
        plan().set_secret((name, Secret::new(value.to_owned())), known, &asked)
    }

    #[test]
    fn secrets_are_named_and_bounded() {
        let full = known((0..SECRETS_AT_MOST).map(|number| format!("s{number}")));
        for (name, bytes, known, expect) in [
            ("api_key", 1, &[][..], Ok(())),
            ("api_key", SECRET_BYTES, &[], Ok(())),
            ("api_key", 0, &[], Err(SecretError::Size)),
            ("api_key", SECRET_BYTES + 1, &[], Err(SecretError::Size)),
            ("a/b", 1, &[], Err(SecretError::Name)),
            ("", 1, &[], Err(SecretError::Name)),
            ("one-more", 1, &full, Err(SecretError::TooMany)),
            ("s3", 1, &full, Ok(())),
        ] {
            assert_eq!(set(name, &"x".repeat(bytes), known).map(drop), expect, "{name} of {bytes}");
        }
    }

    #[test]
    fn change_is_guarded_by_the_revision_and_says_nothing_of_the_value() {
        let change = set("api_key", "hunter2", &[]).unwrap();
        assert!(
            matches!(&change.writes[..], [Write::PutUploadedPlugin { plugin, reloads: true }, Write::PutUploadedSecret(_)]
                if plugin.revision == 8)
        );
        let audited: Vec<_> = change.audit.iter().map(|event| (event.action, &*event.target.1)).collect();
        assert_eq!(audited, [("plugin_secret.set", "plan")]);
        let printed = format!("{change:?}");
        assert!(printed.contains("api_key") && !printed.contains("hunter2"), "{printed}");
    }

    #[test]
    fn one_that_is_not_there_is_not_deleted() {
        let tenant = TenantId::default_tenant();
        let asked = Asked { tenant: &tenant, actor: Actor::System, now: Timestamp::from_seconds(2) };
        let known = known(["api_key".to_owned()]);
        assert_eq!(plan().delete_secret("other", &known, &asked).unwrap_err(), SecretError::Unknown);
        let change = plan().delete_secret("api_key", &known, &asked).unwrap();
        assert_eq!((change.writes.len(), change.audit[0].action), (2, "plugin_secret.deleted"));
    }
}
