//! A shadow: a version that sees a share of the calls of what runs, whose answers are compared and never used.

use std::collections::BTreeSet;

use primitives::{AuditEvent, Change, Origin, UploadedPluginId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::decide::Asked;
use super::{
    Enablement, PluginVersion, StoredPlugin, UploadError, UploadState, UploadedPlugin, VersionDeclaration,
};
use crate::plugin::{Capability, HookName, Limits};
use crate::write::Write;

/// A candidate with its share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shadowing {
    /// What promoting it would have run.
    pub candidate: Enablement,
    /// Of a thousand calls, it sees so many.
    pub per_mille: u16,
}

/// The same, as a node is to load it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredShadow {
    /// The SHA-256 of its component.
    pub sha256: String,
    /// How it runs.
    pub declaration: VersionDeclaration,
    /// Of a thousand calls, it sees so many.
    pub per_mille: u16,
}

impl Shadowing {
    /// As a node is to load it.
    pub fn stored(&self) -> StoredShadow {
        let Enablement { sha256, declaration, .. } = self.candidate.clone();
        StoredShadow { sha256, declaration, per_mille: self.per_mille }
    }
}

impl StoredShadow {
    /// The candidate by itself, of the plugin of this name.
    pub fn of(self, id: UploadedPluginId, name: &str) -> StoredPlugin {
        let Self { sha256, declaration, per_mille: _ } = self;
        StoredPlugin { name: name.to_owned(), id, sha256, declaration, shadow: None }
    }
}

/// What somebody asks for who wants to see how a version would do. What is left out is as it is of what runs;
/// where it is called always is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowRequest {
    /// Which version.
    pub version: u32,
    /// Of a thousand calls, it sees so many.
    #[serde(default = "one_in_ten")]
    pub per_mille: u16,
    /// The signature of its component.
    #[serde(default)]
    pub signature: Option<String>,
    /// Other settings.
    #[serde(default)]
    pub settings: Option<Map<String, Value>>,
    /// Other servers.
    #[serde(default)]
    pub http_origins: Option<BTreeSet<Origin>>,
    /// Other limits.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// Other grants.
    #[serde(default)]
    pub grants: Option<BTreeSet<Capability>>,
}

const fn one_in_ten() -> u16 {
    100
}

impl ShadowRequest {
    fn declaration(&self, current: &VersionDeclaration) -> VersionDeclaration {
        let current = current.clone();
        VersionDeclaration {
            version: self.version,
            // That of another component signs nothing here.
            signature: self.signature.clone(),
            calls_per_instance: current.calls_per_instance,
            settings: self.settings.clone().unwrap_or(current.settings),
            http_origins: self.http_origins.clone().unwrap_or(current.http_origins),
            limits: self.limits.unwrap_or(current.limits),
            grants: self.grants.clone().unwrap_or(current.grants),
            bind: current.bind,
        }
    }
}

impl UploadedPlugin {
    /// The shadow that is asked for.
    pub fn propose_shadow(
        &self,
        wanted: &ShadowRequest,
        versions: &[PluginVersion],
        asked: &Asked<'_>,
    ) -> Result<Shadowing, UploadError> {
        let current = self.enabled().ok_or_else(|| UploadError::NotEnabled(self.name.clone()))?;
        let declaration = wanted.declaration(&current.declaration);
        let candidate = self.propose(declaration, versions, asked)?;
        Ok(Shadowing { candidate, per_mille: wanted.per_mille.min(1_000) })
    }

    /// What promoting its shadow would have run.
    pub fn propose_promotion(&self, asked: &Asked<'_>) -> Result<Enablement, UploadError> {
        let shadow = self.shadow().ok_or_else(|| UploadError::NoShadow(self.name.clone()))?;
        Ok(Enablement { at: asked.now, by: asked.actor.clone(), ..shadow.candidate.clone() })
    }

    /// The change after which this, or nothing, sees its calls.
    pub fn cast(
        self,
        cast: Option<Shadowing>,
        asked: &Asked<'_>,
    ) -> Result<(Self, Change<Write>), UploadError> {
        let UploadState::Enabled { current, previous, shadow } = self.state else {
            return Err(UploadError::NotEnabled(self.name));
        };
        let audit = match &cast {
            Some(cast) => AuditEvent::new("plugin.shadowed", asked.actor.clone(), "plugin", &self.name)
                .with("version", &cast.candidate.declaration.version)
                .with("per_mille", &cast.per_mille),
            None if shadow.is_none() => return Err(UploadError::NoShadow(self.name)),
            None => AuditEvent::new("plugin.shadow_ended", asked.actor.clone(), "plugin", &self.name),
        };
        let state = UploadState::Enabled { current, previous, shadow: cast.map(Box::new) };
        Ok(Self { state, ..self }.changed(audit, asked))
    }
}

/// What came of the calls that a shadow saw, on one node since it has been there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShadowReport {
    /// The candidate's component.
    pub sha256: String,
    /// Of a thousand calls, it sees so many.
    pub per_mille: u16,
    /// Why it cannot be loaded, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_loaded: Option<String>,
    /// How many it saw to their end.
    pub calls: u64,
    /// How often it answered the same, or failed in the same way.
    pub equal: u64,
    /// How often it answered something else.
    pub different: u64,
    /// How often it failed where what runs did not, or in another way.
    pub failed: u64,
    /// How often there was no room for it: real calls come first.
    pub skipped: u64,
    /// How long its calls took.
    pub candidate_mean_microseconds: u64,
    /// The longest.
    pub candidate_longest_microseconds: u64,
    /// How long the same calls of what runs took.
    pub current_mean_microseconds: u64,
    /// The longest.
    pub current_longest_microseconds: u64,
    /// Some of the differences. They may tell of people, and are kept in memory alone.
    pub examples: Vec<Difference>,
}

/// Two answers to one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The hook.
    pub hook: HookName,
    /// What the answer was.
    pub current: String,
    /// What the candidate would have answered.
    pub candidate: String,
}

#[cfg(test)]
mod tests {
    use primitives::{Actor, TenantId, Timestamp};
    use serde_json::json;

    use super::*;
    use crate::plugin::uploaded::ComponentFacts;

    fn version(version: u32) -> PluginVersion {
        let facts = json!({
            "sha256": format!("hash-{version}"), "bytes": 1, "hooks": [], "capabilities": [], "imports": [],
            "exports": [],
        });
        PluginVersion {
            plugin: "plan".to_owned(),
            version,
            facts: serde_json::from_value::<ComponentFacts>(facts).unwrap(),
            created_at: Timestamp::from_seconds(1),
            created_by: Actor::System,
        }
    }

    fn request(body: Value) -> ShadowRequest {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn shadow_has_what_runs_but_for_what_is_asked_and_is_promoted_as_it_was_seen() {
        let (tenant, versions) = (TenantId::default_tenant(), [version(2), version(1)]);
        let asked = Asked { tenant: &tenant, actor: Actor::System, now: Timestamp::from_seconds(2) };
        let plugin = UploadedPlugin {
            name: "plan".to_owned(),
            id: UploadedPluginId(uuid::Uuid::nil()),
            revision: 1,
            latest_version: 2,
            state: UploadState::Uploaded,
            created_at: Timestamp::from_seconds(1),
            updated_at: Timestamp::from_seconds(1),
        };
        let wanted = request(json!({ "version": 2, "settings": { "a": 2 } }));
        let refused = plugin.propose_shadow(&wanted, &versions, &asked).unwrap_err();
        assert_eq!(refused, UploadError::NotEnabled("plan".to_owned()));
        let current =
            json!({ "version": 1, "settings": { "a": 1 }, "grants": ["kv"], "bind": [{ "hook": "login" }] });
        let current = serde_json::from_value(current).unwrap();
        let current = plugin.propose(current, &versions, &asked).unwrap();
        let (plugin, _) = plugin.enable(current, "plugin.enabled", &asked);
        assert_eq!(plugin.propose_promotion(&asked).unwrap_err(), UploadError::NoShadow("plan".to_owned()));
        assert!(plugin.clone().cast(None, &asked).is_err());

        let cast = plugin.propose_shadow(&wanted, &versions, &asked).unwrap();
        assert_eq!(cast.per_mille, 100);
        let declaration = &cast.candidate.declaration;
        assert_eq!((declaration.version, &declaration.settings["a"]), (2, &json!(2)));
        assert_eq!(declaration.grants, [Capability::Kv].into());
        assert_eq!(declaration.bind[0].hook, HookName::Login);
        let (plugin, _) = plugin.cast(Some(cast.clone()), &asked).unwrap();
        assert!(plugin.is_version_in_use(2));
        assert_eq!(plugin.stored().unwrap().shadow, Some(cast.stored()));

        let promoted = plugin.propose_promotion(&asked).unwrap();
        let (plugin, _) = plugin.enable(promoted, "plugin.promoted", &asked);
        assert_eq!(plugin.enabled().unwrap().declaration, cast.candidate.declaration);
        assert_eq!(plugin.shadow(), None);
        assert_eq!(plugin.propose_rollback(&asked).unwrap().declaration.version, 1);
    }

    #[test]
    fn share_is_at_most_all_of_them_and_bindings_are_not_asked_for() {
        for (body, expect) in [
            (json!({ "version": 2, "bind": [] }), None),
            (json!({ "version": 2, "per_mille": -1 }), None),
            (json!({ "version": 2 }), Some(100)),
            (json!({ "version": 2, "per_mille": 0 }), Some(0)),
        ] {
            let found = serde_json::from_value::<ShadowRequest>(body.clone()).ok();
            assert_eq!(found.map(|request| request.per_mille), expect, "{body}");
        }
    }
}
